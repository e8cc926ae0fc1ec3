//! Stores that are a program: one that the settings name, and Python's `keyring`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use credential_helper::domain::credential::{Key, Why};
use credential_helper::provider::Provider;
use credential_helper::provider::child::CommandSpec;
use credential_helper::provider::command::{CommandEntry, CommandProtocol, CommandProvider};
use credential_helper::provider::keyring_command::KeyringCommand;
use tempfile::TempDir;

use super::{ACCOUNT, Planted, contract, instead};

/// A shell that prints a file, or does something else.
struct Program<P> {
    folder: TempDir,
    provider: P,
    key: fn(&str) -> Key,
    unknown: Key,
    has_accounts: bool,
}

/// A shell that runs what stands in `script`, a file that the test rewrites: nobody executes it, so
/// that no other thread's copy of a descriptor can make it busy.
fn program(folder: &Path) -> CommandSpec {
    CommandSpec {
        command: vec![
            "/bin/sh".into(),
            folder.join("script").to_string_lossy().into_owned(),
        ],
        env: BTreeMap::from([("FOLDER".into(), folder.to_string_lossy().into_owned())]),
        pass_env: Vec::new(),
        timeout: Duration::from_secs(20),
    }
}

impl<P> Program<P> {
    fn does(&self, script: &str) {
        instead::text(&self.folder.path().join("script"), script);
    }
}

impl<P: Provider> Planted for Program<P> {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn key(&self, account: &str) -> Key {
        (self.key)(account)
    }

    fn has_accounts(&self) -> bool {
        self.has_accounts
    }

    fn unknown(&self) -> Key {
        self.unknown.clone()
    }

    async fn plant(&mut self, secret: &str) {
        std::fs::write(self.folder.path().join("secret"), secret).unwrap();
        self.does(
            r#"if [ $# = 0 ] || [ "$*" = "get poetry-repository-foo alice" ]
               then exec cat "$FOLDER/secret"; else exit 1; fi"#,
        );
    }

    async fn garble(&mut self) -> bool {
        self.does(r"printf 'hunter2\377'");
        true
    }

    async fn bar(&mut self) -> Option<Why> {
        self.does("echo hunter2 >&2; exit 70");
        Some(Why::Unavailable)
    }

    async fn hang(&mut self) -> Option<Why> {
        self.does("exec sleep 600");
        Some(Why::TimedOut)
    }
}

#[tokio::test]
async fn command() {
    let folder = tempfile::tempdir().unwrap();
    let provider = CommandProvider::new(vec![CommandEntry {
        name: "foo".into(),
        command: program(folder.path()),
        protocol: CommandProtocol::Plain,
        ttl: Some(Duration::from_mins(15)),
        url: None,
        username: Some(ACCOUNT.into()),
    }]);
    contract(Program {
        folder,
        provider,
        key: |_| Key::Repository("foo".into()),
        unknown: Key::Repository("bar".into()),
        has_accounts: false,
    })
    .await;
}

#[tokio::test]
async fn keyring_command() {
    let folder = tempfile::tempdir().unwrap();
    let provider = KeyringCommand::new(program(folder.path()));
    contract(Program {
        folder,
        provider,
        key: |account| Key::Service {
            service: "poetry-repository-foo".into(),
            username: Some(account.into()),
        },
        unknown: Key::Service {
            service: "poetry-repository-bar".into(),
            username: Some(ACCOUNT.into()),
        },
        has_accounts: true,
    })
    .await;
}
