//! A private session bus with a real gnome-keyring, in a temporary home.
//!
//! Needs `dbus-daemon`, `gnome-keyring-daemon` and `gdbus`; on Debian: `apt install dbus
//! gnome-keyring libglib2.0-bin libsecret-tools`.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use futures_util::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{Uid, set_thread_res_uid};
use tempfile::TempDir;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::sandbox::{feed, output};

/// The password of the keyring.
pub const PASSWORD: &str = "the password of the keyring";
/// The collection that gnome-keyring makes at its first start.
pub const LOGIN: &str = "/org/freedesktop/secrets/collection/login";
/// The collection that lives in the daemon's memory only.
pub const SESSION: &str = "/org/freedesktop/secrets/collection/session";

/// A user that owns nothing.
pub const NOBODY: u32 = 65534;
/// The name of every keyring.
pub const NAME: &str = "org.freedesktop.secrets";
const ROOT: &str = "/org/freedesktop/secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";

/// A bus without anything on it.
pub struct Bus {
    home: TempDir,
    child: Child,
}

/// A bus with a keyring.
pub struct Keyring {
    bus: Bus,
    daemon: Option<Child>,
}

impl Bus {
    /// Starts one; the bus itself starts nothing.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one that can start the keyring, locked.
    pub fn start_with_activation() -> Self {
        Self::start_with("<servicedir>HOME/services</servicedir>")
    }

    /// Starts one that lets every user in.
    pub fn start_for_everybody() -> Self {
        let bus = Self::start_with(r#"<policy context="mandatory"><allow user="*"/></policy>"#);
        for folder in [bus.home.path().to_owned(), bus.home.path().join("run")] {
            std::fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
        }
        bus
    }

    fn start_with(extra: &str) -> Self {
        let home = TempDir::new().unwrap();
        let path = home.path();
        let shown = path.to_str().unwrap();
        std::fs::create_dir(path.join("run")).unwrap();
        std::fs::create_dir(path.join("services")).unwrap();
        std::fs::write(
            path.join("services/secrets.service"),
            format!(
                "[D-BUS Service]\nName={NAME}\nExec={} --foreground --components=secrets\n",
                program("gnome-keyring-daemon").display()
            ),
        )
        .unwrap();
        let config = path.join("bus.conf");
        let text = format!(
            r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=HOME/run/bus</listen>{extra}<auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#
        );
        std::fs::write(&config, text.replace("HOME", shown)).unwrap();
        let mut command = Command::new(program("dbus-daemon"));
        surroundings(&mut command, path);
        let mut child = command
            .arg("--nofork")
            .arg("--print-address=1")
            .arg(format!("--config-file={}", config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The address is printed once the socket is there.
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        assert!(line.starts_with("unix:path="), "dbus-daemon said {line:?}");
        Self { home, child }
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket().display())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.home.path().join("run/bus")
    }

    /// Ends it.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// A command that sees this bus and this home, and nothing of the user's.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        surroundings(&mut command, self.home.path());
        command
    }

    /// The home of everything on it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Waits until somebody has this name.
    pub fn wait_for(&self, name: &str) {
        let waited = self
            .command(program("gdbus"))
            .args(["wait", "--session", "--timeout", "60", name])
            .output()
            .unwrap();
        assert!(waited.status.success(), "{name} does not appear");
    }

    /// `secret-tool`; `None`, and a line that says so, where it is not installed.
    pub fn secret_tool(&self, arguments: &[&str], input: &str) -> Option<Output> {
        let Some(program) = find("secret-tool") else {
            eprintln!("secret-tool is not installed: this part is not tested");
            return None;
        };
        Some(fed(self.command(program).args(arguments), input))
    }

    /// A Python program that has `keyring`, run to its end; see [`Self::python_command`].
    pub fn python(&self, code: &str, arguments: &[&str]) -> Option<Output> {
        Some(fed(&mut self.python_command(code, arguments)?, ""))
    }

    /// A Python program that has `keyring`; `None`, and a line that says so, where
    /// `CREDENTIAL_HELPER_TEST_PYTHON` names none.
    pub fn python_command(&self, code: &str, arguments: &[&str]) -> Option<Command> {
        let Some(program) = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON") else {
            eprintln!("CREDENTIAL_HELPER_TEST_PYTHON is not set: this part is not tested");
            return None;
        };
        let mut command = self.command(PathBuf::from(program));
        command
            .env(
                "PYTHON_KEYRING_BACKEND",
                "keyring.backends.SecretService.Keyring",
            )
            .args(["-c", code])
            .args(arguments);
        Some(command)
    }

    /// A process of another user that has taken the keyring's name; `None`, and a line that says
    /// so, where we are not root and cannot be somebody else.
    pub async fn impostor(&self) -> Option<zbus::Connection> {
        if !super::rights::can_be_another() {
            eprintln!("not here: this user cannot be somebody else");
            return None;
        }
        let socket = self.socket();
        // The kernel notes who connects, thread by thread.
        let connect = move || {
            set_thread_res_uid(Uid::ROOT, Uid::from_raw(NOBODY), Uid::ROOT).unwrap();
            std::os::unix::net::UnixStream::connect(socket).unwrap()
        };
        let stream = std::thread::spawn(connect).join().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::UnixStream::from_std(stream).unwrap();
        let bus = zbus::connection::Builder::unix_stream(stream)
            .user_id(NOBODY)
            .name(NAME)
            .unwrap()
            .build()
            .await
            .unwrap();
        Some(bus)
    }

    /// A second client.
    pub async fn client(&self) -> Client {
        let bus = zbus::connection::Builder::address(self.address().as_str())
            .unwrap()
            .build()
            .await
            .unwrap();
        Client { bus }
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Keyring {
    /// Starts a bus and an open keyring.
    pub fn start() -> Self {
        let mut keyring = Self {
            bus: Bus::start(),
            daemon: None,
        };
        keyring.restart();
        keyring
    }

    /// The bus.
    pub fn bus(&mut self) -> &mut Bus {
        &mut self.bus
    }

    /// The bus's address.
    pub fn address(&self) -> String {
        self.bus.address()
    }

    /// A second client.
    pub async fn client(&self) -> Client {
        self.bus.client().await
    }

    /// Starts the daemon, open.
    pub fn restart(&mut self) {
        self.start_daemon(Some(PASSWORD));
    }

    /// Starts the daemon, locked.
    pub fn restart_locked(&mut self) {
        self.start_daemon(None);
    }

    fn start_daemon(&mut self, password: Option<&str>) {
        assert!(self.daemon.is_none(), "the keyring runs already");
        let mut command = self.bus.command(program("gnome-keyring-daemon"));
        command.args(["--foreground", "--components=secrets"]);
        if password.is_some() {
            command.arg("--unlock");
        }
        self.daemon = Some(begun(&mut command, password.unwrap_or_default()));
        self.bus.wait_for(NAME);
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut daemon = self.daemon.take().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    /// SIGSTOP.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let child = self.daemon.as_ref().unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
    }
}

impl std::ops::Deref for Keyring {
    type Target = Bus;

    fn deref(&self) -> &Bus {
        &self.bus
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// A second program on the same bus, with a plain session of its own.
pub struct Client {
    bus: zbus::Connection,
}

type Wire = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

impl Client {
    /// Its name on the bus.
    pub fn name(&self) -> String {
        self.bus.unique_name().unwrap().to_string()
    }

    async fn call<B, R>(&self, object: &str, interface: &str, method: &str, body: &B) -> R
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
        R: for<'d> zbus::zvariant::DynamicDeserialize<'d>,
    {
        let reply = self
            .bus
            .call_method(Some(NAME), object, Some(interface), method, body)
            .await
            .unwrap();
        reply.body().deserialize().unwrap()
    }

    async fn plain(&self, secret: &[u8]) -> Wire {
        let body = ("plain", Value::from(""));
        let (_, path): (OwnedValue, OwnedObjectPath) =
            self.call(ROOT, SERVICE, "OpenSession", &body).await;
        (path, Vec::new(), secret.to_vec(), "text/plain".to_owned())
    }

    /// Locks a collection.
    pub async fn lock(&self, collection: &str) {
        let objects = vec![OwnedObjectPath::try_from(collection).unwrap()];
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            self.call(ROOT, SERVICE, "Lock", &(objects,)).await;
        if prompt.as_str() != "/" {
            self.run_prompt(&prompt).await;
        }
    }

    /// Runs a prompt to its end.
    async fn run_prompt(&self, prompt: &OwnedObjectPath) {
        let rule = zbus::MatchRule::builder()
            .msg_type(zbus::message::Type::Signal)
            .path(prompt)
            .unwrap()
            .member("Completed")
            .unwrap()
            .build();
        let mut completed = zbus::MessageStream::for_match_rule(rule, &self.bus, None)
            .await
            .unwrap();
        let () = self
            .call(prompt, "org.freedesktop.Secret.Prompt", "Prompt", &("",))
            .await;
        completed.next().await.unwrap().unwrap();
    }

    /// The collection with the alias `default`.
    pub async fn default_collection(&self) -> OwnedObjectPath {
        self.call(ROOT, SERVICE, "ReadAlias", &("default",)).await
    }

    /// Opens a collection without a prompt.
    pub async fn unlock(&self, collection: &str) {
        let collection = OwnedObjectPath::try_from(collection).unwrap();
        let body = (collection, self.plain(PASSWORD.as_bytes()).await);
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        let () = self
            .call(ROOT, interface, "UnlockWithMasterPassword", &body)
            .await;
    }

    /// Makes a collection without a prompt.
    pub async fn collection(&self, label: &str) -> OwnedObjectPath {
        let properties = HashMap::from([(
            "org.freedesktop.Secret.Collection.Label",
            Value::from(label),
        )]);
        let body = (properties, self.plain(PASSWORD.as_bytes()).await);
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        self.call(ROOT, interface, "CreateWithMasterPassword", &body)
            .await
    }

    /// Removes a collection with everything in it.
    pub async fn delete_collection(&self, collection: &OwnedObjectPath) {
        let interface = "org.freedesktop.Secret.Collection";
        let prompt: OwnedObjectPath = self.call(collection, interface, "Delete", &()).await;
        if prompt.as_str() != "/" {
            self.run_prompt(&prompt).await;
        }
    }

    /// Gives an alias.
    pub async fn alias(&self, name: &str, collection: &str) {
        let collection = OwnedObjectPath::try_from(collection).unwrap();
        let () = self
            .call(ROOT, SERVICE, "SetAlias", &(name, collection))
            .await;
    }

    /// Makes an item, also beside one that is there.
    pub async fn item(
        &self,
        collection: &str,
        attributes: &[(&str, &str)],
        secret: &[u8],
    ) -> OwnedObjectPath {
        let attributes: HashMap<&str, &str> = attributes.iter().copied().collect();
        let properties = HashMap::from([
            ("org.freedesktop.Secret.Item.Label", Value::from("label")),
            (
                "org.freedesktop.Secret.Item.Attributes",
                Value::from(attributes),
            ),
        ]);
        let body = (properties, self.plain(secret).await, false);
        let interface = "org.freedesktop.Secret.Collection";
        let (item, _): (OwnedObjectPath, OwnedObjectPath) =
            self.call(collection, interface, "CreateItem", &body).await;
        item
    }

    /// Replaces a secret in place: gnome-keyring tells nobody.
    pub async fn set_secret(&self, item: &OwnedObjectPath, secret: &[u8]) {
        let body = (self.plain(secret).await,);
        let interface = "org.freedesktop.Secret.Item";
        let () = self.call(item, interface, "SetSecret", &body).await;
    }

    /// Every item with these attributes.
    pub async fn search(&self, attributes: &[(&str, &str)]) -> Vec<OwnedObjectPath> {
        let attributes: HashMap<&str, &str> = attributes.iter().copied().collect();
        let (mut unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) = self
            .call(ROOT, SERVICE, "SearchItems", &(attributes,))
            .await;
        unlocked.extend(locked);
        unlocked
    }

    /// A property of an item.
    pub async fn property<T: TryFrom<OwnedValue>>(&self, item: &OwnedObjectPath, name: &str) -> T {
        let body = ("org.freedesktop.Secret.Item", name);
        let interface = "org.freedesktop.DBus.Properties";
        let value: OwnedValue = self.call(item, interface, "Get", &body).await;
        T::try_from(value).ok().unwrap()
    }
}

fn surroundings(command: &mut Command, home: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LANG", "C.UTF-8")
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", home.join("run/bus").display()),
        )
        .current_dir(home);
}

/// A program that says nothing, with all of its input.
pub fn begun(command: &mut Command, input: &str) -> Child {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child
}

fn fed(command: &mut Command, input: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    feed(child.stdin.take().unwrap(), input.as_bytes());
    output(&mut child)
}

/// A program of the PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

fn program(name: &str) -> PathBuf {
    find(name).unwrap_or_else(|| {
        panic!(
            "{name} is not installed; on Debian: apt install dbus gnome-keyring libglib2.0-bin libsecret-tools"
        )
    })
}
