use std::fs;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use credential_helper_protocol::{ErrorCode, Failure};
use proptest::prelude::{ProptestConfig, Strategy, proptest};
use proptest::{prop_assert, prop_assert_eq};
use toml_edit::{DocumentMut, value};

use super::{Mode, edit};
use crate::edit::document::{get, remove, set};

/// Says to [`child`] what to do, and to which file.
const ROLE: &str = "CREDENTIAL_HELPER_EDIT_TEST";

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn put(path: &Path, key: &str, text: &str) -> Result<bool, Failure> {
    let (key, text) = (key.to_owned(), text.to_owned());
    let change = move |doc: &mut DocumentMut| set(doc, &["t", &key], text.as_str().into());
    run(edit(path, Mode::Private, change)).map(|((), written)| written)
}

/// Counts up, and writes a text whose length depends on the count.
fn count(path: &Path) -> Result<i64, Failure> {
    let change = |doc: &mut DocumentMut| {
        let n = doc
            .get("n")
            .and_then(toml_edit::Item::as_integer)
            .unwrap_or(0)
            + 1;
        doc["n"] = value(n);
        doc["text"] = value(text_of(n));
        Ok(n)
    };
    run(edit(path, Mode::Private, change)).map(|(n, _)| n)
}

fn text_of(n: i64) -> String {
    n.to_string()
        .repeat(1 + usize::try_from(n % 7).unwrap() * 4000)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn temporary(folder: &Path) -> usize {
    let is = |name: &&String| name.starts_with(".credential-helper-");
    names(folder).iter().filter(is).count()
}

/// This very program, running only [`child`] in a role.
fn again(program: &Path, role: &str, path: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--exact", "edit::tests::child", "--nocapture"])
        .env(ROLE, format!("{role}:{}", path.display()))
        .stdout(Stdio::null());
    command
}

fn this_program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Not a test of its own: what the processes do that other tests start.
#[test]
fn child() {
    let Ok(text) = std::env::var(ROLE) else {
        return;
    };
    let (role, path) = text.split_once(':').unwrap();
    let path = Path::new(path);
    match role {
        "count" => {
            let mut events = std::io::stderr();
            while count(path).is_ok() {
                if events.write_all(b".").is_err() {
                    return;
                }
            }
        }
        "keys" => {
            for n in 0..10 {
                patiently(|| put(path, &format!("p{}-{n}", std::process::id()), "x"));
            }
        }
        "full" => {
            let old = fs::read(path).unwrap();
            let failure = put(path, "big", &"x".repeat(300_000)).unwrap_err();
            assert!(failure.message.contains("no space left"), "{failure}");
            assert_eq!(fs::read(path).unwrap(), old);
            assert_eq!(temporary(path.parent().unwrap()), 0);
        }
        #[cfg(unix)]
        "ordinary" => ordinary(path),
        _ => unreachable!(),
    }
}

/// A failure because others hold the lock is no lost update: it was said.
fn patiently<T>(mut change: impl FnMut() -> Result<T, Failure>) -> T {
    loop {
        match change() {
            Err(failure) if failure.code == ErrorCode::TimedOut => {}
            other => return other.unwrap(),
        }
    }
}

#[test]
fn a_new_file_is_private_and_nothing_is_created_for_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/b/auth.toml");
    let nothing = run(edit(&path, Mode::Private, |doc| Ok(remove(doc, &["x"]))));
    assert_eq!(nothing.unwrap(), (false, false));
    assert!(names(home.path()).is_empty());
    assert!(put(&path, "k", "v").unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "[t]\nk = \"v\"\n");
    assert_eq!(names(path.parent().unwrap()), ["auth.toml"]);
    #[cfg(unix)]
    {
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&home.path().join("a/b")), 0o700);
        let shared = home.path().join("poetry.toml");
        run(edit(&shared, Mode::Shared, |doc| {
            set(doc, &["k"], true.into())
        }))
        .unwrap();
        assert_eq!(mode(&shared), 0o644);
    }
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    for text in [
        "t.k  =  'v'  # as it was\r\n",
        "t.k = 'v'",
        "\u{feff}[t]\nk = 'v'\n\n\n",
    ] {
        fs::write(&path, text).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        assert!(!put(&path, "k", "v").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    }
}

#[test]
fn line_ends_and_byte_order_mark_stay() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    for (old, new) in [
        (
            "\u{feff}# c\r\n[t]\r\nk = 'v'\r\n",
            "\u{feff}# c\r\n[t]\r\nk = \"w\"\r\n",
        ),
        (
            "# c\r\n[u]\nx = 1\r\n",
            "# c\r\n[u]\nx = 1\r\n\r\n[t]\r\nk = \"w\"\r\n",
        ),
        ("x = 1", "x = 1\n\n[t]\nk = \"w\"\n"),
        ("\u{feff}", "\u{feff}[t]\nk = \"w\"\n"),
    ] {
        fs::write(&path, old).unwrap();
        assert!(put(&path, "k", "w").unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), new);
    }
}

#[test]
fn what_cannot_be_understood_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    for (text, line) in [
        (&b"a = 1\n[x]\npassword = hunter2\n"[..], "line 3"),
        (b"\xef\xbb\xbfa = 1\r\n\r\na = hunter2\r\n", "line 3"),
        (b"[x]\n[x]\n", "line 2"),
        (b"a = 1\nb = \"\xff hunter2\"\n", "line 2"),
        (b"a = 1\rb = 2\n", "line 1"),
        (b"\0\0\0", "line 1"),
    ] {
        fs::write(&path, text).unwrap();
        let failure = put(&path, "k", "v").unwrap_err();
        assert_eq!(failure.code, ErrorCode::Malformed);
        assert!(failure.message.contains("auth.toml"), "{failure}");
        assert!(failure.message.contains(line), "{failure}");
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        assert_eq!(fs::read(&path).unwrap(), text);
        assert_eq!(names(home.path()), ["auth.toml"]);
    }
}

#[test]
fn a_file_of_100_mb_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::File::create(&path).unwrap().set_len(100 << 20).unwrap();
    let failure = put(&path, "k", "v").unwrap_err();
    assert!(failure.message.contains("larger than 4 MiB"), "{failure}");
    assert_eq!(fs::metadata(&path).unwrap().len(), 100 << 20);
    fs::write(&path, "a = 1\n").unwrap();
    let failure = put(&path, "k", &"x".repeat(5 << 20)).unwrap_err();
    assert!(failure.message.contains("larger than 4 MiB"), "{failure}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n");
}

#[test]
fn a_failed_change_names_the_file_and_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "k = 1\n").unwrap();
    let change = |doc: &mut DocumentMut| {
        doc["k"] = value(2);
        set(doc, &["k", "x"], "v".into())
    };
    let failure = run(edit(&path, Mode::Private, change)).unwrap_err();
    assert!(
        failure.message.ends_with("auth.toml: k is not a table"),
        "{failure}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), "k = 1\n");
}

#[test]
fn leftovers_of_killed_runs_go_and_other_files_stay() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    let ours = ".credential-helper-0123456789abcdef.tmp";
    let others = [
        ".credential-helper-0123456789abcdef.tmp.bak",
        ".credential-helper-x.tmp",
        "x.tmp",
    ];
    for name in others.iter().chain([&ours]) {
        fs::write(home.path().join(name), "").unwrap();
    }
    put(&path, "k", "v").unwrap();
    let mut expected = others.to_vec();
    expected.push("auth.toml");
    expected.sort_unstable();
    assert_eq!(names(home.path()), expected);
}

#[test]
fn a_foreign_write_in_between_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "a = 1\n").unwrap();
    let (foreign, mut calls) = (path.clone(), 0);
    let change = move |doc: &mut DocumentMut| {
        calls += 1;
        if calls == 1 {
            fs::write(&foreign, "a = 1\nfrom-poetry = 1 # kept\n").unwrap();
        }
        doc["ours"] = value(calls);
        Ok(())
    };
    run(edit(&path, Mode::Private, change)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "a = 1\nfrom-poetry = 1 # kept\nours = 2\n");

    let (foreign, mut calls) = (path.clone(), 0);
    let change = move |doc: &mut DocumentMut| {
        calls += 1;
        fs::write(&foreign, format!("calls = {calls}\n")).unwrap();
        doc["ours"] = value(calls);
        Ok(())
    };
    let failure = run(edit(&path, Mode::Private, change)).unwrap_err();
    assert!(failure.message.contains("keeps writing"), "{failure}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "calls = 20\n");
    assert_eq!(names(home.path()), ["auth.toml"]);
}

/// Poetry writes into the file that is there: what it has opened and not written yet must not go with
/// the file that we take away.
#[cfg(target_os = "linux")]
#[test]
fn who_is_still_writing_into_it_is_waited_for() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "a = 1\n").unwrap();
    let (foreign, mut calls, mut writer) = (path.clone(), 0, None);
    let change = move |doc: &mut DocumentMut| {
        calls += 1;
        match calls {
            1 => writer = Some(fs::File::create(&foreign).unwrap()),
            5 => writer.take().unwrap().write_all(b"theirs = 1\n").unwrap(),
            _ => {}
        }
        doc["ours"] = value(calls);
        Ok(())
    };
    run(edit(&path, Mode::Private, change)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "theirs = 1\nours = 6\n");

    let writer = fs::File::options().append(true).open(&path).unwrap();
    let failure = put(&path, "k", "v").unwrap_err();
    assert!(failure.message.contains("keeps writing"), "{failure}");
    drop(writer);
    assert!(put(&path, "k", "v").unwrap());
    assert_eq!(names(home.path()), ["auth.toml"]);
}

#[test]
fn a_lock_held_by_somebody_else_is_a_failure_after_3_s() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    let mut other = super::Folder::open(home.path().to_owned()).unwrap();
    assert!(other.try_lock().unwrap());
    let start = std::time::Instant::now();
    let failure = put(&path, "k", "v").unwrap_err();
    assert_eq!(failure.code, ErrorCode::TimedOut);
    assert!(failure.message.contains("lock"), "{failure}");
    assert!(start.elapsed() >= super::LOCK_TIME);
    drop(other);
    assert!(put(&path, "k", "v").unwrap());
}

#[test]
fn sixteen_threads_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "# head\n\n[keep]\nx = 1 # kept\n").unwrap();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let path = &path;
            scope.spawn(move || {
                for n in 0..6 {
                    patiently(|| put(path, &format!("t{thread}-{n}"), "x"));
                }
            });
        }
    });
    let text = fs::read_to_string(&path).unwrap();
    let doc: DocumentMut = text.parse().unwrap();
    assert_eq!(doc["t"].as_table().unwrap().len(), 16 * 6);
    assert!(
        text.starts_with("# head\n\n[keep]\nx = 1 # kept\n"),
        "{text}"
    );
    assert_eq!(names(home.path()), ["auth.toml"]);
}

#[test]
fn processes_lose_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    let start = |_| again(&this_program(), "keys", &path).spawn().unwrap();
    let children: Vec<_> = (0..16).map(start).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let doc: DocumentMut = fs::read_to_string(&path).unwrap().parse().unwrap();
    assert_eq!(doc["t"].as_table().unwrap().len(), 16 * 10);
    assert_eq!(names(home.path()), ["auth.toml"]);
}

/// 200 writers are killed at random moments: the file is always an old or a new one.
#[test]
fn a_kill_leaves_the_old_or_the_new_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "# head\n\nn = 0\n# tail\n[keep]\nx = 1 # kept\n").unwrap();
    let mut last = 0;
    for round in 0..200_u64 {
        let mut writer = again(&this_program(), "count", &path)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let random = RandomState::new().hash_one(round);
        let mut events = writer.stderr.take().unwrap();
        let mut done = [0; 3];
        let wanted = 1 + usize::try_from(random % 3).unwrap();
        events.read_exact(&mut done[..wanted]).unwrap();
        // Somewhere within the next change or two.
        for step in 0..random % 400_000 {
            std::hint::black_box(step);
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let doc: DocumentMut = text.parse().unwrap();
        let n = doc["n"].as_integer().unwrap();
        assert!(
            n >= last + i64::try_from(wanted).unwrap(),
            "an update is lost"
        );
        assert_eq!(doc["text"].as_str().unwrap(), text_of(n));
        assert!(text.starts_with("# head\n\n") && text.ends_with("# tail\n[keep]\nx = 1 # kept\n"));
        assert!(temporary(home.path()) <= 1);
        last = count(&path).unwrap();
        assert_eq!(last, n + 1);
        assert_eq!(names(home.path()), ["auth.toml"]);
    }
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_loose_mode_is_closed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    for (text, old, new) in [
        ("", 0o644, 0o600),
        ("t.k = 'v'\n", 0o664, 0o600),
        ("", 0o600, 0o600),
    ] {
        fs::write(&path, text).unwrap();
        chmod(&path, old);
        put(&path, "k", "v").unwrap();
        assert_eq!(mode(&path), new);
    }
    let shared = home.path().join("poetry.toml");
    fs::write(&shared, "").unwrap();
    chmod(&shared, 0o640);
    run(edit(&shared, Mode::Shared, |doc| {
        set(doc, &["k"], true.into())
    }))
    .unwrap();
    assert_eq!(mode(&shared), 0o640);
}

#[cfg(unix)]
#[test]
fn links_lead_to_the_real_file_and_stay() {
    use std::os::unix::fs::symlink;
    let home = tempfile::tempdir().unwrap();
    let (link, real) = (
        home.path().join("config/auth.toml"),
        home.path().join("dots/a.toml"),
    );
    fs::create_dir(home.path().join("config")).unwrap();
    fs::create_dir(home.path().join("dots")).unwrap();
    fs::write(&real, "# mine\n").unwrap();
    symlink("../dots/a.toml", &link).unwrap();
    assert!(put(&link, "k", "v").unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(
        fs::read_to_string(&real).unwrap(),
        "# mine\n[t]\nk = \"v\"\n"
    );

    fs::remove_file(&real).unwrap();
    let failure = put(&link, "k", "v").unwrap_err();
    assert!(
        failure.message.contains("a link to a file that is gone"),
        "{failure}"
    );
    assert!(names(&home.path().join("dots")).is_empty());

    let ring = home.path().join("ring.toml");
    symlink("ring.toml", &ring).unwrap();
    let failure = put(&ring, "k", "v").unwrap_err();
    assert!(failure.message.contains("circle"), "{failure}");
    assert!(fs::symlink_metadata(&ring).unwrap().is_symlink());
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::create_dir(&path).unwrap();
    let failure = put(&path, "k", "v").unwrap_err();
    assert!(failure.message.contains("not a regular file"), "{failure}");
    fs::remove_dir(&path).unwrap();

    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    let failure = put(&path, "k", "v").unwrap_err();
    assert!(failure.message.contains("not a regular file"), "{failure}");
    fs::remove_file(&path).unwrap();

    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(put(&path, "k", "v").is_err());
    drop(socket);
    fs::remove_file(&path).unwrap();

    fs::write(&path, "").unwrap();
    let failure = put(&path.join("x.toml"), "k", "v").unwrap_err();
    assert_eq!(failure.code, ErrorCode::Unavailable, "{failure}");
    fs::write(&path, "a = 1\n").unwrap();
    chmod(&path, 0o444);
    let failure = put(&path, "k", "v").unwrap_err();
    assert!(failure.message.contains("read-only"), "{failure}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n");
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("auth.toml");
    fs::write(&path, "# old\na = 1\n").unwrap();
    let command = again(&this_program(), "full", &path);
    // A limit on the size of files fails a write in the middle, as a full disk does.
    let status = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args())
        .env(ROLE, format!("full:{}", path.display()))
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

/// What permissions forbid, they do not forbid root: as root, another process without its rights
/// looks at it.
#[cfg(unix)]
#[test]
fn what_is_forbidden_is_a_failure() {
    use std::os::unix::fs::chown;
    use std::os::unix::process::CommandExt;
    let home = tempfile::tempdir().unwrap();
    if !rustix::process::geteuid().is_root() {
        ordinary(home.path());
        return;
    }
    let foreign = home.path().join("foreign.toml");
    fs::write(&foreign, "a = 1\n").unwrap();
    if chown(&foreign, Some(65534), None).is_err() {
        // The root of a user namespace, which has nobody else.
        return;
    }
    let failure = put(&foreign, "k", "v").unwrap_err();
    assert_eq!(failure.code, ErrorCode::Policy);
    assert!(failure.message.contains("another user"), "{failure}");
    assert_eq!(fs::read_to_string(&foreign).unwrap(), "a = 1\n");

    let program = home.path().join("program");
    // By another process: a thread's child that is about to begin would hold the copy open for writing.
    let copied = Command::new("cp")
        .arg(this_program())
        .arg(&program)
        .status();
    assert!(copied.unwrap().success());
    let work = home.path().join("work");
    fs::create_dir(&work).unwrap();
    chown(&work, Some(65534), Some(65534)).unwrap();
    chmod(home.path(), 0o755);
    let status = again(&program, "ordinary", &work)
        .uid(65534)
        .gid(65534)
        .current_dir("/")
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(unix)]
fn ordinary(folder: &Path) {
    let path = folder.join("auth.toml");
    fs::write(&path, "a = 1\n").unwrap();
    chmod(&path, 0o200);
    let unreadable = put(&path, "k", "v").unwrap_err();
    assert!(
        unreadable.message.contains("permission denied"),
        "{unreadable}"
    );
    chmod(&path, 0o600);
    chmod(folder, 0o500);
    let read_only = put(&path, "k", "v").unwrap_err();
    assert!(
        read_only.message.contains("permission denied"),
        "{read_only}"
    );
    // What changes nothing needs no right to write.
    assert!(!run(edit(&path, Mode::Private, |_| Ok(()))).unwrap().1);
    chmod(folder, 0o000);
    let closed = put(&path, "k", "v").unwrap_err();
    assert_eq!(closed.code, ErrorCode::Unavailable);
    chmod(folder, 0o700);
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n");
    assert_eq!(temporary(folder), 0);
}

/// A line of a document, its comments included.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let entry = proptest::sample::select(vec![
        "# a comment",
        "",
        "   ",
        "[http-basic.X]  # t",
        "[http-basic.\"X.y\"]",
        "[certificates.X]",
        "[ 'odd' . X ]",
        "[[list]]",
        "user = \"a\" # e",
        "'quoted key' = '''many\nlines'''",
        "a.b.c = 1",
        "list-X = [ 1, # one\n  2,\n]",
        "inline = { a = 1, b = 'x' }",
    ]);
    proptest::collection::vec((entry, "\r?\n"), 0..12).prop_map(|entries| {
        let number = |(at, (text, end)): (usize, (&str, String))| {
            let line = text
                .replace('X', &format!("n{at}"))
                .replace("user", &format!("u{at}"));
            let line = line
                .replace("inline", &format!("i{at}"))
                .replace("quoted", &format!("q{at}"));
            format!("{}{end}", line.replace("a.b.c", &format!("d{at}.b.c")))
        };
        entries.into_iter().enumerate().map(number).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn every_line_but_ours_stays_as_it_is(lines in lines(), mark: bool, name in "[a-z.\\- ]{1,9}", secret in "\\PC{0,40}") {
        let old = format!("{}{}", if mark { "\u{feff}" } else { "" }, lines.concat());
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("auth.toml");
        fs::write(&path, &old).unwrap();
        let (key, text) = (name.clone(), secret.clone());
        let change = move |doc: &mut DocumentMut| set(doc, &["http-basic", &key, "password"], text.as_str().into());
        run(edit(&path, Mode::Private, change)).unwrap();
        let new = fs::read_to_string(&path).unwrap();
        let read: DocumentMut = new.trim_start_matches('\u{feff}').parse().unwrap();
        prop_assert_eq!(get(&read, &["http-basic", &name, "password"]).unwrap().as_str().unwrap(), secret.as_str());
        prop_assert_eq!(new.starts_with('\u{feff}'), mark);
        // The old lines are still there, in their order, and new ones stand between them.
        let mut rest = new.trim_start_matches('\u{feff}').split_inclusive('\n');
        for line in old.trim_start_matches('\u{feff}').split_inclusive('\n') {
            prop_assert!(rest.any(|new| new == line), "{:?} is lost or moved in {:?}", line, new);
        }
        // And back: what we put in goes out, and nothing else.
        let key = name.clone();
        let change = move |doc: &mut DocumentMut| Ok(remove(doc, &["http-basic", &key, "password"]));
        prop_assert!(run(edit(&path, Mode::Private, change)).unwrap().0);
        let back = fs::read_to_string(&path).unwrap();
        let back: DocumentMut = back.trim_start_matches('\u{feff}').parse().unwrap();
        let first: DocumentMut = old.trim_start_matches('\u{feff}').parse().unwrap();
let dense = |doc: &DocumentMut| doc.to_string().split_whitespace().collect::<String>();
        prop_assert_eq!(dense(&back), dense(&first));
    }
}
