use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use super::{ConnectError, Finding, examine, find};
use crate::address::{NAME, Rule};
use crate::surroundings::{Platform, Surroundings};

const TIME: Duration = Duration::from_secs(2);

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Surroundings whose runtime folder is `folder`, and whose user has no `/run/user`.
fn around(folder: &Path, more: &[(&str, &Path)]) -> Surroundings {
    let variables = more.iter().copied().chain([("XDG_RUNTIME_DIR", folder)]);
    Surroundings::given(variables, Platform::MacOs, own_uid(), "host")
}

fn private_folder(path: &Path, mode: u32) {
    fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Root can, but not that of a user namespace, which has nobody else.
fn gives_files_away() -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    own_uid() == 0 && std::os::unix::fs::chown(file.path(), Some(65534), None).is_ok()
}

#[test]
fn a_folder_that_is_not_there_is_made_for_us_alone() {
    let root = tempfile::tempdir().unwrap();
    let mut place = find(&around(root.path(), &[])).unwrap();
    assert_eq!(place.rule, Rule::Runtime);
    assert!(matches!(place.connect(TIME), Err(ConnectError::NoAgent)));
    place.make_folder().unwrap();
    let mode = fs::metadata(place.socket.parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    place.make_folder().unwrap();
}

#[test]
fn an_open_folder_and_a_link_are_passed_over_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let open = root.path().join("open");
    private_folder(&open, 0o755);
    let target = root.path().join("target");
    private_folder(&target, 0o700);
    symlink(&target, root.path().join("credential-helper")).unwrap();
    let socket = open.join("a.sock");
    let around = around(root.path(), &[("CREDENTIAL_HELPER_SOCKET", &socket)]);
    let reasons: Vec<String> = examine(&around)
        .into_iter()
        .map(|(_, finding)| match finding {
            Finding::Skipped(reason) => reason,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(reasons[0], "its folder is open to others (mode 0755)");
    assert_eq!(reasons[1], "its folder is a link or no folder");
    let message = find(&around).unwrap_err().message;
    assert!(message.contains("mode 0755") && message.contains("link"));
}

#[test]
fn no_place_at_all_is_told() {
    let around = Surroundings::given([("A", "b")], Platform::MacOs, own_uid(), "host");
    assert!(find(&around).unwrap_err().message.contains("no place"));
}

/// `sudo -E`: a folder of root's would be in the way of the user whose home it is.
#[test]
fn root_makes_nothing_in_the_folders_of_others() {
    if !gives_files_away() {
        eprintln!("left out: this user cannot be somebody else");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let (run, home) = (root.path().join("run"), root.path().join("home"));
    for folder in [&run, &home] {
        fs::create_dir(folder).unwrap();
        std::os::unix::fs::chown(folder, Some(65534), None).unwrap();
    }
    let found = find(&around(&run, &[("HOME", &home)]));
    assert!(found.unwrap_err().message.contains("cannot be made"));
    let socket = home.join("own/agent.sock");
    let around = around(&run, &[("CREDENTIAL_HELPER_SOCKET", &socket)]);
    assert_eq!(find(&around).unwrap().socket, socket);
}

#[test]
fn a_runtime_folder_is_not_faked_and_a_state_folder_is_made() {
    let root = tempfile::tempdir().unwrap();
    let home = root.path().join("home");
    fs::create_dir(&home).unwrap();
    let missing = root.path().join("missing");
    let variables = [("XDG_RUNTIME_DIR", &missing), ("HOME", &home)];
    let around = Surroundings::given(variables, Platform::MacOs, own_uid(), "host");
    let mut place = find(&around).unwrap();
    assert_eq!(place.rule, Rule::State);
    place.make_folder().unwrap();
    assert!(
        home.join("Library/Application Support/credential-helper/run-host")
            .is_dir()
    );
}

#[test]
fn connects_also_where_the_path_is_too_long_for_a_socket() {
    let root = tempfile::tempdir().unwrap();
    let long = root.path().join("x".repeat(150));
    fs::create_dir(&long).unwrap();
    let mut place = find(&around(&long, &[])).unwrap();
    if cfg!(not(target_os = "linux")) {
        return;
    }
    let folder = place.make_folder().unwrap();
    let listener = UnixListener::bind(super::in_folder(folder, NAME.as_ref())).unwrap();
    place.connect(TIME).unwrap();
    drop(listener);
    assert!(matches!(place.connect(TIME), Err(ConnectError::NoAgent)));
}

#[test]
fn a_place_found_before_its_folder_was_made_connects() {
    let root = tempfile::tempdir().unwrap();
    let around = around(root.path(), &[]);
    let place = find(&around).unwrap();
    let mut other = find(&around).unwrap();
    other.make_folder().unwrap();
    let _listener = UnixListener::bind(&other.socket).unwrap();
    place.connect(TIME).unwrap();
}

/// Needs root: only root can give files away.
#[test]
fn a_mounted_socket_is_foreign_and_its_server_must_own_it() {
    if !gives_files_away() {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("mounted");
    private_folder(&folder, 0o700);
    std::os::unix::fs::chown(&folder, Some(65534), None).unwrap();
    let socket = folder.join(NAME);
    let _listener = UnixListener::bind(&socket).unwrap();
    let around = around(root.path(), &[("CREDENTIAL_HELPER_SOCKET", &socket)]);
    let place = find(&around).unwrap();
    assert!(place.foreign);
    // The server is root, and so is the owner of the socket.
    place.connect(TIME).unwrap();
    std::os::unix::fs::chown(&socket, Some(65534), None).unwrap();
    match place.connect(TIME) {
        Err(ConnectError::Failed(failure)) => {
            assert_eq!(failure.code, crate::ErrorCode::Policy);
        }
        other => panic!("{other:?}"),
    }
    fs::remove_file(&socket).unwrap();
    match place.connect(TIME) {
        Err(ConnectError::Failed(failure)) => {
            assert_eq!(failure.code, crate::ErrorCode::Unavailable);
        }
        other => panic!("{other:?}"),
    }
    // Not by the variable: another user's folder is passed over.
    let runtime = root.path().join("credential-helper");
    private_folder(&runtime, 0o700);
    std::os::unix::fs::chown(&runtime, Some(65534), None).unwrap();
    let plain = super::tests::around(root.path(), &[]);
    assert!(find(&plain).unwrap_err().message.contains("user 65534"));
    // Only the socket is mounted, into an ordinary folder of a root in a container.
    let own = root.path().join("own");
    private_folder(&own, 0o755);
    let alone = own.join("a.sock");
    let _other = UnixListener::bind(&alone).unwrap();
    std::os::unix::fs::chown(&alone, Some(65534), None).unwrap();
    let around = super::tests::around(root.path(), &[("CREDENTIAL_HELPER_SOCKET", &alone)]);
    assert!(find(&around).unwrap().foreign);
}
