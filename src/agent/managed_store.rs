//! A store of uv's own that the agent keeps: `UV_CREDENTIALS_DIR` beside its socket.
//!
//! uv reads it without an account, a setting or a process for each credential. It holds secrets in
//! the clear for every program of the user, so it is there only for the repositories that the user
//! named (`uv-store` in the settings), only in memory, and only while the agent runs and is not
//! locked: removed by `lock`, at the agent's end, and by the next one's start.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Context, Credential, ErrorCode, Failure, Operation, Question, Scheme,
};
use tokio::sync::{Mutex, Notify};
use zeroize::Zeroizing;

use super::lifecycle::{Control, Hold};
use super::restricted::own_context;
use super::{Agent, known};
use crate::domain::known::DeclaredBy;
use crate::domain::log::Line;
use crate::domain::url::Scope;
use crate::provider::stamp::Stamp;
use crate::provider::uv_store::MANAGED;

/// How often everything is asked again that does not tell of its changes, such as a keyring.
const EVERY: Duration = Duration::from_mins(1);
/// How long changes wait after one that was none of ours: a log that is written in a project's
/// folder would otherwise wake the agent at each line.
const CALM: Duration = Duration::from_millis(50);
const FILE: &str = "credentials.toml";
/// uv makes this beside it, for reading too.
const LOCK: &str = "credentials.toml.lock";

/// The store.
pub struct Store {
    folder: PathBuf,
    /// One refresh at a time: the later one has the newer secrets.
    busy: Mutex<()>,
    /// What the settings named last.
    used: Cell<bool>,
    began: Notify,
    written: RefCell<Option<Written>>,
    stamp: RefCell<Option<Stamp>>,
    /// Who asks, where the agent asks for the store: itself, without a project.
    asks: Context,
}

/// The file that is there, by its identity and its text.
struct Written {
    identity: (u64, u64),
    text: Zeroizing<String>,
}

/// The folder of the store of an agent with this socket.
///
/// # Errors
/// `policy` where it would be on a disk, or that cannot be told.
pub fn folder_in_memory(socket: &Path) -> Result<PathBuf, Failure> {
    let folder = folder(socket);
    if is_in_memory(&folder) {
        return Ok(folder);
    }
    let message = format!(
        "uv's store would be at {}, which is not known to be in memory only",
        folder.display()
    );
    Err(Failure::new(ErrorCode::Policy, message).hint(
        "secrets are written to no disk: set XDG_RUNTIME_DIR to a folder of yours on a tmpfs, or use `helper setup uv`",
    ))
}

fn folder(socket: &Path) -> PathBuf {
    socket.with_file_name("uv")
}

/// Whether the path, or what is there of the way to it, is on a file system in memory.
#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    /// `TMPFS_MAGIC` and `RAMFS_MAGIC` (statfs(2)).
    const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];
    let there = path.ancestors().find(|one| one.exists());
    let kind = there.and_then(|there| rustix::fs::statfs(there).ok());
    kind.is_some_and(|kind| IN_MEMORY.contains(&(i128::from(kind.f_type) & 0xffff_ffff)))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

impl Store {
    /// The store of an agent that has a socket, without what one that was killed left there.
    pub(super) fn of(control: Option<&Control>) -> Option<Self> {
        let folder = folder(&control?.socket);
        // The variable may name the store itself.
        let uv_store = Surroundings::of_process().own_uv_store_folder();
        let store = Self {
            folder,
            asks: Context {
                uv_store: uv_store.and_then(|path| path.into_os_string().into_string().ok()),
                ..own_context()
            },
            busy: Mutex::default(),
            used: Cell::new(false),
            began: Notify::new(),
            written: RefCell::default(),
            stamp: RefCell::default(),
        };
        if store.folder.join(FILE).symlink_metadata().is_ok() {
            store.remove_all();
        }
        Some(store)
    }

    /// Whether this is its folder.
    pub(super) fn is_at(&self, folder: &Path) -> bool {
        folder == self.folder
            || folder
                .canonicalize()
                .is_ok_and(|real| self.folder.canonicalize().is_ok_and(|own| own == real))
    }

    /// Whether the settings name a repository for it.
    pub(super) fn is_used(&self) -> bool {
        self.used.get()
    }

    fn remove_all(&self) {
        // What is left of it is removed by the next start.
        let _ = std::fs::remove_file(self.folder.join(FILE));
        let _ = std::fs::remove_file(self.folder.join(LOCK));
        let _ = std::fs::remove_dir(&self.folder);
    }

    /// Removes what this agent wrote; another one may have taken the place.
    pub(super) fn remove(&self) {
        let Some(written) = self.written.take() else {
            return;
        };
        let now = std::fs::symlink_metadata(self.folder.join(FILE));
        if now.is_ok_and(|meta| (meta.dev(), meta.ino()) == written.identity) {
            self.remove_all();
        }
    }

    fn write(&self, text: Zeroizing<String>) -> io::Result<()> {
        let file = self.folder.join(FILE);
        if let Some(written) = &*self.written.borrow()
            && *written.text == *text
            && std::fs::symlink_metadata(&file)
                .is_ok_and(|meta| (meta.dev(), meta.ino()) == written.identity)
        {
            return Ok(());
        }
        match std::fs::DirBuilder::new().mode(0o700).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let meta = std::fs::symlink_metadata(&self.folder)?;
        let own = meta.uid() == rustix::process::geteuid().as_raw();
        if !meta.is_dir() || !own || meta.mode() & 0o077 != 0 || !is_in_memory(&self.folder) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let new = self.folder.join("credentials.toml.new");
        let _ = std::fs::remove_file(&new);
        let mut options = std::fs::OpenOptions::new();
        let mut made = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        made.write_all(text.as_bytes())?;
        let meta = made.metadata()?;
        std::fs::rename(&new, &file)?;
        let identity = (meta.dev(), meta.ino());
        *self.written.borrow_mut() = Some(Written { identity, text });
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Keeps the store up to date, as long as the agent lives.
pub(super) async fn keep(agent: Rc<Agent>) {
    let Some(store) = &agent.store else {
        return;
    };
    let is_current = || {
        let stamp = store.stamp.borrow().clone();
        stamp.is_some_and(|stamp| agent.files.is_current(&stamp))
    };
    agent.refresh_store().await;
    // What changed while it was read has told already.
    if store.is_used() && !is_current() {
        agent.refresh_store().await;
    }
    loop {
        if !store.is_used() {
            store.began.notified().await;
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => agent.refresh_store().await,
            () = agent.files.stirred() => {
                if is_current() {
                    tokio::time::sleep(CALM).await;
                    continue;
                }
                agent.refresh_store().await;
                if !is_current() {
                    agent.refresh_store().await;
                }
            }
        }
    }
}

impl Agent {
    /// The folder in which uv's store is looked for: what stands in the one that this agent keeps
    /// came from here.
    pub(super) fn uv_store(&self, folder: Option<PathBuf>) -> Option<PathBuf> {
        match &self.store {
            Some(store) if store.is_at(folder.as_deref()?) => {
                store.asks.uv_store.as_ref().map(PathBuf::from)
            }
            _ => folder,
        }
    }

    /// Brings uv's store up to date with what would be answered now.
    pub(super) async fn refresh_store(&self) {
        let Some(store) = &self.store else {
            return;
        };
        let _one = store.busy.lock().await;
        if self.locked.get() {
            return;
        }
        let text = Box::pin(self.store_text(store)).await;
        // From here to the end nothing waits: no `lock` can come in between.
        if self.locked.get() {
            return;
        }
        let done = match text {
            Ok(Some(text)) => store.write(text).map_err(|error| error.kind().to_string()),
            Ok(None) => {
                store.remove();
                Ok(())
            }
            Err(failure) => {
                store.remove();
                Err(failure.message)
            }
        };
        if let Err(why) = done {
            self.log()
                .info(|| Line::new("could not keep uv's store").text("why", &why));
        }
    }

    /// What the store has to hold; nothing where the settings name no repository.
    async fn store_text(&self, store: &Store) -> Result<Option<Zeroizing<String>>, Failure> {
        let context = store.asks.clone();
        let mut call = self.call(&context)?;
        let view = call.files.clone();
        let known = known::gather(self.own(), &mut call, None, None).await;
        let names = known
            .as_ref()
            .map(|known| known.settings.uv_store.clone())
            .unwrap_or_default();
        let used = !names.is_empty();
        if let Some(control) = &self.parts.control {
            control.hold(Hold::Store, used);
        }
        if used && !store.used.replace(used) {
            store.began.notify_one();
        }
        store.used.set(used);
        let known = known?;
        if !used {
            return Ok(None);
        }
        let mut text = Zeroizing::new(format!("{MANAGED}\n"));
        let mut services = Vec::new();
        for name in &names {
            let own = known.repositories.iter().filter(|one| {
                one.by != DeclaredBy::Project && one.name.normalized() == name.normalized()
            });
            for repository in own {
                let operation = repository.operation.unwrap_or(Operation::Read);
                let question = Question {
                    name: Some(name.as_str().to_owned()),
                    url: Some(repository.url.as_str().to_owned()),
                    operation: repository.operation,
                    context: context.clone(),
                    ..Question::default()
                };
                let found = match self.drive().resolve(&question, &mut call, false).await {
                    Ok(resolved) => resolved.into_credential(),
                    Err(failure) => Err(failure),
                };
                match found {
                    Err(failure) => self.log().info(|| {
                        let line = Line::new("left out of uv's store");
                        line.about(Some(name.as_str()), None)
                            .word("operation", operation.word())
                            .word("why", failure.code.word())
                    }),
                    Ok(credential) => {
                        for scope in &repository.scopes {
                            // uv refuses a store in which two accounts hold for the same place.
                            let service = service(scope);
                            if !services.contains(&service) {
                                add(&mut text, &service, &credential);
                                services.push(service);
                            }
                        }
                    }
                }
            }
        }
        *store.stamp.borrow_mut() = Some(view.stamp());
        Ok(Some(text))
    }
}

/// The scope as uv writes a service.
fn service(scope: &Scope) -> String {
    let mut out = scope.origin.to_string();
    for segment in &scope.segments {
        out.push('/');
        for byte in segment.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~+@:!$&'()*,;=".contains(&byte) {
                out.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// One `[[credential]]` (uv `crates/uv-auth/src/store.rs`).
fn add(text: &mut Zeroizing<String>, service: &str, credential: &Credential) {
    let Some(secret) = &credential.password else {
        return;
    };
    text.push_str("\n[[credential]]\n");
    let mut field = |key: &str, value: &str| {
        text.push_str(key);
        text.push_str(" = \"");
        for c in value.chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                c if c.is_control() => {
                    let _ = write!(text, "\\u{:04X}", u32::from(c));
                }
                c => text.push(c),
            }
        }
        text.push_str("\"\n");
    };
    field("service", service);
    match credential.scheme {
        Scheme::Basic => {
            field(
                "username",
                credential.username.as_deref().unwrap_or_default(),
            );
            field("scheme", "basic");
            field("password", secret.expose());
        }
        Scheme::Bearer => {
            field("scheme", "bearer");
            field("token", secret.expose());
        }
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Credential, Scheme, Secret};
    use zeroize::Zeroizing;

    use super::{add, service};
    use crate::domain::url::RepositoryUrl;

    #[test]
    fn as_uv_writes_it() {
        let scope = |url: &str| RepositoryUrl::parse(url).unwrap().0.scope();
        assert_eq!(
            service(&scope("https://h:8443/a/simple/")),
            "https://h:8443/a"
        );
        assert_eq!(service(&scope("https://h/")), "https://h");
        assert_eq!(service(&scope("https://h/a%20b/simple")), "https://h/a%20b");
        let mut text = Zeroizing::default();
        let mut credential = Credential {
            username: Some("a\"b".to_owned()),
            password: Some(Secret::from("c\\d")),
            ..Credential::default()
        };
        add(&mut text, "https://h", &credential);
        credential.scheme = Scheme::Bearer;
        add(&mut text, "https://i", &credential);
        assert_eq!(
            *text,
            "\n[[credential]]\nservice = \"https://h\"\nusername = \"a\\\"b\"\nscheme = \"basic\"\npassword = \"c\\\\d\"\n\
             \n[[credential]]\nservice = \"https://i\"\nscheme = \"bearer\"\ntoken = \"c\\\\d\"\n"
        );
    }
}
