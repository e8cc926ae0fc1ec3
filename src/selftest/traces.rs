//! Where the made-up secret must not be found: in what was logged and said at the highest level, and
//! in any file but the one in which it was stored.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Check;
use super::ground::Ground;
use super::here::ACCOUNT;

/// Asks in every way that could lead the secret into a log: from a variable, in a URL, by commands
/// that tell of credentials.
pub(super) async fn provoke(ground: &Ground) {
    let secret = &ground.secret;
    let url =
        format!("https://{ACCOUNT}:{secret}@{ACCOUNT}.invalid/simple/?token={secret}#{secret}");
    let broken = format!("https://{ACCOUNT}:{secret}@{ACCOUNT}.invalid:99999/");
    let variables = [
        ("POETRY_HTTP_BASIC_PROBE_USERNAME", "probe"),
        ("POETRY_HTTP_BASIC_PROBE_PASSWORD", secret.as_str()),
        ("POETRY_PYPI_TOKEN_PROBE", secret.as_str()),
    ];
    for line in [
        ["get", "probe", "-vv"],
        ["get", &url, "-vv"],
        ["get", &broken, "-vv"],
        ["explain", ACCOUNT, "-vv"],
        ["explain", &url, "--json"],
        ["list", "-vv", "--json"],
        ["trust", ACCOUNT, &url],
    ] {
        // How it ends does not matter here; where it does not run at all, other rules say so.
        let _ = ground.helper(&line, &variables).await;
    }
}

/// What agent and clients logged and said.
pub(super) fn log(ground: &Ground) -> Check {
    const ID: &str = "log";
    let Ok(agent) = std::fs::read(ground.agent_log()) else {
        return Check::failed(ID, "the agent's log cannot be read");
    };
    let agent = String::from_utf8_lossy(&agent);
    let said = ground.said();
    let lines = |text: &str, mark: &str| text.lines().filter(|line| line.contains(mark)).count();
    let of_agent = lines(&agent, "Z debug: ") + lines(&agent, "Z info: ");
    let of_clients = lines(&said, "helper: info: ");
    // An empty log would hold no secret either.
    if lines(&agent, "Z debug: ") == 0 || of_clients == 0 {
        return Check::failed(ID, "nothing was logged at the highest level");
    }
    let spellings = spellings(&ground.secret);
    for (whose, text) in [("the agent", &*agent), ("a client", &*said)] {
        if spellings.iter().any(|spelling| text.contains(spelling)) {
            return Check::failed(ID, format!("the secret is in what {whose} said"));
        }
    }
    Check::ok(
        ID,
        format!("{of_agent} lines of the agent and {of_clients} of clients, without the secret"),
    )
}

/// Every file beside the store.
pub(super) fn files(ground: &Ground) -> Check {
    const ID: &str = "files";
    let spellings = spellings(&ground.secret);
    let mut seen = Seen::default();
    look(&ground.path(""), &spellings, &mut seen);
    if let Some(path) = seen.wrong {
        return Check::failed(ID, format!("the secret is in {path}"));
    }
    if !seen.store {
        return Check::failed(ID, "the file in which the secret was stored was not found");
    }
    Check::ok(
        ID,
        format!("{} files beside the store, without the secret", seen.count),
    )
}

#[derive(Default)]
struct Seen {
    count: usize,
    store: bool,
    wrong: Option<String>,
}

fn look(folder: &Path, spellings: &[String], seen: &mut Seen) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            look(&path, spellings, seen);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let found = spellings.iter().any(|spelling| text.contains(spelling));
            let is_store = path.ends_with("pypoetry/auth.toml");
            seen.store |= is_store && found;
            if !is_store {
                seen.count += 1;
                if found {
                    seen.wrong = Some(entry.file_name().to_string_lossy().into_owned());
                }
            }
        }
    }
}

/// The secret as it may stand in other words: as it is (its letters and digits are the same in a
/// URL), in hexadecimal digits, and inside base64 from each of three offsets.
fn spellings(secret: &str) -> Vec<String> {
    let mut all = vec![secret.to_owned()];
    let hex: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    all.push(hex.concat());
    for before in ["", "x", "xx"] {
        let whole = STANDARD.encode(format!("{before}{secret}"));
        // Its ends depend on what stands beside it.
        let inner = whole.get(4..whole.len().saturating_sub(4));
        all.extend(inner.map(str::to_owned));
    }
    all
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::{STANDARD, spellings};

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let secret = "selftest0123456789abcdef";
        for before in ["", "u", "u:", "u:x", "user:"] {
            let text = STANDARD.encode(format!("{before}{secret}\n"));
            let found = spellings(secret)
                .iter()
                .filter(|spelling| text.contains(*spelling))
                .count();
            assert_eq!(found, 1, "{before}");
        }
        assert!(spellings(secret).iter().all(|one| one.len() >= 16));
    }
}
