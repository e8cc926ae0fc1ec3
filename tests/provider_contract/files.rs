//! Stores that are one file: uv's, a netrc, one that the settings name, and Poetry's.

use credential_helper::domain::credential::{Key, ProviderId, TOKEN_USERNAME, Why};
use credential_helper::domain::url::RepositoryUrl;
use credential_helper::provider::file::{CredentialFile, FileEntry, FileUsername};
use credential_helper::provider::netrc::Netrc;
use credential_helper::provider::poetry::PoetryFile;
use credential_helper::provider::uv_store::UvStore;
use credential_helper::provider::{Folders, Provider};
use tempfile::TempDir;

use super::{ACCOUNT, Planted, contract, instead};

/// A file: its form, and what a broken one looks like.
struct OneFile<P> {
    folder: TempDir,
    name: &'static str,
    provider: P,
    form: fn(&str) -> String,
    broken: &'static str,
    keys: Keys,
}

/// Under which keys a file is read.
enum Keys {
    Url,
    Repository,
    HttpBasic,
    Token,
}

impl Keys {
    fn of(&self, name: &str, account: Option<&str>) -> Key {
        match self {
            Self::Url => Key::Url {
                url: RepositoryUrl::parse(&format!("https://{name}.example/simple/"))
                    .unwrap()
                    .0,
                username: account.map(str::to_owned),
            },
            Self::Repository => Key::Repository(name.into()),
            Self::HttpBasic => Key::HttpBasic(vec![name.into()]),
            Self::Token => Key::Token(vec![name.into()]),
        }
    }
}

impl<P> OneFile<P> {
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join(self.name)
    }
}

impl<P: Provider> Planted for OneFile<P> {
    fn provider(&self) -> &dyn Provider {
        &self.provider
    }

    fn folders(&self) -> Folders {
        let folder = || Some(self.folder.path().to_owned());
        Folders {
            project: folder(),
            poetry: folder(),
            uv: folder(),
            uv_store: folder(),
        }
    }

    fn key(&self, account: &str) -> Key {
        self.keys.of("foo", Some(account))
    }

    fn has_accounts(&self) -> bool {
        matches!(self.keys, Keys::Url)
    }

    fn account(&self) -> &str {
        match self.keys {
            Keys::Token => TOKEN_USERNAME,
            _ => ACCOUNT,
        }
    }

    fn unknown(&self) -> Key {
        self.keys.of("bar", None)
    }

    async fn plant(&mut self, secret: &str) {
        instead::text(&self.path(), &(self.form)(secret));
    }

    async fn garble(&mut self) -> bool {
        instead::text(&self.path(), self.broken);
        true
    }

    async fn bar(&mut self) -> Option<Why> {
        instead::folder(&self.path());
        Some(Why::Malformed)
    }

    /// What is no regular file is refused before anybody can wait for it.
    async fn hang(&mut self) -> Option<Why> {
        instead::fifo(&self.path());
        Some(Why::Malformed)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// TOML refuses control characters that are written as they are.
fn toml_quoted(text: &str) -> String {
    let controls = |c: char| match c {
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    quoted(text).chars().map(controls).collect()
}

#[tokio::test]
async fn uv_store() {
    let form = |secret: &str| {
        format!(
            "[[credential]]\nservice = \"https://foo.example\"\nusername = \"alice\"\nscheme = \"basic\"\npassword = {}\n",
            toml_quoted(secret)
        )
    };
    contract(OneFile {
        folder: tempfile::tempdir().unwrap(),
        name: "credentials.toml",
        provider: UvStore,
        form,
        broken: "[[credential]]\nservice = \"https://foo.example\npassword = \"hunter2",
        keys: Keys::Url,
    })
    .await;
}

#[tokio::test]
async fn netrc() {
    let folder = tempfile::tempdir().unwrap();
    let provider = Netrc::new(folder.path().join("netrc"));
    let form = |secret: &str| {
        format!(
            "machine foo.example\n\tlogin alice\n\tpassword {}\n",
            quoted(secret)
        )
    };
    contract(OneFile {
        folder,
        name: "netrc",
        provider,
        form,
        broken: "machine foo.example login alice password hunter2 hunter2",
        keys: Keys::Url,
    })
    .await;
}

#[tokio::test]
async fn credential_file() {
    let folder = tempfile::tempdir().unwrap();
    let provider = CredentialFile::new(vec![FileEntry {
        name: "foo".into(),
        secret: folder.path().join("secret"),
        username: Some(FileUsername::Text(ACCOUNT.into())),
    }]);
    contract(OneFile {
        folder,
        name: "secret",
        provider,
        form: |secret| format!("{secret}\n"),
        broken: "hunter2\nhunter2\n",
        keys: Keys::Repository,
    })
    .await;
}

/// `[http-basic]` of one of Poetry's files, each broken in a way of its own.
fn http_basic(id: ProviderId, broken: &'static str) -> OneFile<PoetryFile> {
    let form = |secret: &str| {
        format!(
            "[http-basic.foo]\nusername = \"alice\"\npassword = {}\n",
            toml_quoted(secret)
        )
    };
    OneFile {
        folder: tempfile::tempdir().unwrap(),
        name: id.word(),
        provider: PoetryFile(id),
        form,
        broken,
        keys: Keys::HttpBasic,
    }
}

#[tokio::test]
async fn poetry_toml() {
    let no_toml = "[http-basic.foo]\nusername = \"alice\"\npassword = \"hunter2\n";
    contract(http_basic(ProviderId::POETRY_TOML, no_toml)).await;
}

#[tokio::test]
async fn auth_toml() {
    let no_text = "[http-basic.foo]\nusername = \"alice\"\npassword = [\"hunter2\"]\n";
    contract(http_basic(ProviderId::AUTH_TOML, no_text)).await;
}

#[tokio::test]
async fn config_toml() {
    let no_table = "[http-basic]\nfoo = \"alice:hunter2\"\n";
    contract(http_basic(ProviderId::CONFIG_TOML, no_table)).await;
}

#[tokio::test]
async fn token_of_auth_toml() {
    contract(OneFile {
        folder: tempfile::tempdir().unwrap(),
        name: "auth.toml",
        provider: PoetryFile(ProviderId::AUTH_TOML),
        form: |secret| format!("[pypi-token]\nfoo = {}\n", toml_quoted(secret)),
        broken: "[pypi-token]\nfoo = [\"hunter2\"]\n",
        keys: Keys::Token,
    })
    .await;
}
