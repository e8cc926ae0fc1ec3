use std::fs;
use std::path::Path;

use credential_helper_protocol::{ErrorCode, Operation};

use super::{
    FILE, FirstUseRecord, TrustRecord, bind, load, record_first_use, trust_project, unbind,
    untrust_project,
};
use crate::domain::binding::BoundBy;
use crate::domain::credential::Why;
use crate::domain::name::RepositoryName;
use crate::domain::url::RepositoryUrl;
use crate::provider::fake::run;
use crate::provider::files::{FileFailure, Files};

fn name(text: &str) -> RepositoryName {
    RepositoryName::parse(text).unwrap()
}

fn url(text: &str) -> RepositoryUrl {
    RepositoryUrl::parse(text).unwrap().0
}

fn read(state: &Path) -> Result<TrustRecord, FileFailure> {
    run(load(&Files::default().view(), state))
}

/// Each binding in one line.
fn told(state: &Path) -> Vec<String> {
    let tell = |binding: &crate::domain::binding::Binding| {
        let operation = binding
            .operation
            .map_or("both", super::super::trust_text::word);
        let http = if binding.allow_http { " http" } else { "" };
        assert!(binding.since.is_some());
        format!(
            "{} {operation} {} {}{http}",
            binding.name,
            binding.url,
            binding.by.word()
        )
    };
    read(state).unwrap().bindings.iter().map(tell).collect()
}

#[test]
fn bindings_are_added_and_removed() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    assert_eq!(read(state).unwrap(), TrustRecord::default());
    run(async {
        let (a, b) = (url("https://a.example/simple/"), url("http://b.example/"));
        assert!(
            bind(state, &name("Foo"), &a, None, BoundBy::Set)
                .await
                .unwrap()
        );
        assert!(
            !bind(state, &name("foo"), &a, None, BoundBy::Set)
                .await
                .unwrap()
        );
        assert!(
            bind(
                state,
                &name("foo"),
                &b,
                Some(Operation::Upload),
                BoundBy::Trust
            )
            .await
            .unwrap()
        );
        assert!(
            bind(state, &name("bar"), &b, None, BoundBy::Set)
                .await
                .unwrap()
        );
    });
    assert_eq!(
        told(state),
        [
            "foo both https://a.example/simple/ set",
            "foo upload http://b.example/ trust http",
            "bar both http://b.example/ set",
        ]
    );
    run(async {
        // `trust` by hand is the permission to use http; a later `set` does not take it back.
        let b = url("http://b.example/");
        assert!(
            bind(state, &name("bar"), &b, None, BoundBy::Trust)
                .await
                .unwrap()
        );
        assert!(
            !bind(state, &name("bar"), &b, None, BoundBy::Set)
                .await
                .unwrap()
        );
        let gone = unbind(
            state,
            &name("foo"),
            Some(&url("http://b.example/other/")),
            None,
        )
        .await
        .unwrap();
        assert_eq!(gone.len(), 1);
        assert!(
            unbind(state, &name("nobody"), None, None)
                .await
                .unwrap()
                .is_empty()
        );
    });
    assert_eq!(
        told(state),
        [
            "foo both https://a.example/simple/ set",
            "bar both http://b.example/ trust http"
        ]
    );
    run(async {
        assert_eq!(
            unbind(state, &name("FOO"), None, None).await.unwrap().len(),
            1
        );
        assert_eq!(
            unbind(state, &name("bar"), None, None).await.unwrap().len(),
            1
        );
    });
    assert_eq!(fs::read_to_string(state.join(FILE)).unwrap(), "");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        assert_eq!(
            fs::metadata(state.join(FILE)).unwrap().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn a_binding_by_hand_takes_over_a_first_use() {
    let state = tempfile::tempdir().unwrap();
    let a = url("https://a.example/");
    let first = run(record_first_use(state.path(), &name("foo"), &a)).unwrap();
    assert!(matches!(first, FirstUseRecord::Bound(_)));
    assert_eq!(
        told(state.path()),
        ["foo both https://a.example/ first-use"]
    );
    assert!(run(bind(state.path(), &name("foo"), &a, None, BoundBy::Set)).unwrap());
    assert_eq!(told(state.path()), ["foo both https://a.example/ set"]);
}

#[test]
fn of_many_first_uses_one_is_the_first() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let record = |n: usize| {
        let url = url(&format!("https://h{n}.example/"));
        loop {
            match run(record_first_use(state, &name("foo"), &url)) {
                Err(failure) if failure.code == ErrorCode::TimedOut => {}
                other => return other.unwrap(),
            }
        }
    };
    let results: Vec<FirstUseRecord> = std::thread::scope(|scope| {
        let start = |n| scope.spawn(move || record(n));
        let threads: Vec<_> = (0..16).map(start).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let bound = read(state).unwrap().bindings;
    assert_eq!(bound.len(), 1);
    let mut winners = 0;
    for result in results {
        match result {
            FirstUseRecord::Bound(binding) => {
                winners += 1;
                assert_eq!([binding], bound[..]);
            }
            FirstUseRecord::AlreadyBound(others) => assert_eq!(others, bound),
        }
    }
    assert_eq!(winners, 1);
}

#[test]
fn what_the_user_wrote_stays() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let old = "# mine\n\n# about foo\n[[binding]]\nname = 'foo' # e\nurl = 'https://a.example/'\nby = 'set'\nown = 1\n\n# about bar\n[[binding]]\nname = 'bar'\nurl = 'https://b.example/'\nby = 'trust'\n";
    fs::write(state.join(FILE), old).unwrap();
    run(async {
        let c = url("https://c.example/");
        bind(state, &name("baz"), &c, None, BoundBy::Trust)
            .await
            .unwrap();
        assert!(
            fs::read_to_string(state.join(FILE))
                .unwrap()
                .starts_with(old)
        );
        unbind(state, &name("foo"), None, None).await.unwrap();
        unbind(state, &name("baz"), None, None).await.unwrap();
    });
    let new = fs::read_to_string(state.join(FILE)).unwrap();
    let bar = &old[old.find("\n# about bar").unwrap()..];
    assert_eq!(new, format!("# mine\n\n# about foo\n{bar}"));
}

#[test]
fn what_cannot_be_understood_is_a_failure_and_stays() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();
    let with = |line: &str| {
        format!("[[binding]]\nname = 'foo'\nurl = 'https://a.example/'\nby = 'set'\n{line}\n")
    };
    for (text, says) in [
        (
            "[[binding]]\nname = \n".to_owned(),
            "line 2 is not valid TOML",
        ),
        (
            "\nbinding = 1\n".to_owned(),
            "line 2: binding must be written as [[binding]]",
        ),
        (
            "[[binding]]\nname = 'x'\n".to_owned(),
            "line 1: binding.url is missing",
        ),
        (
            "[[binding]]\nname = 1\n".to_owned(),
            "line 2: binding.name must be a string in quotes",
        ),
        (
            "[[binding]]\nname = ''\n".to_owned(),
            "line 2: binding.name is no name",
        ),
        (with("operation = 'x'"), "line 5: binding.operation must be"),
        (
            with("allow-http = 'yes'"),
            "line 5: binding.allow-http must be true or false",
        ),
        (
            with("since = 2026"),
            "line 5: binding.since must be a string",
        ),
        (
            with("").replace("'set'", "'built-in'"),
            "line 4: binding.by must be",
        ),
        (
            with("").replace("https://", "https://u:hunter2@"),
            "line 3: binding.url must be",
        ),
        (
            "[[project]]\nfolder = '/x'\n".to_owned(),
            "line 1: project.sha256 is missing",
        ),
    ] {
        fs::write(state.join(FILE), &text).unwrap();
        let failure = read(state).unwrap_err();
        assert_eq!(failure.why, Why::Malformed);
        assert!(failure.detail.contains(says), "{}", failure.detail);
        assert!(failure.detail.contains(FILE));
        let a = url("https://b.example/");
        for failure in [
            run(bind(state, &name("foo"), &a, None, BoundBy::Set)).unwrap_err(),
            run(record_first_use(state, &name("foo"), &a)).unwrap_err(),
            run(unbind(state, &name("foo"), None, None)).unwrap_err(),
            run(untrust_project(state, state)).unwrap_err(),
        ] {
            assert_eq!(failure.code.exit_status(), 3);
            assert!(failure.message.contains(says), "{failure}");
            assert!(failure.message.contains(FILE) && !failure.message.contains("hunter2"));
        }
        assert_eq!(fs::read_to_string(state.join(FILE)).unwrap(), text);
    }
}

#[test]
fn a_project_is_trusted_until_it_changes() {
    let home = tempfile::tempdir().unwrap();
    let (state, project) = (home.path().join("state"), home.path().join("project"));
    fs::create_dir(&project).unwrap();
    let trusted = |folder: &Path| {
        let view = Files::default().view();
        run(async {
            let record = load(&view, &state).await.unwrap();
            record.is_project_trusted(&view, folder).await
        })
    };
    let trust = || run(trust_project(&Files::default().view(), &state, &project));
    assert!(!trusted(&project).unwrap());
    let refused = trust().unwrap_err();
    assert_eq!(refused.code, ErrorCode::Usage);
    assert!(
        refused
            .message
            .contains("no pyproject.toml, no poetry.toml"),
        "{refused}"
    );

    let pyproject = project.join("pyproject.toml");
    fs::write(&pyproject, "[project]\n").unwrap();
    trust().unwrap();
    assert!(trusted(&project).unwrap());
    assert!(trusted(&project.join("../project/.")).unwrap());
    assert!(!trusted(home.path()).unwrap());
    let text = fs::read_to_string(state.join(FILE)).unwrap();
    trust().unwrap();
    assert_eq!(fs::read_to_string(state.join(FILE)).unwrap(), text);

    for (file, new) in [
        ("pyproject.toml", "[project]\n#\n"),
        ("poetry.toml", ""),
        ("uv.toml", "x = 1\n"),
    ] {
        fs::write(project.join(file), new).unwrap();
        assert!(!trusted(&project).unwrap(), "{file}");
        trust().unwrap();
        assert!(trusted(&project).unwrap());
        assert_eq!(read(&state).unwrap().projects.len(), 1);
    }
    fs::remove_file(project.join("uv.toml")).unwrap();
    assert!(!trusted(&project).unwrap());
    fs::remove_file(&pyproject).unwrap();
    fs::create_dir(&pyproject).unwrap();
    assert!(trusted(&project).is_err());
    assert!(trust().is_err());
    assert!(run(untrust_project(&state, &project)).unwrap());
    assert!(!run(untrust_project(&state, &project)).unwrap());
    assert!(trusted(&home.path().join("gone")).is_ok_and(|trusted| !trusted));
}
