//! Other tools' protocols: whatever a tool says, the stored secret goes out for its own place only,
//! and never into what is for people.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credential_helper_protocol::{
    Changed, Credential, Delete, ErrorCode, Failure, Listing, Place, Question, Report, Scheme,
    Secret, Set,
};

use crate::bridge::{Bridge, Outside, Places, Said, Trouble};
use crate::domain::url::RepositoryUrl;

const OWN: &str = "https://index.example";
const USER: &str = "us er";
const SECRET: &str = "St0red/secret+1";
/// What a seed gives for storing; where it stands in an input once, nobody repeats it.
const GIVEN: &str = "S3NTINEL-7";

/// Answers every question alike, as an agent that is wrong would.
struct Answering {
    input: Vec<u8>,
    lines: VecDeque<String>,
    written: Vec<u8>,
    bearer: bool,
    named: bool,
    asked: usize,
}

impl Answering {
    fn new(flags: u8, input: &[u8]) -> Self {
        Self {
            input: input.to_vec(),
            lines: VecDeque::new(),
            written: Vec::new(),
            bearer: flags & 0x40 != 0,
            named: flags & 0x80 != 0,
            asked: 0,
        }
    }

    fn credential(&self) -> Credential {
        Credential {
            name: self.named.then(|| "foo".to_owned()),
            username: (!self.bearer).then(|| USER.to_owned()),
            password: Some(Secret::from(SECRET)),
            scheme: if self.bearer {
                Scheme::Bearer
            } else {
                Scheme::Basic
            },
            provider: "secret-service".to_owned(),
            location: "login".to_owned(),
            origin: Some(OWN.to_owned()),
            ..Credential::default()
        }
    }
}

impl Outside for Answering {
    fn input(&mut self) -> Result<Secret, Trouble> {
        let text = String::from_utf8(self.input.clone());
        text.map(Secret::new)
            .map_err(|_| Failure::new(ErrorCode::Usage, "standard input is not UTF-8").into())
    }

    fn turn(&mut self, text: &[u8]) -> Result<Option<Secret>, Trouble> {
        self.written.extend_from_slice(text);
        Ok(self.lines.pop_front().map(Secret::new))
    }

    fn secret(&mut self, label: &str) -> Result<Secret, Trouble> {
        assert!(!label.contains(SECRET));
        self.input()
    }

    fn get(&mut self, _: Question) -> Result<Credential, Trouble> {
        self.asked += 1;
        Ok(self.credential())
    }

    fn set(&mut self, set: Set) -> Result<Changed, Trouble> {
        assert!(set.service.is_some() || !set.name.is_empty());
        Ok(Changed::default())
    }

    fn delete(&mut self, _: Delete) -> Result<Changed, Trouble> {
        Ok(Changed {
            removed: vec![Place {
                provider: "secret-service".to_owned(),
                location: "login".to_owned(),
            }],
            ..Changed::default()
        })
    }

    fn list(&mut self) -> Result<Listing, Trouble> {
        Ok(Listing::default())
    }

    fn report(&mut self, report: Report) -> Result<(), Trouble> {
        assert_eq!(report.outcome, "unauthorized");
        Ok(())
    }

    fn places(&mut self) -> Result<Places, Trouble> {
        Ok(Places {
            settings: "/settings/config.toml".into(),
            settings_exist: false,
            state: "/state".into(),
        })
    }
}

fn run(name: &str, arguments: &[OsString], outside: &mut Answering) -> Option<Said> {
    let bridge = Bridge::named(name.as_ref()).expect("a bridge");
    let said = match bridge.run(arguments, outside) {
        Ok(said) => said,
        Err(Trouble::Failed(failure)) => {
            assert!(!failure.message.contains(SECRET));
            return None;
        }
        Err(_) => return None,
    };
    assert!(!said.err.contains(SECRET), "a secret for people");
    assert!(
        said.err.chars().all(|c| c == '\n' || !c.is_control()),
        "control characters for people"
    );
    assert!(said.out.is_empty() || outside.asked > 0 || !gives(&said.out));
    Some(said)
}

/// The first byte and the rest; none where the tool itself says what is stored.
fn flags_and_input(data: &[u8]) -> Option<(&u8, &[u8])> {
    data.split_first().filter(|_| !gives(data))
}

/// Whether the stored secret is in it.
fn gives(out: &[u8]) -> bool {
    let text = String::from_utf8_lossy(out);
    let header = STANDARD.encode(format!("{USER}:{SECRET}"));
    text.contains(SECRET) || text.contains(&header)
}

/// Whether a URL is of the secret's own place, by the one parser.
fn is_own(url: &str) -> bool {
    RepositoryUrl::parse(url).is_ok_and(|(url, _)| url.origin().to_string() == OWN)
}

/// A URL up to its path, in which a tool may have what no URL can hold.
fn without_path(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{authority}/")
}

/// What was given for storing is not repeated.
fn repeats_nothing(input: &[u8], said: &Said) {
    let text = String::from_utf8_lossy(input);
    if text.matches(GIVEN).count() == 1 && !text.contains('\\') {
        let out = String::from_utf8_lossy(&said.out);
        assert!(
            !out.contains(GIVEN) && !said.err.contains(GIVEN),
            "a secret is repeated"
        );
    }
}

/// `git-credential-helper`: the first byte is the operation, the rest is what git says.
pub fn git(data: &[u8]) {
    let Some((flags, input)) = flags_and_input(data) else {
        return;
    };
    let operation = ["get", "store", "erase", "capability"][usize::from(flags & 3)];
    let mut outside = Answering::new(*flags, input);
    let Some(said) = run("git-credential-helper", &[operation.into()], &mut outside) else {
        return;
    };
    let text = String::from_utf8_lossy(input);
    let field = |key: &str| {
        let lines = text.split('\n').take_while(|line| !line.is_empty());
        let mut values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        (values.next(), values.next())
    };
    if gives(&said.out) {
        let ((scheme, None), (host, None)) = (field("protocol"), field("host")) else {
            panic!("an answer for two places");
        };
        let url = format!(
            "{}://{}/",
            scheme.unwrap_or_default(),
            host.unwrap_or_default()
        );
        assert_eq!(operation, "get");
        assert!(is_own(&url), "a secret for another place");
        if let (Some(user), _) = field("username") {
            assert!(
                user.is_empty() || user == USER || outside.bearer,
                "another account's secret"
            );
        }
        // Each line is one line to git.
        let out = String::from_utf8_lossy(&said.out);
        assert!(out.lines().all(|line| line.contains('=')));
    }
    if matches!(field("password"), (Some(GIVEN), None)) {
        repeats_nothing(input, &said);
    }
}

/// `docker-credential-helper`.
pub fn docker(data: &[u8]) {
    let Some((flags, input)) = flags_and_input(data) else {
        return;
    };
    let operation = ["get", "store", "erase", "list"][usize::from(flags & 3)];
    let mut outside = Answering::new(*flags, input);
    let Some(said) = run(
        "docker-credential-helper",
        &[operation.into()],
        &mut outside,
    ) else {
        return;
    };
    if gives(&said.out) {
        assert_eq!((operation, said.status), ("get", 0));
        let server = String::from_utf8_lossy(input);
        let server = server.trim();
        let url = if server.contains("://") {
            server.to_owned()
        } else {
            format!("https://{server}")
        };
        assert!(is_own(&without_path(&url)), "a secret for another place");
        let reply: serde_json::Value = serde_json::from_slice(&said.out).expect("JSON");
        assert_eq!(reply["ServerURL"], server);
    }
    // To anything else docker gives the name of a server, which errors tell.
    let stored: Option<serde_json::Value> = serde_json::from_slice(input).ok();
    if operation == "store" && stored.is_some_and(|stored| stored["Secret"] == GIVEN) {
        repeats_nothing(input, &said);
    }
}

/// `cargo-credential-helper`: a line for each turn.
pub fn cargo(data: &[u8]) {
    let Some((flags, input)) = flags_and_input(data) else {
        return;
    };
    let text = String::from_utf8_lossy(input);
    for line in text.lines().take(4) {
        let mut outside = Answering::new(*flags, b"typed-secret");
        outside.named = true;
        outside.lines.push_back(line.to_owned());
        let Some(said) = run(
            "cargo-credential-helper",
            &["--cargo-plugin".into()],
            &mut outside,
        ) else {
            return;
        };
        let mut replies = outside.written.split_inclusive(|byte| *byte == b'\n');
        assert_eq!(replies.next(), Some(&b"{\"v\":[1]}\n"[..]));
        let reply = replies.next().expect("an answer to each line");
        assert!(
            replies.next().is_none() && reply.ends_with(b"\n"),
            "one line for each"
        );
        let reply_value: serde_json::Value = serde_json::from_slice(reply).expect("JSON");
        assert!(reply_value.get("Ok").is_some() != reply_value.get("Err").is_some());
        let Ok(request) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if gives(reply) {
            let url = request["registry"]["index-url"]
                .as_str()
                .unwrap_or_default();
            let url = without_path(url.strip_prefix("sparse+").unwrap_or(url));
            assert!(is_own(&url), "a secret for another place");
        }
        if request["token"] == GIVEN {
            let all = Said {
                out: reply.to_vec().into(),
                ..said
            };
            repeats_nothing(line.as_bytes(), &all);
        }
    }
}

/// `credential-helper get`.
pub fn bazel(data: &[u8]) {
    let Some((flags, input)) = flags_and_input(data) else {
        return;
    };
    let mut outside = Answering::new(*flags, input);
    let Some(said) = run("credential-helper", &["get".into()], &mut outside) else {
        return;
    };
    if said.status == 0 {
        let reply: serde_json::Value = serde_json::from_slice(&said.out).expect("JSON");
        let header = &reply["headers"]["Authorization"];
        assert!(header.is_null() || header.as_array().is_some_and(|list| list.len() == 1));
    } else {
        assert!(said.out.is_empty());
    }
}

/// `keyring`: arguments, each ended by a zero byte, then standard input.
pub fn keyring(data: &[u8]) {
    let Some((flags, rest)) = flags_and_input(data) else {
        return;
    };
    let mut words: Vec<&[u8]> = rest.split(|byte| *byte == 0).collect();
    let input = words.pop().unwrap_or_default();
    let arguments: Vec<OsString> = words
        .iter()
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    let mut outside = Answering::new(*flags, input);
    let Some(said) = run("keyring", &arguments, &mut outside) else {
        return;
    };
    assert!(said.status <= 2, "a status that its callers do not know");
    if gives(&said.out) {
        assert_eq!(said.status, 0);
        let whole = String::from_utf8_lossy(&said.out);
        let plain = whole == format!("{SECRET}\n") || whole == format!("{USER}\n{SECRET}\n");
        let json = serde_json::from_str::<serde_json::Value>(&whole)
            .is_ok_and(|value| value["password"] == SECRET);
        assert!(plain || json, "another form than keyring's");
    }
    if input == GIVEN.as_bytes() {
        repeats_nothing(rest, &said);
    }
}
