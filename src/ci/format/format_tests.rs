//! What is written is read back by the real readers, or by ones built after them, or refused.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use credential_helper_protocol::Secret;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use zeroize::Zeroizing;

use super::{Format, Handed, Surroundings, hand_over};
use crate::ci::variables::{Plan, Variable};

const RANDOM: &str = "0123456789abcdef";

fn plan(values: &[String]) -> Plan {
    Plan {
        set: values
            .iter()
            .enumerate()
            .map(|(at, value)| Variable {
                name: format!("V_{at}"),
                value: Secret::from(value.as_str()),
                secret: true,
            })
            .collect(),
        ..Plan::default()
    }
}

fn handed(format: Format, plan: &Plan, masks: &[&str]) -> Result<Handed, String> {
    let masks: Vec<_> = masks
        .iter()
        .map(|mask| Zeroizing::new((*mask).to_owned()))
        .collect();
    let around = Surroundings {
        masks: &masks,
        stale: &["STALE".to_owned()],
        random: RANDOM,
    };
    hand_over(format, plan, &around).map_err(|failure| failure.to_string())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Values that readers stumble over.
fn nasty() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "'",
        "\"",
        "\\",
        "$",
        "${HOME}",
        "$(id)",
        "`id`",
        "%",
        "%25",
        "%0A",
        "%AZP25",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "#",
        "=",
        "<<",
        ";",
        "]",
        "&",
        "|",
        "!",
        "*",
        "~",
        "é",
        "\u{2019}",
        "\u{1f600}",
        "a",
        "EOF",
        "delimiter_0123456789abcdef",
        "::add-mask::",
        "\u{1b}",
        "-",
        "{}",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        "[^\\x00]{0,20}",
    ]
}

/// Checks batches of values; a form that refuses a batch is asked one by one.
fn check(format: Format, read: impl Fn(&Handed) -> BTreeMap<String, String>) {
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let batches = prop::collection::vec(nasty(), 20);
    let result = runner.run(&batches, |values| {
        let plan_of_all = plan(&values);
        let (plan, handed) = if let Ok(handed) = handed(format, &plan_of_all, &[]) {
            (plan_of_all, handed)
        } else {
            let fitting: Vec<String> = values
                .into_iter()
                .filter(|value| handed(format, &plan(std::slice::from_ref(value)), &[]).is_ok())
                .collect();
            let plan = plan(&fitting);
            let handed = handed(format, &plan, &[]).map_err(TestCaseError::fail)?;
            (plan, handed)
        };
        let found = read(&handed);
        for one in &plan.set {
            prop_assert_eq!(
                found.get(&one.name).map(String::as_str),
                Some(one.value.expose()),
                "{}",
                one.name
            );
        }
        Ok(())
    });
    result.unwrap();
}

/// The environment that a shell has after it was given this program text.
fn shell(program: &str, arguments: &[&str], text: &[u8]) -> BTreeMap<String, String> {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home.path())
        .env("STALE", "x")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{program}: {}", out.status);
    let out = String::from_utf8(out.stdout).unwrap();
    let found: BTreeMap<String, String> = out
        .split('\0')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(!found.contains_key("STALE"), "{program}");
    found
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok()
        || std::path::Path::new("/bin").join(program).exists();
    if !found {
        // A line that the lint on prints does not know.
        let _ = writeln!(
            std::io::stderr(),
            "not tested with {program}: it is not installed"
        );
    }
    found
}

#[cfg(unix)]
#[test]
fn shells_read_it() {
    // As `eval "$(helper env)"` does.
    let script = "t=$(cat; echo x); eval \"${t%x}\"; exec env -0";
    for program in ["sh", "dash", "bash", "zsh"] {
        if is_there(program) {
            check(Format::Sh, |handed| {
                shell(program, &["-c", script], &handed.stdout)
            });
        }
    }
}

#[cfg(unix)]
#[test]
fn fish_reads_it() {
    if is_there("fish") {
        check(Format::Fish, |handed| {
            shell("fish", &["-N", "-c", "source; env -0"], &handed.stdout)
        });
    }
}

#[cfg(unix)]
#[test]
fn a_shell_reads_dotenv_too() {
    let script = "unset STALE; t=$(cat; echo x); set -a; eval \"${t%x}\"; exec env -0";
    check(Format::Dotenv, |handed| {
        shell("sh", &["-c", script], &handed.stdout)
    });
}

/// python-dotenv `parser.py`, and the readers that keep what stands in single quotes: quotes off,
/// `\\` and `\'` decoded, `${..}` expanded.
fn dotenv(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .map(|line| {
            let (name, value) = line.split_once('=').unwrap();
            let bare = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\''));
            let value = match bare {
                Some(quoted) => quoted.replace("\\\\", "\\").replace("\\'", "'"),
                None => value.split(" #").next().unwrap().trim().to_owned(),
            };
            (name.to_owned(), value.replace("${HOME}", "expanded"))
        })
        .collect()
}

#[test]
fn dotenv_readers_read_it() {
    check(Format::Dotenv, |handed| dotenv(&text(&handed.stdout)));
}

#[test]
fn a_dotenv_reader_that_is_real() {
    let Some(python) = std::env::var_os("CREDENTIAL_HELPER_TEST_DOTENV") else {
        return;
    };
    let script = "import sys,io,os,dotenv\n\
                  found=dotenv.dotenv_values(stream=io.StringIO(sys.stdin.read()))\n\
                  sys.stdout.write(''.join(f'{k}={v}\\0' for k,v in found.items()))";
    check(Format::Dotenv, |handed| {
        shell(python.to_str().unwrap(), &["-c", script], &handed.stdout)
    });
}

#[test]
fn json_is_read() {
    check(Format::Json, |handed| {
        let value: serde_json::Value = serde_json::from_slice(&handed.stdout).unwrap();
        assert_eq!(value["unset"][0], "STALE");
        serde_json::from_value(value["variables"].clone()).unwrap()
    });
}

/// actions/runner `FileCommandManager.cs`, `EnvFileKeyValuePairs`.
fn runner(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    let line = |rest: &mut &str| -> Option<(String, String)> {
        if rest.is_empty() {
            return None;
        }
        let (line, end) = match rest.find('\n') {
            Some(at) => {
                let crlf = rest[..at].ends_with('\r');
                let line = rest[..at - usize::from(crlf)].to_owned();
                (line, if crlf { "\r\n" } else { "\n" })
            }
            None => ((*rest).to_owned(), ""),
        };
        *rest = &rest[line.len() + end.len()..];
        Some((line, end.to_owned()))
    };
    while let Some((head, _)) = line(&mut rest) {
        let (equals, heredoc) = (head.find('='), head.find("<<"));
        match (equals, heredoc) {
            (Some(at), heredoc) if heredoc.is_none_or(|here| at < here) => {
                found.insert(head[..at].to_owned(), head[at + 1..].to_owned());
            }
            (_, Some(at)) => {
                let (name, delimiter) = (&head[..at], &head[at + 2..]);
                let (mut value, mut end) = (String::new(), String::new());
                loop {
                    let (next, after) = line(&mut rest).expect("the delimiter");
                    if next == delimiter {
                        break;
                    }
                    value += &end;
                    value += &next;
                    end = after;
                }
                found.insert(name.to_owned(), value);
            }
            _ => panic!("an invalid line"),
        }
    }
    found
}

#[test]
fn the_github_runner_reads_it() {
    check(Format::Github, |handed| {
        let (variable, file) = handed.file.as_ref().unwrap();
        assert_eq!(*variable, "GITHUB_ENV");
        runner(&text(file))
    });
}

/// actions/runner `ActionCommand.cs`: one command a line, data unescaped.
#[test]
fn the_github_runner_masks_every_line() {
    let masks = ["a%b", "two\nlines\r", "", " ", "100%0A"];
    let handed = handed(Format::Github, &plan(&[]), &masks).unwrap();
    let read: Vec<String> = text(&handed.stdout)
        .lines()
        .map(|line| {
            let data = line.strip_prefix("::add-mask::").unwrap();
            data.replace("%0D", "\r")
                .replace("%0A", "\n")
                .replace("%25", "%")
        })
        .collect();
    assert_eq!(read, ["a%b", "two", "lines\r", "100%0A"]);
    assert!(handed.notes[0].contains("STALE"));
}

/// PowerShell's single-quoted strings, `[char]` and `+` (`tokenizer.cs`, `ScanStringLiteral`).
fn powershell(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("${env:")) {
        assert!(line.is_ascii());
        let (name, mut rest) = line["${env:".len()..].split_once("} = ").unwrap();
        let mut units: Vec<u16> = Vec::new();
        while !rest.is_empty() {
            if let Some(hex) = rest.strip_prefix("[char]0x") {
                units.push(u16::from_str_radix(&hex[..4], 16).unwrap());
                rest = &hex[4..];
            } else {
                rest = rest.strip_prefix('\'').unwrap();
                loop {
                    let at = rest.find('\'').unwrap();
                    units.extend(rest[..at].encode_utf16());
                    rest = &rest[at + 1..];
                    let Some(next) = rest.strip_prefix('\'') else {
                        break;
                    };
                    units.push(u16::from(b'\''));
                    rest = next;
                }
            }
            rest = rest.strip_prefix('+').unwrap_or(rest);
        }
        found.insert(name.to_owned(), String::from_utf16(&units).unwrap());
    }
    found
}

#[test]
fn powershell_reads_it() {
    check(Format::PowerShell, |handed| {
        powershell(&text(&handed.stdout))
    });
    if is_there("pwsh") {
        let script = "Invoke-Expression ($input | Out-String); foreach ($e in Get-ChildItem env:) \
                      { [Console]::Write($e.Name + '=' + $e.Value + [char]0) }";
        check(Format::PowerShell, |handed| {
            let mut found = shell("pwsh", &["-NoProfile", "-Command", script], &handed.stdout);
            // An empty variable is none there.
            for at in 0..20 {
                found.entry(format!("V_{at}")).or_default();
            }
            found
        });
    }
}

/// azure-pipelines-agent `Command.cs`, with and without `DECODE_PERCENTS`.
fn azure(text: &str, percents: bool) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.strip_prefix("##vso[task.setvariable "))
        .map(|rest| {
            let (properties, data) = rest.split_once(']').unwrap();
            let name = properties.split(';').next().unwrap();
            let mut data = data.to_owned();
            for (code, c) in [("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]")] {
                data = data.replace(code, c);
            }
            if percents {
                data = data.replace("%AZP25", "%");
            }
            (name.strip_prefix("variable=").unwrap().to_owned(), data)
        })
        .collect()
}

#[test]
fn azure_reads_it() {
    for percents in [false, true] {
        check(Format::Azure, |handed| {
            azure(&text(&handed.stdout), percents)
        });
    }
    let handed = handed(Format::Azure, &plan(&["s3cret".to_owned()]), &["s3cret"]).unwrap();
    assert_eq!(
        text(&handed.stdout),
        "##vso[task.setsecret]s3cret\n##vso[task.setvariable variable=V_0;issecret=true]s3cret\n"
    );
    assert_eq!(handed.notes[1], "  V_0: $(V_0)");
}

#[test]
fn circleci_and_buildkite_take_lines_of_a_shell() {
    let handed_to = |format| handed(format, &plan(&["p w".to_owned()]), &["p w", "x"]).unwrap();
    let lines = "export V_0='p w'\nunset STALE\n";
    let circle = handed_to(Format::CircleCi);
    assert!(circle.stdout.is_empty());
    let (variable, file) = circle.file.unwrap();
    assert_eq!((variable, text(&file).as_str()), ("BASH_ENV", lines));
    let buildkite = handed_to(Format::Buildkite);
    assert_eq!(text(&buildkite.stdout), lines);
    let told = text(&buildkite.redactions.unwrap());
    assert_eq!(told, "{\"0\":\"p w\",\"1\":\"x\"}\n");
}

#[test]
fn names_that_no_shell_can_export() {
    let mut dotted = plan(&["p".to_owned()]);
    dotted.set[0].name = "A.B".to_owned();
    for format in [Format::Sh, Format::Fish, Format::Dotenv] {
        let handed = handed(format, &dotted, &[]).unwrap();
        assert!(!text(&handed.stdout).contains("A.B"), "{format:?}");
        assert!(handed.notes[0].contains("A.B"), "{format:?}");
    }
    let handed = handed(Format::PowerShell, &dotted, &[]).unwrap();
    assert!(text(&handed.stdout).starts_with("${env:A.B} = 'p'"));
}

#[test]
fn a_refusal_shows_no_value() {
    let value = "hunter2\n".to_owned();
    for format in [Format::Dotenv, Format::Azure] {
        let told = handed(format, &plan(std::slice::from_ref(&value)), &[])
            .err()
            .unwrap();
        assert!(told.contains("V_0") && !told.contains("hunter"), "{told}");
    }
}
