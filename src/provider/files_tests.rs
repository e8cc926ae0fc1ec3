use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Files;
use crate::provider::fake::run;
use crate::provider::reading::identity;
use crate::provider::stamp::Stamp;

/// A folder whose path leads over no link.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

/// Writes a file that has been left alone for a while, as far as its times say.
fn old(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    let then = std::time::SystemTime::now() - Duration::from_mins(1);
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(then).unwrap();
}

async fn read(files: &Files, path: &Path) -> (Option<String>, Stamp) {
    let view = files.view();
    let text = view.read(path).await.unwrap();
    (text.map(|text| text.to_string()), view.stamp())
}

/// An instant at which a watch is no longer believed.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(2)
}

/// Reads a file, changes something, and expects that to be seen at once.
fn seen(prepare: impl FnOnce(&Path), change: impl FnOnce(&Path)) {
    let (_keep, folder) = folder();
    prepare(&folder);
    run(async {
        for files in [Files::watching(), Files::default()] {
            let (_, stamp) = read(&files, &folder.join("auth.toml")).await;
            assert!(files.is_current(&stamp));
            assert!(files.is_current_at(&stamp, later()));
        }
        let files = Files::watching();
        let (_, stamp) = read(&files, &folder.join("auth.toml")).await;
        assert!(files.is_current(&stamp));
        change(&folder);
        assert!(!files.is_current(&stamp));
        assert!(!files.recheck(&stamp).await);
    });
}

#[test]
fn written_in_place() {
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| fs::write(folder.join("auth.toml"), "b").unwrap(),
    );
}

#[test]
fn renamed_in() {
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| {
            fs::write(folder.join("new"), "b").unwrap();
            fs::rename(folder.join("new"), folder.join("auth.toml")).unwrap();
        },
    );
}

#[test]
fn deleted_and_moved_away() {
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| fs::remove_file(folder.join("auth.toml")).unwrap(),
    );
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| fs::rename(folder.join("auth.toml"), folder.join("b")).unwrap(),
    );
}

#[test]
fn created() {
    seen(
        |_| {},
        |folder| fs::write(folder.join("auth.toml"), "b").unwrap(),
    );
}

#[test]
fn replaced_by_a_link() {
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| {
            old(&folder.join("other"), "a");
            fs::remove_file(folder.join("auth.toml")).unwrap();
            symlink("other", folder.join("auth.toml")).unwrap();
        },
    );
}

#[test]
fn target_of_a_link_written() {
    seen(
        |folder| {
            old(&folder.join("other"), "a");
            symlink("other", folder.join("auth.toml")).unwrap();
        },
        |folder| fs::write(folder.join("other"), "b").unwrap(),
    );
}

#[test]
fn link_turned() {
    seen(
        |folder| {
            old(&folder.join("one"), "a");
            old(&folder.join("two"), "a");
            symlink("one", folder.join("auth.toml")).unwrap();
        },
        |folder| {
            symlink("two", folder.join("new")).unwrap();
            fs::rename(folder.join("new"), folder.join("auth.toml")).unwrap();
        },
    );
}

#[test]
fn folder_moved_away() {
    seen(
        |folder| old(&folder.join("auth.toml"), "a"),
        |folder| {
            let away = folder.with_extension("away");
            fs::rename(folder, &away).unwrap();
            fs::remove_dir_all(away).unwrap();
        },
    );
}

#[test]
fn a_missing_folder_is_awaited_step_by_step() {
    let (_keep, folder) = folder();
    let path = folder.join("a/b/auth.toml");
    run(async {
        let files = Files::watching();
        for part in ["a", "a/b"] {
            let (text, stamp) = read(&files, &path).await;
            assert!(text.is_none());
            assert!(files.is_current(&stamp));
            fs::create_dir(folder.join(part)).unwrap();
            assert!(!files.is_current(&stamp));
        }
        let (text, stamp) = read(&files, &path).await;
        assert!(text.is_none());
        fs::write(&path, "x").unwrap();
        assert!(!files.is_current(&stamp));
    });
}

#[test]
fn other_names_do_not_count() {
    let (_keep, folder) = folder();
    let path = folder.join("auth.toml");
    old(&path, "a");
    run(async {
        let files = Files::watching();
        let (_, stamp) = read(&files, &path).await;
        fs::write(folder.join("other"), "x").unwrap();
        let before = files.watch().generation();
        assert!(files.is_current(&stamp));
        assert_eq!(files.watch().generation(), before);
    });
}

#[test]
fn what_no_watch_sees_is_seen_within_a_second() {
    let (_keep, folder) = folder();
    let inner = folder.join("a/b");
    fs::create_dir_all(&inner).unwrap();
    old(&inner.join("auth.toml"), "a");
    run(async {
        let files = Files::watching();
        let (_, stamp) = read(&files, &inner.join("auth.toml")).await;
        assert!(files.is_current(&stamp));
        fs::rename(folder.join("a"), folder.join("c")).unwrap();
        assert!(!files.is_current_at(&stamp, later()));
    });
}

#[test]
fn a_file_just_written_is_read_again() {
    let (_keep, folder) = folder();
    let path = folder.join("auth.toml");
    fs::write(&path, "a").unwrap();
    run(async {
        let files = Files::watching();
        let (text, stamp) = read(&files, &path).await;
        assert_eq!(text.unwrap(), "a");
        assert!(files.is_current(&stamp), "the watch would have seen it");
        assert!(!files.is_current_at(&stamp, later()));
        // Same length, same tick: only reading tells.
        fs::write(&path, "b").unwrap();
        assert_eq!(read(&files, &path).await.0.unwrap(), "b");
    });
}

/// Two writes in one tick of the file system's clock, the file read between them: what was read looks
/// just like what stands there now, as soon as that has settled. Kernels from 6.13 on do not let a
/// test make two such writes, so that the first one's content is put where a read would have left it.
#[test]
fn what_was_read_from_a_file_just_written_is_not_taken_for_what_has_settled() {
    let (_keep, folder) = folder();
    let path = folder.join("auth.toml");
    old(&path, "b");
    let now = identity(&fs::metadata(&path).unwrap());
    let before = Rc::new(Zeroizing::new("a".to_owned()));
    run(async {
        for looks_first in [false, true] {
            for files in [Files::watching(), Files::default()] {
                // As `read` keeps what it found fresh.
                files.keep(&path, None, &before);
                if looks_first {
                    assert!(files.view().exists(&path).await);
                }
                assert_eq!(read(&files, &path).await.0.unwrap(), "b");
                // What was read after it had settled is not read again.
                files.keep(&path, Some(now), &before);
                assert_eq!(read(&files, &path).await.0.unwrap(), "a");
            }
        }
    });
}

/// Which of the two a read leaves behind.
#[test]
fn a_content_is_vouched_for_only_after_the_file_had_settled() {
    let (_keep, folder) = folder();
    let path = folder.join("auth.toml");
    run(async {
        for files in [Files::watching(), Files::default()] {
            let kept = |files: &Files| files.0.kept.borrow()[&path].identity;
            // In the future it is never settled, however slow this machine is.
            fs::write(&path, "a").unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            let later = std::time::SystemTime::now() + Duration::from_mins(1);
            file.set_modified(later).unwrap();
            read(&files, &path).await;
            assert_eq!(kept(&files), None);
            old(&path, "a");
            read(&files, &path).await;
            assert_eq!(kept(&files), Some(identity(&fs::metadata(&path).unwrap())));
        }
    });
}

#[test]
fn what_could_not_be_told_is_never_current() {
    let (_keep, folder) = folder();
    run(async {
        let files = Files::watching();
        let view = files.view();
        assert!(view.read(&folder).await.is_err());
        assert!(!files.is_current_at(&view.stamp(), later()));
        assert!(!view.exists(&folder.join("none")).await);
        let view = files.view();
        assert!(!view.exists(&folder.join("none")).await);
        assert!(files.is_current(&view.stamp()));
        fs::write(folder.join("none"), "").unwrap();
        assert!(!files.is_current(&view.stamp()));
    });
}

#[test]
fn what_was_found_is_not_looked_for_again_while_a_watch_vouches_for_it() {
    let (_keep, folder) = folder();
    run(async {
        let files = Files::watching();
        let (there, absent) = (folder.join("auth.toml"), folder.join("config.toml"));
        old(&there, "a");
        for path in [&there, &absent] {
            read(&files, path).await;
        }
        let known = |path: &Path, later: Duration| {
            let view = files.view();
            let (_, generation, began) = view.looks();
            let began = began.unwrap() + later;
            files
                .0
                .remembered
                .get(path, generation, began, files.watch())
                .map(|(_, is_file, _)| is_file)
        };
        for (path, is_file) in [(&there, true), (&absent, false)] {
            // A machine that stands still for a second has to look again.
            let mut found = known(path, Duration::ZERO);
            for _ in 0..10 {
                if found.is_none() {
                    read(&files, path).await;
                    found = known(path, Duration::ZERO);
                }
            }
            assert_eq!(found, Some(is_file));
        }
        // A watch does not see everything: it is believed for a second.
        assert_eq!(known(&there, Duration::from_secs(2)), None);
        // What rests on a remembered look is as old as that.
        let first = files.view();
        first.read(&there).await.unwrap();
        let second = files.view();
        second.read(&there).await.unwrap();
        assert!(second.looks().2.unwrap() <= first.looks().2.unwrap());
        assert!(files.is_current(&second.stamp()));
        fs::write(&absent, "b").unwrap();
        assert_eq!(known(&there, Duration::ZERO), None);
        assert_eq!(read(&files, &absent).await.0.as_deref(), Some("b"));
    });
}

#[test]
fn what_others_write_beside_holds_nobody_up_and_hides_nothing() {
    let (_keep, folder) = folder();
    run(async {
        let files = Files::watching();
        let path = folder.join("auth.toml");
        old(&path, "a");
        let (_, mut stamp) = read(&files, &path).await;
        // Two files in turn, so that the kernel does not make one event of many.
        let beside = || {
            for number in 0..2 * crate::provider::watch::EVENTS {
                let log = folder.join(format!("log-{}", number % 2));
                fs::write(log, "a line").unwrap();
            }
        };
        beside();
        let mut tries = 0;
        // More than is taken at once is no proof of a change, and none of the opposite.
        while !files.is_current(&stamp) {
            stamp = read(&files, &path).await.1;
            tries += 1;
            assert!(tries < 100, "never current again");
        }
        beside();
        fs::write(&path, "b").unwrap();
        assert!(!files.is_current(&stamp));
    });
}

#[test]
fn the_least_used_folders_are_given_up_and_compared() {
    let (_keep, folder) = folder();
    run(async {
        let files = Files::watching();
        let mut stamps = Vec::new();
        for number in 0..crate::provider::watch::FOLDERS + 10 {
            let folder = folder.join(number.to_string());
            fs::create_dir(&folder).unwrap();
            old(&folder.join("auth.toml"), "a");
            let (_, stamp) = read(&files, &folder.join("auth.toml")).await;
            stamps.push((folder, stamp));
        }
        assert_eq!(files.watch().folders(), crate::provider::watch::FOLDERS);
        let (given_up, stamp) = &stamps[0];
        assert!(files.is_current(stamp));
        fs::write(given_up.join("auth.toml"), "b").unwrap();
        assert!(!files.is_current(stamp));
    });
}

#[test]
fn contents_are_kept_within_bounds() {
    let (_keep, folder) = folder();
    run(async {
        let files = Files::watching();
        for number in 0..super::KEPT + 10 {
            let path = folder.join(number.to_string());
            old(&path, "a");
            read(&files, &path).await;
        }
        assert_eq!(files.0.kept.borrow().len(), super::KEPT);
        files.forget_unused(Duration::from_hours(1));
        assert_eq!(files.0.kept.borrow().len(), super::KEPT);
        files.forget_unused(Duration::ZERO);
        assert!(files.0.kept.borrow().is_empty());
    });
}

#[test]
fn a_burst_of_events_is_taken_whole() {
    let (_keep, folder) = folder();
    let path = folder.join("auth.toml");
    old(&path, "a");
    run(async {
        let files = Files::watching();
        let (_, stamp) = read(&files, &path).await;
        for number in 0..2000 {
            fs::write(folder.join(number.to_string()), "x").unwrap();
        }
        fs::write(&path, "b").unwrap();
        assert!(!files.is_current(&stamp));
    });
}
