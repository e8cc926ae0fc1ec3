//! Where the agent's socket may be: the places in order, from the surroundings alone.
//!
//! The order is part of the protocol (`SPECIFICATION.md`, "Addresses") and held by
//! `vectors/addresses.json`.

use std::path::PathBuf;

use crate::surroundings::{OWN, Platform, SOCKET, Surroundings};

/// The socket's name in its folder.
pub const NAME: &str = "agent.sock";

/// Which rule named a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `CREDENTIAL_HELPER_SOCKET`.
    Variable,
    /// `XDG_RUNTIME_DIR`.
    Runtime,
    /// `/run/user/UID`.
    User,
    /// The state folder, by machine: a home may be shared over a network, a socket cannot.
    State,
    /// `TMPDIR` on macOS, which is private there.
    Temporary,
}

/// A place where the socket may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The socket.
    pub socket: PathBuf,
    /// Which rule named it.
    pub rule: Rule,
}

/// Every place, in the order of the rules.
pub fn candidates(around: &Surroundings) -> Vec<Candidate> {
    let mut found = Vec::with_capacity(5);
    let mut add = |rule, socket: PathBuf| found.push(Candidate { socket, rule });
    if let Some(socket) = around.folder(SOCKET) {
        add(Rule::Variable, socket);
    }
    if let Some(folder) = around.folder("XDG_RUNTIME_DIR") {
        add(Rule::Runtime, folder.join(OWN).join(NAME));
    }
    if around.platform == Platform::Xdg {
        let folder = PathBuf::from(format!("/run/user/{}", around.uid));
        add(Rule::User, folder.join(OWN).join(NAME));
    }
    if let Some(state) = around.state_folder() {
        let machine = format!("run-{}", machine(&around.hostname));
        add(Rule::State, state.join(machine).join(NAME));
    }
    if around.platform == Platform::MacOs
        && let Some(folder) = around.folder("TMPDIR")
    {
        add(Rule::Temporary, folder.join(OWN).join(NAME));
    }
    // `/run/user/UID` is what `XDG_RUNTIME_DIR` says on most machines: named once.
    let mut unique: Vec<Candidate> = Vec::with_capacity(found.len());
    for candidate in found {
        if unique.iter().all(|known| known.socket != candidate.socket) {
            unique.push(candidate);
        }
    }
    unique
}

/// The machine's name as the name of a folder.
fn machine(hostname: &str) -> String {
    let name: String = hostname
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') {
                c
            } else {
                '_'
            }
        })
        .collect();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::candidates;
    use crate::surroundings::{Platform, Surroundings};

    #[derive(serde::Deserialize)]
    struct Row {
        environment: std::collections::BTreeMap<String, String>,
        platform: String,
        uid: u32,
        hostname: String,
        candidates: Vec<PathBuf>,
    }

    #[derive(serde::Deserialize)]
    struct Rows {
        addresses: Vec<Row>,
    }

    #[test]
    fn candidates_are_those_of_the_vectors() {
        let rows: Rows = serde_json::from_str(include_str!("../vectors/addresses.json")).unwrap();
        assert!(rows.addresses.len() > 5);
        for row in rows.addresses {
            let platform = match row.platform.as_str() {
                "macos" => Platform::MacOs,
                _ => Platform::Xdg,
            };
            let around = Surroundings::given(&row.environment, platform, row.uid, &row.hostname);
            let found: Vec<PathBuf> = candidates(&around)
                .into_iter()
                .map(|candidate| candidate.socket)
                .collect();
            assert_eq!(found, row.candidates, "{:?}", row.environment);
        }
    }
}
