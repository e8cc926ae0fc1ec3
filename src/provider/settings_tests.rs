use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::Secret;

use super::{CommandProtocol, IdentitySetting, IdleExit, SecretSetting, Settings, duration, load};
use crate::domain::binding::FirstUse;
use crate::provider::files::Files;

const EXAMPLE: &str = r#"
timeout = 7.5
idle-exit = "never"
first-use = "refuse"
cache = { idle = "90s", absolute = "1h", not-found = "1s" }
keyring-command = { command = ["/usr/bin/keyring"], timeout = 3, pass-env = ["X"] }
identity-token = { command = ["/usr/bin/identity", "{audience}"], timeout = 2 }
identity-audiences = ["https://a/"]
netrc = "~/.netrc"

[repositories.foo]
url = "https://pypi.example.org/simple/"
publish-url = "https://pypi.example.org/legacy/"
also = ["https://files.example.org/foo/"]
allow-http = true
username = "ci"
file = "/run/secrets/foo"

[repositories.bar]
command = ["/usr/bin/mint", "bar"]
protocol = "credential-helper"
env = { AWS_PROFILE = "ci" }
pass-env = ["AWS_REGION"]
ttl = "15m"
timeout = 30.0

[repositories."a.b"]
file = { username = "~/u", password = "/p" }

[mirrors]
"https://pypi.org/simple/" = "https://mirror.example.org/simple/"
"#;

async fn read(text: &str) -> Result<Rc<Settings>, String> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), text).unwrap();
    let view = Files::default().view();
    let loaded = load(&view, dir.path(), Path::new("/home/u")).await;
    loaded.map_err(|failure| {
        failure
            .detail
            .rsplit("config.toml ")
            .next()
            .unwrap()
            .to_owned()
    })
}

#[tokio::test]
async fn defaults() {
    let dir = tempfile::tempdir().unwrap();
    let view = Files::default().view();
    let absent = load(&view, dir.path(), Path::new("/h")).await.unwrap();
    for settings in [absent, read("").await.unwrap()] {
        assert_eq!(settings.timeout, Duration::from_secs(5));
        assert_eq!(settings.idle_exit, None);
        assert_eq!(settings.first_use, FirstUse::Bind);
        assert_eq!(settings.cache.idle, Duration::from_mins(10));
        assert_eq!(settings.cache.absolute, Duration::from_hours(2));
        assert_eq!(settings.cache.not_found, Duration::from_secs(5));
        assert!(settings.keyring_command.is_none() && settings.netrc.is_none());
        assert!(settings.repositories.is_empty() && settings.warnings.is_empty());
    }
}

#[tokio::test]
async fn every_key() {
    let settings = read(EXAMPLE).await.unwrap();
    assert_eq!(settings.warnings, Vec::<String>::new());
    assert_eq!(settings.timeout, Duration::from_millis(7500));
    assert_eq!(settings.idle_exit, Some(IdleExit::Never));
    assert_eq!(settings.first_use, FirstUse::Refuse);
    assert_eq!(settings.cache.idle, Duration::from_secs(90));
    let keyring = settings.keyring_command.as_ref().unwrap();
    assert_eq!(keyring.command, ["/usr/bin/keyring"]);
    let Some(IdentitySetting::Command(identity)) = &settings.identity_token else {
        panic!("no command");
    };
    assert_eq!(identity.command, ["/usr/bin/identity", "{audience}"]);
    assert_eq!(identity.timeout, Duration::from_secs(2));
    assert_eq!(settings.identity_audiences, ["https://a/"]);
    let file = read("identity-token = { file = '~/t' }").await.unwrap();
    assert!(
        matches!(&file.identity_token, Some(IdentitySetting::File(path)) if path == Path::new("/home/u/t"))
    );
    assert_eq!(keyring.timeout, Duration::from_secs(3));
    assert_eq!(keyring.pass_env, ["X"]);
    assert_eq!(settings.netrc, Some(PathBuf::from("/home/u/.netrc")));
    let [foo, bar, dotted] = &settings.repositories[..] else {
        panic!("three repositories");
    };
    assert_eq!(foo.name.as_str(), "foo");
    let url = foo.url.as_ref().unwrap();
    assert_eq!(url.as_str(), "https://pypi.example.org/simple/");
    assert!(foo.publish_url.is_some() && foo.also.len() == 1 && foo.allow_http);
    assert_eq!(foo.username.as_deref(), Some("ci"));
    let Some(SecretSetting::File { secret, username }) = &foo.secret else {
        panic!("a file");
    };
    assert_eq!(
        (secret.as_path(), username),
        (Path::new("/run/secrets/foo"), &None)
    );
    let Some(SecretSetting::Command(command)) = &bar.secret else {
        panic!("a command");
    };
    assert_eq!(command.command, ["/usr/bin/mint", "bar"]);
    assert_eq!(command.protocol, CommandProtocol::CredentialHelper);
    assert_eq!(
        command.env.get("AWS_PROFILE").map(Secret::expose),
        Some("ci")
    );
    assert_eq!(command.ttl, Some(Duration::from_mins(15)));
    assert_eq!(command.timeout, Duration::from_secs(30));
    let Some(SecretSetting::File { secret, username }) = &dotted.secret else {
        panic!("two files");
    };
    assert_eq!(secret, Path::new("/p"));
    assert_eq!(username.as_deref(), Some(Path::new("/home/u/u")));
    assert_eq!(settings.mirrors[0].0.as_str(), "https://pypi.org/simple/");
}

#[tokio::test]
async fn wrong_values_are_errors_that_quote_nothing() {
    for (text, expected) in [
        ("timeout = 'hunter2'", "timeout must be a number"),
        (
            "timeout = 0",
            "timeout must be a number of seconds from 0.1 to 600",
        ),
        ("timeout = nan", "timeout must be a number"),
        (
            "timeout = -1",
            "timeout must be a number of seconds from 0.1 to 600",
        ),
        (
            "idle-exit = 5",
            "idle-exit must be a duration such as \"1h\", or \"never\"",
        ),
        (
            "idle-exit = 'hunter2'",
            "idle-exit must be a duration such as \"1h\", or \"never\"",
        ),
        (
            "first-use = 'hunter2'",
            "first-use must be \"bind\" or \"refuse\"",
        ),
        (
            "cache = { idle = '1 day' }",
            "cache.idle must be a duration such as \"90s\", \"15m\" or \"1h\"",
        ),
        (
            "netrc = 'x'",
            "netrc must be an absolute path, or one that begins with ~/",
        ),
        (
            "netrc = '~other/x'",
            "netrc must be an absolute path, or one that begins with ~/",
        ),
        (
            "identity-token = { file = '/t', command = ['/m'] }",
            "identity-token has a file and a command: one of them is enough",
        ),
        (
            "identity-token = { file = 't' }",
            "identity-token.file must be an absolute path, or one that begins with ~/",
        ),
        ("identity-token = {}", "identity-token has no command"),
        (
            "keyring-command = { timeout = 1 }",
            "keyring-command has no command",
        ),
        (
            "keyring-command = { command = ['keyring'] }",
            "keyring-command.command must be a list that begins with the program's absolute path",
        ),
        (
            "keyring-command = { command = [] }",
            "keyring-command.command names no program",
        ),
        (
            "repositories.a = { file = '/x', command = ['/y'] }",
            "repositories.a has a file and a command: one of them is enough",
        ),
        (
            "repositories.a = { file = { username = '/x' } }",
            "repositories.a.file has no password",
        ),
        (
            "repositories.a = { file = 1 }",
            "repositories.a.file must be a path in quotes, or { username = PATH, password = PATH }",
        ),
        (
            "repositories.a.url = 'u:hunter2@h'",
            "repositories.a.url cannot be used: the URL has no scheme",
        ),
        (
            "mirrors.'https://u:hunter2@h/' = 1",
            "mirrors entry must be a string in quotes",
        ),
        (
            "repositories.a.also = 'https://h/'",
            "repositories.a.also must be an array",
        ),
        (
            "repositories.a.command = ['/x', 1]",
            "repositories.a.command[1] must be a string in quotes",
        ),
        (
            "repositories.a = { command = ['/x'], pass-env = ['A=B'] }",
            "repositories.a.pass-env \"A=B\" is not the name of a variable",
        ),
        (
            "repositories.a = { command = ['/x'], protocol = 'y' }",
            "repositories.a.protocol must be \"plain\" or \"credential-helper\"",
        ),
    ] {
        let error = read(&format!("\n{text}\n")).await.err();
        assert_eq!(error, Some(format!("line 2: {expected}")), "{text}");
    }
}

#[tokio::test]
async fn unknown_keys_are_warnings_with_their_line() {
    let text = "tiemout = 3\n[repositories.foo]\nurl = 'https://u:hunter2@h/'\nttl = '1h'\nx = 1\n";
    let settings = read(text).await.unwrap();
    let short: Vec<&str> = settings
        .warnings
        .iter()
        .map(|line| line.rsplit("config.toml ").next().unwrap())
        .collect();
    assert_eq!(
        short,
        [
            "line 1: tiemout is not a setting that is known here: it has no effect",
            "line 3: repositories.foo.url has an account in its URL, which is not used: store it \
             with `helper set NAME`",
            "line 4: repositories.foo.ttl has no effect without a command",
            "line 5: repositories.foo.x is not a setting that is known here: it has no effect",
        ]
    );
}

#[tokio::test]
async fn parsed_anew_only_when_the_text_changes() {
    let dir = tempfile::tempdir().unwrap();
    let (path, home) = (dir.path().join("config.toml"), Path::new("/h"));
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        // An older file: its times can be trusted.
        let old = std::time::SystemTime::now() - Duration::from_mins(1);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(old).unwrap();
    };
    let files = Files::default();
    write("timeout = 1");
    let first = load(&files.view(), dir.path(), home).await.unwrap();
    let second = load(&files.view(), dir.path(), home).await.unwrap();
    assert!(Rc::ptr_eq(&first, &second));
    write("timeout = 20");
    let third = load(&files.view(), dir.path(), home).await.unwrap();
    assert_eq!(third.timeout, Duration::from_secs(20));
}

#[test]
fn durations() {
    for (text, seconds) in [
        ("90s", Some(90)),
        ("15m", Some(900)),
        ("1h", Some(3600)),
        ("0s", Some(0)),
        ("", None),
        ("s", None),
        ("90", None),
        ("1d", None),
        ("1h30m", None),
        ("1 h", None),
        ("-1s", None),
        ("1\u{e9}", None),
        ("99999999999999999999h", None),
    ] {
        assert_eq!(duration(text), seconds.map(Duration::from_secs), "{text}");
    }
}
