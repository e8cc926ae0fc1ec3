{ lib, rustPlatform, python3 }:

let
  root = ../..;
  manifest = builtins.fromTOML (builtins.readFile (root + "/Cargo.toml"));
in
rustPlatform.buildRustPackage {
  pname = "credential-helper";
  version = manifest.workspace.package.version;

  # Without what builds and tests have left.
  src = lib.cleanSourceWith {
    src = lib.cleanSource root;
    filter = path: type: !(type == "directory" && baseNameOf path == "target");
  };
  cargoLock.lockFile = root + "/Cargo.lock";

  nativeBuildInputs = [ python3 ];

  # They need a session bus, a keyring and the real Poetry; they are run before a release.
  doCheck = false;

  postPatch = "patchShebangs packaging";

  # Programs, bridges, manual pages, completions and units, from what the build has installed.
  postInstall = ''
    mkdir built
    mv $out/bin/* built/
    packaging/stage.sh --binaries built --output $out \
      --helperd $out/libexec/credential-helper/helperd
  '';

  # helper looks for helperd from its own place, and nowhere else.
  doInstallCheck = true;
  installCheckPhase = ''
    POETRY_HTTP_BASIC_FOO_USERNAME=alice POETRY_HTTP_BASIC_FOO_PASSWORD=hunter2 \
      $out/bin/helper get foo --no-agent | grep -qx password=hunter2
  '';

  meta = {
    description = manifest.package.description;
    homepage = manifest.workspace.package.repository;
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "helper";
    platforms = lib.platforms.linux;
  };
}
