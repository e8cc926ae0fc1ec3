use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Cache, Head, Key, Kind, Life, Payload};
use crate::http::Validators;

fn key(identity: &str, url: &str) -> Key {
    Key {
        kind: Kind::Page,
        identity: identity.into(),
        url: url.to_owned(),
    }
}

fn life(seconds: u64, etag: &str) -> Life {
    Life {
        fresh: Duration::from_secs(seconds),
        validators: Validators {
            etag: Some(etag.to_owned()),
            modified: None,
        },
        said: vec![("etag".to_owned(), etag.to_owned())],
    }
}

fn put(cache: &Cache, key: &Key, seconds: u64, etag: &str, bytes: &[u8]) -> Head {
    let head = Head::new(key, "foo", life(seconds, etag));
    cache.keep(key.clone(), head.clone(), Payload::Bytes(bytes.to_vec()));
    cache.flush();
    head
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = std::fs::read_dir(folder.join("pages")).unwrap();
    all.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_is_kept_is_found_again_and_only_by_who_kept_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("cache");
    let cache = Cache::open(&at).unwrap();
    let alice = key("alice", "https://h/simple/foo/");
    let head = Head::new(&alice, "foo", life(60, "a"));
    cache.keep(
        alice.clone(),
        head.clone(),
        Payload::Bytes(b"page".to_vec()),
    );
    assert!(cache.read(&alice).is_none());
    cache.flush();
    let again = Cache::open(&at).unwrap();
    assert_eq!(again.salt(), cache.salt());
    assert_eq!(again.read(&alice), Some((head, "page".into())));
    assert!(again.read(&key("bob", "https://h/simple/foo/")).is_none());
    assert!(again.read(&key("alice", "https://h/simple/bar/")).is_none());
    let other = Key {
        kind: Kind::Metadata,
        ..alice.clone()
    };
    assert!(again.read(&other).is_none());
    again.remove(alice.clone());
    again.flush();
    assert!(cache.read(&alice).is_none());
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("a/cache");
    std::fs::create_dir_all(&at).unwrap();
    std::fs::set_permissions(&at, std::fs::Permissions::from_mode(0o755)).unwrap();
    let cache = Cache::open(&at).unwrap();
    put(&cache, &key("a", "https://h/"), 60, "a", b"page");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&at), 0o700);
    assert_eq!(mode(&at.join("pages")), 0o700);
    assert_eq!(mode(&at.join("salt")), 0o600);
    assert_eq!(mode(&files(&at)[0]), 0o600);
}

#[test]
fn what_is_damaged_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path()).unwrap();
    let key = key("a", "https://h/");
    let head = put(&cache, &key, 60, "a", b"page");
    let path = files(folder.path()).remove(0);
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() - 4 {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(cache.read(&key).is_none(), "{length}");
    }
    for bytes in [&b"chc\x02"[..], b"", &[0; 64], &[0xff; 64]] {
        std::fs::write(&path, bytes).unwrap();
        assert!(cache.read(&key).is_none());
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(cache.read(&key).unwrap().0, head);
    std::fs::write(folder.path().join("salt"), b"short").unwrap();
    assert_eq!(Cache::open(folder.path()).unwrap().salt().len(), 32);
}

#[test]
fn a_renewal_keeps_the_page_and_does_not_undo_a_newer_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path()).unwrap();
    let key = key("a", "https://h/");
    let head = put(&cache, &key, 0, "a", b"page");
    assert!(!head.is_fresh());
    let renewed = head.renewed(life(60, "a"));
    cache.renew(key.clone(), head.clone(), renewed.clone());
    cache.flush();
    assert_eq!(cache.read(&key), Some((renewed.clone(), "page".into())));
    assert!(renewed.is_fresh());
    let newer = put(&cache, &key, 60, "b", b"newer");
    cache.renew(key.clone(), renewed.clone(), renewed.renewed(life(60, "a")));
    cache.flush();
    assert_eq!(cache.read(&key), Some((newer, "newer".into())));
}

#[test]
fn several_processes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(folder.path().to_owned());
    // Each opens the cache for itself: they share the files and nothing else.
    let workers: Vec<_> = (0..4_u8)
        .map(|worker| {
            let at = at.clone();
            std::thread::spawn(move || {
                let cache = Cache::open(&at).unwrap();
                let key = key("a", "https://h/");
                for _ in 0..50 {
                    put(&cache, &key, 60, "a", &[worker; 9000]);
                    let (_, page) = cache.read(&key).unwrap();
                    assert!(page.len() == 9000 && page.iter().all(|byte| *byte == page[0]));
                }
                cache.salt().to_vec()
            })
        })
        .collect();
    let salts: Vec<Vec<u8>> = workers
        .into_iter()
        .map(|worker| worker.join().unwrap())
        .collect();
    assert!(salts.iter().all(|salt| *salt == salts[0]));
    // Nothing unfinished is left.
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn it_is_listed_and_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("cache");
    assert_eq!(Cache::list(&at).unwrap(), []);
    assert_eq!(Cache::clear(&at).unwrap().entries, 0);
    let cache = Cache::open(&at).unwrap();
    for url in ["https://h/b/", "https://h/a/"] {
        put(&cache, &key("a", url), 60, "a", b"page");
    }
    std::fs::write(at.join("pages/.new-1-1"), b"unfinished").unwrap();
    std::fs::write(at.join("pages/stray"), b"another thing").unwrap();
    let urls: Vec<String> = Cache::list(&at)
        .unwrap()
        .into_iter()
        .map(|kept| kept.head.url)
        .collect();
    assert_eq!(urls, ["https://h/a/", "https://h/b/"]);
    assert_eq!(Cache::clear(&at).unwrap().entries, 3);
    assert!(files(&at).is_empty());
    // A process that still has it open goes on.
    put(&cache, &key("a", "https://h/a/"), 60, "a", b"page");
    assert_eq!(Cache::list(&at).unwrap().len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(0_u8.., 0..200)) {
        let _ = Head::read(&bytes);
        let marked = [&b"chc\x01"[..], &bytes].concat();
        let _ = Head::read(&marked);
        let _ = super::unpack(&bytes);
        let _ = super::unpack_raw(&bytes);
    }
}
