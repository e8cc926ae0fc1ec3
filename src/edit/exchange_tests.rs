#![cfg(target_os = "linux")]

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::{Names, Swapped, swap};
use crate::edit::folder::Folder;

const TEMPORARY: &str = "temporary";
const NAME: &str = "auth.toml";

/// A folder in which another program does something before each of our steps.
struct Between<'a> {
    folder: &'a Folder,
    before: RefCell<Vec<Box<dyn FnOnce() + 'a>>>,
    broken: Option<i32>,
    steps: Cell<usize>,
}

impl Between<'_> {
    fn step(&self) -> io::Result<()> {
        self.steps.set(self.steps.get() + 1);
        if let Some(before) = self.before.borrow_mut().pop() {
            before();
        }
        match self.broken {
            Some(code) => Err(io::Error::from_raw_os_error(code)),
            None => Ok(()),
        }
    }
}

impl Names for Between<'_> {
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.folder.rename(from, to)
    }

    fn rename_new(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        self.step()?;
        self.folder.rename_new(from, to)
    }

    fn exchange(&self, one: &OsStr, other: &OsStr) -> io::Result<()> {
        self.step()?;
        self.folder.exchange(one, other)
    }
}

/// What came of it, what the file holds after it, and after how many steps.
fn swapped(
    home: &Path,
    old: Option<&str>,
    others: Vec<&str>,
    broken: Option<i32>,
) -> (Swapped, Option<String>, usize) {
    let folder = Folder::open(home.to_owned()).unwrap();
    let read = |name: &OsStr| Some(Zeroizing::new(fs::read_to_string(home.join(name)).ok()?));
    let _ = fs::remove_file(home.join(NAME));
    if let Some(old) = old {
        fs::write(home.join(NAME), old).unwrap();
    }
    fs::write(home.join(TEMPORARY), "ours").unwrap();
    let write = |(at, text): (usize, &str)| -> Box<dyn FnOnce()> {
        let (new, name) = (home.join(format!("theirs{at}")), home.join(NAME));
        let text = text.to_owned();
        Box::new(move || match text.as_str() {
            "" => {}
            "gone" => fs::remove_file(name).unwrap(),
            text => {
                fs::write(&new, text).unwrap();
                fs::rename(new, name).unwrap();
            }
        })
    };
    let between = Between {
        folder: &folder,
        before: RefCell::new(others.into_iter().enumerate().rev().map(write).collect()),
        broken,
        steps: Cell::new(0),
    };
    let done = swap(
        &between,
        TEMPORARY.as_ref(),
        NAME.as_ref(),
        old,
        "ours",
        read,
    );
    let after = read(NAME.as_ref()).map(|text| text.as_str().to_owned());
    (done.unwrap(), after, between.steps.get())
}

#[test]
fn what_others_write_between_two_steps_stays() {
    let home = tempfile::tempdir().unwrap();
    for (old, others, expected, after, steps) in [
        // Nobody else writes.
        (Some("old"), vec![], Swapped::Done, Some("ours"), 1),
        (None, vec![], Swapped::Done, Some("ours"), 1),
        // After our last look.
        (Some("old"), vec!["a"], Swapped::Foreign, Some("a"), 2),
        (None, vec!["a"], Swapped::Foreign, Some("a"), 1),
        // The same text: nothing is lost.
        (Some("old"), vec!["old"], Swapped::Done, Some("ours"), 1),
        // And once more before theirs is back: the last one who wrote has the last word.
        (Some("old"), vec!["a", "b"], Swapped::Foreign, Some("b"), 3),
        (
            Some("old"),
            vec!["a", "b", "c"],
            Swapped::Foreign,
            Some("c"),
            4,
        ),
        // Somebody removes it.
        (Some("old"), vec!["gone"], Swapped::Foreign, None, 1),
        (Some("old"), vec!["a", "gone"], Swapped::Foreign, None, 2),
    ] {
        let case = format!("{old:?} {others:?}");
        let (done, text, count) = swapped(home.path(), old, others, None);
        assert_eq!(done, expected, "{case}");
        assert_eq!(text.as_deref(), after, "{case}");
        assert_eq!(count, steps, "{case}");
    }
}

/// Somebody is still writing theirs; and for a moment a child that is being started has ours open,
/// so that it cannot be told either.
#[test]
fn what_cannot_be_read_is_not_taken_for_ours() {
    for unread in 1..6 {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path().to_owned()).unwrap();
        fs::write(home.path().join(NAME), "theirs").unwrap();
        fs::write(home.path().join(TEMPORARY), "ours").unwrap();
        let between = Between {
            folder: &folder,
            before: RefCell::default(),
            broken: None,
            steps: Cell::new(0),
        };
        let looks = Cell::new(0);
        let text = |name: &OsStr| {
            looks.set(looks.get() + 1);
            let text = fs::read_to_string(home.path().join(name)).ok()?;
            (looks.get() > unread && text == "ours").then(|| Zeroizing::new(text))
        };
        let (ours, name) = (TEMPORARY.as_ref(), NAME.as_ref());
        let done = swap(&between, ours, name, Some("old"), "ours", text).unwrap();
        assert_eq!(done, Swapped::Foreign, "{unread}");
        let left = fs::read_to_string(home.path().join(NAME)).unwrap();
        assert_eq!(left, "theirs", "{unread}");
    }
}

/// It ends even beside programs that write without end.
#[test]
fn it_ends() {
    let home = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let others = texts.iter().map(String::as_str).collect();
    let (done, text, steps) = swapped(home.path(), Some("old"), others, None);
    assert_eq!((done, steps), (Swapped::Foreign, super::EXCHANGES + 1));
    assert_eq!(text.unwrap(), super::EXCHANGES.to_string());
}

#[test]
fn without_the_call_it_is_a_rename() {
    let home = tempfile::tempdir().unwrap();
    for code in [libc::EINVAL, libc::ENOSYS, libc::EOPNOTSUPP, libc::EPERM] {
        for old in [None, Some("old")] {
            let (done, text, _) = swapped(home.path(), old, vec![], Some(code));
            assert_eq!((done, text.as_deref()), (Swapped::Done, Some("ours")));
            assert!(!home.path().join(TEMPORARY).exists());
        }
    }
}
