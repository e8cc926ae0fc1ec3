//! What is measured: both builds of the helper, and our own programs in C.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One build of the helper.
pub(crate) struct Build {
    pub(crate) name: &'static str,
    /// How it is linked.
    pub(crate) linked: &'static str,
    pub(crate) helper: PathBuf,
}

impl Build {
    /// Copies the programs as an installation does, and measures those. A linker writes a program
    /// in one piece, which the kernel keeps in pieces as large and maps by them, whatever of it is
    /// used; and until it is on the disk its pages count as dirty memory of who runs it.
    fn installed(name: &'static str, linked: &'static str, from: &Path, to: &Path) -> Self {
        std::fs::create_dir_all(to).unwrap();
        // `helper` looks for `helperd` beside itself.
        for program in ["helper", "helperd"] {
            let copy = to.join(program);
            // Another run's agent may still be running the old one.
            let _ = std::fs::remove_file(&copy);
            std::fs::copy(from.join(program), &copy).unwrap();
            std::fs::File::open(&copy).unwrap().sync_all().unwrap();
        }
        Self {
            name,
            linked,
            helper: to.join("helper"),
        }
    }
}

/// Everything that was built.
pub(crate) struct Artifacts {
    /// `cargo build --release --locked`.
    pub(crate) plain: Build,
    /// `packaging/build.sh`.
    pub(crate) packaged: Build,
    pub(crate) launch: PathBuf,
    pub(crate) once: PathBuf,
    pub(crate) echo: PathBuf,
    pub(crate) load: PathBuf,
}

impl Artifacts {
    pub(crate) fn build() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut plain = Command::new(cargo);
        plain.args(["build", "--release", "--locked", "--bins"]);
        done(outside(plain.current_dir(root)));
        let mut script = Command::new(root.join("packaging/build.sh"));
        let packaged = done(outside(script.current_dir(root)));
        let folder = root.join(packaged.trim());
        let linked = if packaged.contains("musl") {
            "static, musl"
        } else {
            "static, glibc"
        };
        let c = target.join("speed");
        std::fs::create_dir_all(&c).unwrap();
        let compiled = |name: &str, options: &[&str]| {
            let output = c.join(name);
            let mut command = Command::new("cc");
            command.args(["-O2", "-Wall", "-Wextra", "-o"]).arg(&output);
            command.arg(root.join(format!("benches/c/{name}.c")));
            command.args(options);
            (command, output)
        };
        let dynamic = |name: &str| {
            let (mut command, output) = compiled(name, &[]);
            done(&mut command);
            output
        };
        // Its own memory is the least that it can tell of others: the smaller the better.
        let (mut small, launch) = compiled("launch", &["-static"]);
        if !small.stderr(Stdio::null()).status().unwrap().success() {
            dynamic("launch");
        }
        Self {
            plain: Build::installed(
                "cargo build --release",
                "dynamic, glibc",
                &target.join("release"),
                &c.join("plain"),
            ),
            packaged: Build::installed("packaged", linked, &folder, &c.join("packaged")),
            launch,
            once: dynamic("once"),
            echo: dynamic("echo"),
            load: dynamic("load"),
        }
    }

    /// Both builds.
    pub(crate) fn builds(&self) -> [&Build; 2] {
        [&self.plain, &self.packaged]
    }
}

/// Without what cargo tells of the package whose benchmark this is: some dependencies are built
/// anew whenever these variables change.
fn outside(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs it to the end; what it wrote.
pub(crate) fn done(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(
        output.status.success(),
        "{} failed: {}",
        command.get_program().to_string_lossy(),
        output.status
    );
    String::from_utf8(output.stdout).unwrap()
}
