use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Claim, Running, answers};

fn claim(path: &std::path::Path) -> Claim {
    Claim::take(path).unwrap().unwrap()
}

#[test]
fn folder_lock_and_socket_are_ours_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/agent.sock");
    let (running, _listener) = claim(&path).listen().unwrap();
    let mode = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&path.with_file_name("agent.lock")), 0o600);
    assert!(answers(&path));
    assert!(running.is_ours());
    running.leave();
    assert!(!path.exists());
    assert!(!path.with_file_name("agent.sock.new").exists());
}

#[test]
fn opened_to_others_is_the_socket_and_not_what_stands_at_its_path() {
    let root = tempfile::tempdir().unwrap();
    let (folder, aside, mine) = (
        root.path().join("x"),
        root.path().join("y"),
        root.path().join("mine"),
    );
    let (running, _listener) = claim(&folder.join("agent.sock")).listen().unwrap();
    fs::rename(&folder, &aside).unwrap();
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("agent.sock"), "private").unwrap();
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(mine.join("agent.sock"), private).unwrap();
    symlink(&mine, &folder).unwrap();
    running.open_to_others().unwrap();
    let mode = |folder: &std::path::Path| {
        let found = fs::symlink_metadata(folder.join("agent.sock")).unwrap();
        found.mode() & 0o777
    };
    assert_eq!((mode(&mine), mode(&aside)), (0o600, 0o666));
}

#[test]
fn one_agent_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x/agent.sock");
    let (running, _listener) = claim(&path).listen().unwrap();
    assert!(Claim::take(&path).unwrap().is_none());
    running.leave();
    claim(&path);
}

#[test]
fn a_stale_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x/agent.sock");
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    assert!(!answers(&path));
    let (_running, _listener) = claim(&path).listen().unwrap();
    assert!(answers(&path));
}

#[test]
fn what_is_no_socket_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x/agent.sock");
    let claim = claim(&path);
    fs::write(&path, "mine").unwrap();
    let failure = claim.listen().err().unwrap();
    assert!(failure.message.contains("it is no socket"), "{failure}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn a_socket_that_is_no_longer_ours_is_noticed_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x/agent.sock");
    let (running, _listener) = claim(&path).listen().unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!running.is_ours());
    let _other = UnixListener::bind(&path).unwrap();
    assert!(!running.is_ours());
    running.leave();
    assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
}

#[test]
fn links_and_open_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o755)).unwrap();
    let failure = Claim::take(&real.join("agent.sock")).err().unwrap();
    assert!(
        failure.message.contains("other users may enter"),
        "{failure}"
    );
    assert!(failure.hint.unwrap().contains("chmod 700"));
    fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&real, folder.path().join("link")).unwrap();
    assert!(Claim::take(&folder.path().join("link/agent.sock")).is_err());
    let target = folder.path().join("target");
    fs::write(&target, "").unwrap();
    symlink(&target, real.join("agent.lock")).unwrap();
    assert!(Claim::take(&real.join("agent.sock")).is_err());
    assert_eq!(fs::read_dir(&real).unwrap().count(), 1);
    assert!(Claim::take("agent.sock".as_ref()).is_err());
}

#[test]
fn a_long_path_works() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder
        .path()
        .join("long".repeat(30))
        .join("longer".repeat(30))
        .join("agent.sock");
    let (running, listener) = claim(&path).listen().unwrap();
    assert!(answers(&path));
    listener.accept().unwrap();
    running.leave();
    assert!(!path.exists());
}

#[test]
fn many_starts_end_with_one_agent() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..20 {
        let path = folder.path().join(format!("{round}/agent.sock"));
        let (barrier, won) = (Barrier::new(12), AtomicUsize::new(0));
        let kept: Vec<(Running, UnixListener)> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                let place = Claim::take(&path).unwrap()?.listen().unwrap();
                won.fetch_add(1, Ordering::Relaxed);
                Some(place)
            };
            let threads: Vec<_> = (0..12).map(|_| scope.spawn(start)).collect();
            threads
                .into_iter()
                .filter_map(|t| t.join().unwrap())
                .collect()
        });
        assert_eq!(won.load(Ordering::Relaxed), 1);
        UnixStream::connect(&path).unwrap();
        drop(kept);
    }
}
