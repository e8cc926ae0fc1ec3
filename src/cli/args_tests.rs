use clap::CommandFactory as _;
use credential_helper_protocol::{Changed, Credential, Place, Secret, SettingsReply};

use super::super::fake::{World, run};
use super::Cli;

#[test]
fn definitions_hold_together() {
    Cli::command().debug_assert();
}

/// What a command line asks of the agent; `connect` and the like stand before it.
fn calls(line: &str) -> String {
    let arguments: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let world = World {
        typed: Some("typed"),
        running: true,
        credential: Credential {
            username: Some("u".to_owned()),
            password: Some(Secret::from("hunter2")),
            ..Credential::default()
        },
        changed: Changed {
            removed: vec![Place::default()],
            ..Changed::default()
        },
        settings: SettingsReply {
            settings: [("a".to_owned(), serde_json::Value::Bool(true))].into(),
            ..SettingsReply::default()
        },
        ..World::default()
    };
    let ran = run(world, &arguments);
    assert_eq!(ran.status, 0, "{line}: {}", ran.err);
    ran.calls.join("; ")
}

#[test]
fn arguments_and_their_meaning() {
    for (line, meaning) in [
        ("get foo", "connect; get foo - - - variables"),
        ("get my.repo", "connect; get my.repo - - - variables"),
        (
            "get https://h/simple/",
            "connect; get - https://h/simple/ - - variables",
        ),
        (
            "get foo --username u --operation upload --format password",
            "connect; get foo - u upload variables",
        ),
        (
            "get --operation=read --username=u foo",
            "connect; get foo - u read variables",
        ),
        ("--json get foo", "connect; get foo - - - variables"),
        (
            "get foo --json --format json",
            "connect; get foo - - - variables",
        ),
        (
            "get foo --prompt --timeout 0.1",
            "connect; get foo - - - prompt 100ms variables",
        ),
        (
            "--timeout 600 get foo",
            "connect; get foo - - - 600000ms variables",
        ),
        (
            "--no-agent get foo",
            "connect no-agent; get foo - - - variables",
        ),
        (
            "get -vv foo --color never",
            "connect; get foo - - - variables",
        ),
        ("get -- -foo", "connect; get -foo - - - variables"),
        (
            "set foo",
            "secret \"password for foo\" true; connect; set foo - typed - - variables",
        ),
        (
            "set foo u",
            "secret \"password of u for foo\" true; connect; set foo u typed - - variables",
        ),
        (
            "set foo --token --non-interactive",
            "secret \"token for foo\" false; connect; set foo __token__ typed - - variables",
        ),
        (
            "set foo u --url https://h/ --operation upload",
            "secret \"password of u for foo\" true; connect; \
             set foo u typed https://h/ upload variables",
        ),
        ("delete foo", "connect; delete foo - variables"),
        ("delete foo u", "connect; delete foo u variables"),
        ("list", "connect; list variables"),
        ("explain foo", "connect; explain foo - - - variables"),
        (
            "explain https://h/ --operation read --username u",
            "connect; explain - https://h/ u read variables",
        ),
        ("config --list", "connect; settings variables"),
        (
            "config http-basic.foo u p",
            "connect; configure http-basic.foo [\"u\", \"p\"] variables",
        ),
        (
            "config http-basic.foo u",
            "secret \"password of u for foo\" true; connect; \
             configure http-basic.foo [\"u\", \"typed\"] variables",
        ),
        (
            "config pypi-token.foo -- -token",
            "connect; configure pypi-token.foo [\"-token\"] variables",
        ),
        (
            "config certificates.foo.cert false --local",
            "connect; configure certificates.foo.cert [\"false\"] local variables",
        ),
        (
            "config --unset http-basic.foo",
            "connect; configure http-basic.foo [] unset variables",
        ),
        (
            "config keyring.enabled false",
            "connect; configure keyring.enabled [\"false\"]",
        ),
        ("trust --list", "connect; bindings"),
        (
            "trust foo https://H/a",
            "connect; trust foo https://h/a - -",
        ),
        (
            "trust foo https://u:p@h/a",
            "connect; trust foo https://h/a - -",
        ),
        (
            "trust foo https://h/ --operation read",
            "connect; trust foo https://h/ - read",
        ),
        ("trust --project", "connect; trust - - project -"),
        ("trust --project .", "connect; trust - - project -"),
        ("trust --remove foo", "connect; untrust foo - - -"),
        (
            "trust --remove foo https://h/",
            "connect; untrust foo https://h/ - -",
        ),
        ("trust --remove --project", "connect; untrust - - project -"),
        ("agent run", "run"),
        ("agent run --detached", "run detached"),
        ("agent start", "running; status"),
        ("agent stop", "running; stop"),
        ("agent status", "running; status"),
        ("agent lock", "connect; lock"),
        ("agent reload", "running; reload"),
        ("agent unlock", "connect; unlock - prompt"),
        ("agent unlock --non-interactive", "connect; unlock -"),
        (
            "agent unlock --no-agent",
            "connect no-agent; unlock - prompt",
        ),
        (
            "agent unlock --password-stdin",
            "secret \"password of the keyring\" true; connect; unlock typed prompt",
        ),
        ("token inspect foo", "connect; get foo - - upload variables"),
        ("doctor", "checks"),
        ("doctor --offline", "checks offline"),
        ("selftest", "selftest 20000ms"),
        ("selftest --keyring --timeout 7", "selftest keyring 7000ms"),
        ("selftest --timeout 1", "selftest 5000ms"),
        ("index --help", ""),
        ("resolve --help", ""),
        ("scan", ""),
        ("scan --format sarif", ""),
        ("import", "connect"),
        ("import --apply --no-agent", "connect no-agent"),
        ("completions bash", ""),
        ("man", ""),
        ("--help", ""),
        ("--version", ""),
        ("agent --help", ""),
    ] {
        assert_eq!(calls(line), meaning, "{line}");
    }
}

#[test]
fn mistakes_are_told_without_repeating_what_may_be_a_secret() {
    for (line, told) in [
        ("", ""),
        ("agent", ""),
        ("explian foo", "did you mean explain?"),
        ("exec foo", "missing: <CMD>"),
        ("bridge", "missing: <BRIDGE>"),
        ("bridge hunter2", "wants one of"),
        ("hunter2", "there is no such command"),
        ("get", "missing: <NAME|URL>"),
        ("get foo hunter2", "there is an argument too many"),
        ("set foo u hunter2", "the secret is never an argument"),
        ("set foo --password=hunter2", "there is no such option"),
        (
            "get foo --password=hunter2",
            "there is no option --password here",
        ),
        ("config pypi-token.foo --hunter2", "stands after `--`"),
        ("set foo u --hunter2", "the secret is never an argument"),
        ("set foo u -xhunter2", "there is no such option"),
        ("set foo u --token", "cannot be used together with"),
        ("set foo --operation read", "missing: --url <URL>"),
        (
            "set foo --url https://u:hunter2@h/",
            "holds a username or a password",
        ),
        ("set https://h/", "is a URL"),
        (
            "get foo --operation hunter2",
            "--operation <OPERATION> wants one of read, upload",
        ),
        (
            "get foo --format hunter2",
            "wants one of lines, json, header, netrc, password",
        ),
        (
            "get foo --json --format header",
            "--json cannot be used together with",
        ),
        (
            "--json get foo --format header",
            "--json cannot be used together with",
        ),
        ("get ftp://u:hunter2@h/", "is neither http nor https"),
        ("get foo --timeout 0", "from 0.1 to 600"),
        ("get foo --timeout 600.1", "from 0.1 to 600"),
        ("get foo --timeout NaN", "from 0.1 to 600"),
        ("get foo --timeout inf", "from 0.1 to 600"),
        ("get foo --timeout -1", "there is no option -1 here"),
        (
            "get foo --color hunter2",
            "wants one of auto, always, never",
        ),
        (
            "get foo --prompt --non-interactive",
            "--prompt cannot be used together",
        ),
        (
            "--prompt get foo --non-interactive",
            "--prompt cannot be used together",
        ),
        ("delete", "missing: <NAME>"),
        ("config", "missing: <KEY>"),
        (
            "config http-basic.foo u hunter2 x",
            "takes at most 2 values",
        ),
        ("config pypi-token.foo hunter2 x", "takes at most 1 value\n"),
        (
            "config --unset http-basic.foo hunter2",
            "cannot be used together with",
        ),
        ("config --list foo", "cannot be used together with"),
        ("config --list --local", "cannot be used together with"),
        ("trust", "missing: <NAME>, <URL>"),
        ("trust foo", "missing: <URL>"),
        ("trust foo h", "has no scheme"),
        (
            "trust --list foo https://h/",
            "cannot be used together with",
        ),
        (
            "trust foo https://h/ --project",
            "cannot be used together with",
        ),
        ("trust --remove --list", "cannot be used together with"),
        (
            "trust --project /no/such/folder",
            "finding the project folder",
        ),
        ("agent status --no-agent", "--no-agent leaves out the agent"),
        ("selftest --no-agent", "--no-agent leaves out the agent"),
        ("agent socket --path x", "missing: --names <NAME>"),
        ("index", ""),
        ("index versions", "missing: <PACKAGE>"),
        ("index versions -xhunter2", "there is no option -x here"),
        ("index explain _", "is not the name of a package"),
        ("index files foo==hunter-2", "is not a version"),
        (
            "resolve --format hunter2",
            "wants one of requirements, pylock, json",
        ),
        (
            "resolve --resolution hunter2",
            "wants one of highest, lowest, lowest-direct",
        ),
        (
            "resolve --exclude-newer hunter2",
            "wants a date, as 2026-01-31",
        ),
        (
            "resolve --universal --python-platform linux",
            "cannot be used together with",
        ),
        (
            "resolve --no-index --index-url https://u:hunter2@h/",
            "cannot be used together with",
        ),
        (
            "resolve --offline --no-cache",
            "cannot be used together with",
        ),
        (
            "resolve --json --format pylock",
            "--json cannot be used together with",
        ),
        (
            "resolve foo --extra hunter2",
            "are about a project's pyproject.toml",
        ),
        (
            "resolve foo[https://u:hunter2@h/x",
            "cannot read a requirement of the command line",
        ),
        ("scan --format hunter2", "wants one of text, json, sarif"),
        ("scan --json --format sarif", "--json cannot be used"),
        ("scan /no/such/file", "cannot look at /no/such/file"),
        ("import --aply", "there is no option --aply here"),
        (
            "completions tcsh",
            "wants one of bash, elvish, fish, powershell, zsh",
        ),
    ] {
        let arguments: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let ran = run(World::default(), &arguments);
        assert_eq!(ran.status, 2, "{line}: {ran:?}");
        assert_eq!(ran.out, "", "{line}");
        assert!(ran.err.contains(told), "{line}: {}", ran.err);
        assert!(!ran.err.contains("hunter2"), "{line}: {}", ran.err);
        assert!(ran.calls.is_empty(), "{line}: {:?}", ran.calls);
    }
}

#[test]
fn usage_errors_are_objects_too() {
    for line in [
        "--json get",
        "get --json",
        "--json",
        "set --json foo u hunter2",
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let ran = run(World::default(), &arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{line}");
        let object: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
        assert_eq!(object["error"], "usage", "{line}");
        assert!(!ran.err.contains("hunter2"));
    }
    // Behind the end of the options it is an argument.
    let ran = run(World::default(), &["set", "foo", "u", "--", "--json"]);
    assert!(ran.err.starts_with("helper: "), "{}", ran.err);
}

#[test]
fn what_is_not_there_is_not_in_the_help() {
    let ran = run(World::default(), &["--help"]);
    for word in ["exec-netrc", "selftest-stranger", "socket", "detached"] {
        let command = format!("\n  {word} ");
        assert!(!ran.out.contains(&command), "{word}");
    }
    let ran = run(World::default(), &["agent", "run", "--help"]);
    assert!(!ran.out.contains("detached"));
    let ran = run(World::default(), &["--version"]);
    assert_eq!(ran.out, concat!("helper ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The command lines of a document: in fenced blocks, and in running text.
fn written(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, block) in text.split("```").enumerate() {
        if number % 2 == 1 {
            for line in block.lines() {
                let line = line.split(" #").next().unwrap_or_default();
                found.extend(line.split("&&").map(|part| part.trim().to_owned()));
            }
        } else {
            let spans = block.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| span.replace('\n', " ")));
        }
    }
    found.iter().filter_map(|line| command(line)).collect()
}

/// `helper ...` without a prompt and variables before it, with words for what stands for a word.
fn command(line: &str) -> Option<String> {
    let mut words = line.trim_start_matches("$ ").split_whitespace();
    let program = words.find(|word| !word.contains('='))?;
    if program != "helper" && !program.ends_with("/helper") {
        return None;
    }
    let words = words.map(|word| match word {
        "COMMAND" => "get",
        "SHELL" => "bash",
        "TOOL" => "pip",
        other => other,
    });
    let line: Vec<&str> = std::iter::once("helper").chain(words).collect();
    Some(line.join(" "))
}

#[test]
fn every_command_of_the_documents_can_be_given() {
    use clap::Parser as _;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let others = std::fs::read_dir(root.join("docs")).unwrap();
    documents.extend(others.map(|entry| entry.unwrap().path()));
    documents.push(root.join("protocol/SPECIFICATION.md"));
    let (mut count, mut wrong) = (0, Vec::new());
    for path in documents {
        for line in written(&std::fs::read_to_string(&path).unwrap()) {
            count += 1;
            let Err(error) = Cli::try_parse_from(line.split(' ')) else {
                continue;
            };
            // A command alone stands for all that can be written behind it.
            let is_named = matches!(
                error.kind(),
                clap::error::ErrorKind::MissingRequiredArgument
                    | clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) && line.split(' ').count() <= 2;
            if error.use_stderr() && !is_named {
                wrong.push(format!("{}: {line}: {}", path.display(), error.kind()));
            }
        }
    }
    assert!(count > 60, "{count}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Those of the manual pages, which `tests/clients/pages.py` runs.
#[test]
fn every_example_of_the_manual_pages_can_be_given() {
    use clap::Parser as _;
    let mut root = Cli::command();
    root.build();
    let mut pages = vec![("helper".to_owned(), root)];
    let mut count = 0;
    while let Some((name, command)) = pages.pop() {
        for (line, _) in super::super::man_text::examples(&name) {
            count += 1;
            for part in line
                .split("&&")
                .flat_map(|part| part.split(['|', '>']).collect::<Vec<_>>())
            {
                if let Some(line) = self::command(part.trim()) {
                    let words: Vec<&str> = line.split(' ').collect();
                    let result = Cli::try_parse_from(&words);
                    assert!(result.is_ok(), "{name}: {line}");
                }
            }
        }
        for next in command.get_subcommands().filter(|next| !next.is_hide_set()) {
            pages.push((format!("{name}-{}", next.get_name()), next.clone()));
        }
    }
    assert!(count > 40, "{count}");
}
