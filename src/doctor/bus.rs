//! The session bus and the keyring on it.

use std::path::PathBuf;
use std::time::Duration;

use credential_helper_protocol::{Status, variable};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Check, Options, Outcome};
use crate::domain::credential::ProviderId;
use crate::domain::text::shown_path;
use crate::provider::secret_service::{Places, Presence, SecretService};
use crate::provider::{Call, Provider as _};

/// How long the bus may take to let us in.
const CONNECT: Duration = Duration::from_secs(1);

/// What was seen.
pub(super) struct Seen {
    bus: Bus,
    keyring: Keyring,
}

/// The session bus.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Bus {
    /// Neither the variable nor `XDG_RUNTIME_DIR` leads to one.
    None,
    /// It is named and cannot be reached: where, and why.
    Unreachable(String, &'static str),
    /// It is there.
    Reached(String),
}

/// The keyring, as this process sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keyring {
    /// Open, or started when it is needed.
    Ready(String),
    Locked(String),
    /// There is none.
    Absent(String),
    /// There may be one, but it cannot be used.
    Broken(String),
}

impl Seen {
    /// Whether secrets need not be kept in plain text.
    pub(super) fn has_keyring(&self) -> bool {
        !matches!(self.keyring, Keyring::Absent(_))
    }
}

/// Looks at the bus and at who provides the Secret Service; starts nothing.
pub(super) async fn collect(options: &Options, call: &Call) -> Seen {
    let runtime = options.around.folder("XDG_RUNTIME_DIR");
    let own = options.around.set(variable::BUS);
    let own = own.and_then(|value| value.into_string().ok());
    let bus = find(
        own.as_deref(),
        runtime.as_ref().map(|folder| folder.join("bus")),
    )
    .await;
    let service = SecretService::new(Places { own, runtime });
    let state = service.state(call).await;
    let detail = state.detail.unwrap_or_default();
    let keyring = match state.state.as_str() {
        "ready" => Keyring::Ready(detail),
        "locked" => Keyring::Locked(detail),
        _ => match service.presence(call).await {
            Presence::Absent(why) => Keyring::Absent(why),
            Presence::Present | Presence::Unknown(_) => Keyring::Broken(detail),
        },
    };
    Seen { bus, keyring }
}

async fn find(variable: Option<&str>, runtime: Option<PathBuf>) -> Bus {
    let mut missed = None;
    for part in variable.into_iter().flat_map(|text| text.split(';')) {
        let path = part
            .strip_prefix("unix:")
            .and_then(|keys| keys.split(',').find_map(|pair| pair.strip_prefix("path=")));
        match path.map(PathBuf::from) {
            // Abstract sockets are tried with the keyring itself.
            None if part.starts_with("unix:") => return Bus::Reached(variable::BUS.to_owned()),
            None => missed = Some((variable::BUS.to_owned(), "only Unix sockets are spoken to")),
            Some(path) => match reach(&path).await {
                Ok(()) => return Bus::Reached(shown_path(&path)),
                Err(why) => {
                    missed = Some((format!("{} ({})", shown_path(&path), variable::BUS), why));
                }
            },
        }
    }
    if let Some(path) = runtime
        && reach(&path).await.is_ok()
    {
        return Bus::Reached(shown_path(&path));
    }
    missed.map_or(Bus::None, |(place, why)| Bus::Unreachable(place, why))
}

async fn reach(path: &std::path::Path) -> Result<(), &'static str> {
    match timeout(CONNECT, UnixStream::connect(path)).await {
        Err(_) => Err("it does not take connections"),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(match error.kind() {
            std::io::ErrorKind::NotFound => "there is no such socket",
            std::io::ErrorKind::ConnectionRefused => "nobody listens there",
            std::io::ErrorKind::PermissionDenied => "permission denied",
            _ => "it cannot be connected to",
        }),
    }
}

/// Judges bus and keyring. The running agent has its own view of them, and it is the one that
/// counts.
pub(super) fn checks(seen: &Seen, status: Option<&Status>, switched_on: bool) -> Vec<Check> {
    if !switched_on {
        return vec![Check::new(
            "keyring",
            Outcome::Skipped,
            "switched off: keyring.enabled is false",
        )];
    }
    let word = ProviderId::SECRET_SERVICE.word();
    let agents = status
        .into_iter()
        .flat_map(|status| &status.providers)
        .find(|provider| provider.name == word);
    let detail = agents
        .and_then(|state| state.detail.clone())
        .unwrap_or_default();
    let (keyring, whose) = match agents.map(|state| state.state.as_str()) {
        Some("ready") => (Keyring::Ready(detail), " of the agent"),
        Some("locked") => (Keyring::Locked(detail), " of the agent"),
        Some("unavailable" | "open") if matches!(seen.keyring, Keyring::Ready(_)) => {
            return vec![
                bus(&seen.bus),
                Check::new(
                    "keyring",
                    Outcome::Warning,
                    format!("there is one here, but the agent cannot use it: {detail}"),
                )
                .fix("helper agent stop (the next command starts one in this session)"),
            ];
        }
        _ => (seen.keyring.clone(), ""),
    };
    let mut checks = Vec::new();
    if whose.is_empty() {
        checks.push(bus(&seen.bus));
    }
    let check = |result, message: String| Check::new("keyring", result, message);
    checks.push(match keyring {
        Keyring::Ready(detail) if detail.is_empty() => {
            check(Outcome::Ok, format!("the keyring{whose} is open"))
        }
        Keyring::Ready(detail) => check(
            Outcome::Ok,
            format!("the keyring{whose} is there: {detail}"),
        ),
        Keyring::Locked(detail) => check(
            Outcome::Problem,
            format!("the keyring{whose} is locked: {detail}"),
        )
        .fix("helper agent unlock"),
        Keyring::Absent(why) => check(
            Outcome::Warning,
            format!("there is no keyring, so `helper set` writes auth.toml (mode 0600): {why}"),
        )
        .fix("start gnome-keyring, KWallet or KeePassXC, or set keyring.enabled to false"),
        Keyring::Broken(why) => check(
            Outcome::Problem,
            format!("the keyring cannot be used: {why}"),
        )
        .fix("see which program owns org.freedesktop.secrets, and restart it"),
    });
    checks
}

fn bus(bus: &Bus) -> Check {
    match bus {
        Bus::Reached(place) => {
            Check::new("bus", Outcome::Ok, "the session bus is there").about(&**place)
        }
        Bus::None => Check::new("bus", Outcome::Warning, "there is no session bus here")
            .fix("log in to a session, or run under `dbus-run-session`"),
        Bus::Unreachable(place, why) => Check::new(
            "bus",
            Outcome::Problem,
            format!("the session bus cannot be reached: {why}"),
        )
        .about(&**place)
        .fix("correct DBUS_SESSION_BUS_ADDRESS, or unset it"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use credential_helper_protocol::{ProviderState, Status};

    use super::super::Outcome::{self, Ok as Good, Problem, Skipped, Warning};
    use super::{Bus, Keyring, Seen, checks, find};

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(work)
    }

    #[test]
    fn buses() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (_listening, closed) = run(async {
            (
                tokio::net::UnixListener::bind(path("bus")).unwrap(),
                tokio::net::UnixListener::bind(path("closed")).unwrap(),
            )
        });
        drop(closed);
        let address = |name: &str| format!("unix:path={},guid=0", path(name).display());
        let reached = Bus::Reached(path("bus").display().to_string());
        let unreachable =
            |bus: &Bus, word: &str| matches!(bus, Bus::Unreachable(_, why) if why.contains(word));
        let look = |variable: Option<&str>, runtime: Option<PathBuf>| run(find(variable, runtime));
        assert_eq!(look(Some(&address("bus")), None), reached);
        assert_eq!(look(None, Some(path("bus"))), reached);
        assert_eq!(look(Some(&address("no")), Some(path("bus"))), reached);
        assert_eq!(look(None, None), Bus::None);
        assert_eq!(look(None, Some(path("no"))), Bus::None);
        assert!(unreachable(&look(Some(&address("no")), None), "no such"));
        assert!(unreachable(&look(Some(&address("closed")), None), "nobody"));
        assert!(unreachable(&look(Some("tcp:host=x"), None), "only Unix"));
    }

    fn results(keyring: Keyring, agent: Option<&str>, on: bool) -> Vec<Outcome> {
        let seen = Seen {
            bus: Bus::None,
            keyring,
        };
        let status = agent.map(|state| Status {
            providers: vec![ProviderState {
                name: "secret-service".into(),
                state: state.into(),
                detail: None,
            }],
            ..Status::default()
        });
        let found = checks(&seen, status.as_ref(), on);
        assert!(
            found.iter().all(|check| check.result == Good
                || check.result == Skipped
                || check.fix.is_some())
        );
        found.iter().map(|check| check.result).collect()
    }

    #[test]
    fn keyrings() {
        let ready = || Keyring::Ready("/login".into());
        let locked = || Keyring::Locked("/login".into());
        let absent = || Keyring::Absent("nobody".into());
        let broken = || Keyring::Broken("owned by uid 8".into());
        for (keyring, agent, on, wanted) in [
            (ready(), None, true, vec![Warning, Good]),
            (locked(), None, true, vec![Warning, Problem]),
            (absent(), None, true, vec![Warning, Warning]),
            (broken(), None, true, vec![Warning, Problem]),
            (absent(), Some("ready"), true, vec![Good]),
            (ready(), Some("locked"), true, vec![Problem]),
            (ready(), Some("unavailable"), true, vec![Warning, Warning]),
            (absent(), Some("unavailable"), true, vec![Warning, Warning]),
            (locked(), None, false, vec![Skipped]),
        ] {
            assert_eq!(results(keyring.clone(), agent, on), wanted, "{keyring:?}");
        }
        assert!(
            !Seen {
                bus: Bus::None,
                keyring: absent()
            }
            .has_keyring()
        );
        assert!(
            Seen {
                bus: Bus::None,
                keyring: broken()
            }
            .has_keyring()
        );
    }
}
