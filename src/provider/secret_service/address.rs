//! Where the session bus is.
//!
//! Only Unix sockets are spoken to: an address comes from a variable, and `tcp:` or `unixexec:`
//! would let it open a network connection or run a program.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use tokio::net::UnixStream;

use super::trouble::Trouble;
use crate::provider::NO_BUS;

/// Where this process looks for the bus.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// `DBUS_SESSION_BUS_ADDRESS` of this process.
    pub own: Option<String>,
    /// `XDG_RUNTIME_DIR` of this process.
    pub runtime: Option<PathBuf>,
}

/// A connected socket, and what it was.
pub(super) struct Reached {
    /// The socket.
    pub stream: UnixStream,
    /// The client's address, if it came from there.
    pub client: Option<String>,
}

impl Places {
    /// Those of this process.
    pub fn of_process() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            own: set("DBUS_SESSION_BUS_ADDRESS").and_then(|value| value.into_string().ok()),
            runtime: set("XDG_RUNTIME_DIR")
                .map(PathBuf::from)
                .filter(|path| path.is_absolute()),
        }
    }

    /// The sockets of this process, in order.
    fn sockets(&self) -> Vec<PathBuf> {
        let own = self.own.iter().flat_map(|own| self.parse(own));
        own.chain(self.runtime.iter().map(|dir| dir.join("bus")))
            .collect()
    }

    /// The Unix sockets of an address, in order (D-Bus specification, "Server Addresses").
    fn parse(&self, address: &str) -> Vec<PathBuf> {
        let one = |part: &str| {
            let keys = part.strip_prefix("unix:")?;
            keys.split(',').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                match key {
                    "path" => Some(OsString::from_vec(unescape(value)?).into()),
                    "abstract" => {
                        let mut name = vec![0];
                        name.extend(unescape(value)?);
                        Some(OsString::from_vec(name).into())
                    }
                    "runtime" if value == "yes" => Some(self.runtime.as_ref()?.join("bus")),
                    _ => None,
                }
            })
        };
        address.split(';').filter_map(one).collect()
    }

    /// Connects to the first bus that is there: ours, else the client's.
    pub(super) async fn connect(&self, client: Option<&str>) -> Result<Reached, Trouble> {
        for socket in self.sockets() {
            if let Some(stream) = connect(&socket).await? {
                let client = None;
                return Ok(Reached { stream, client });
            }
        }
        for socket in client.iter().flat_map(|address| self.parse(address)) {
            if let Some(stream) = connect(&socket).await? {
                let client = client.map(str::to_owned);
                return Ok(Reached { stream, client });
            }
        }
        Err(Trouble::Absent(NO_BUS.to_owned()))
    }

    /// Whether one of our own sockets answers.
    pub(super) async fn has_own(&self) -> bool {
        for socket in self.sockets() {
            if matches!(connect(&socket).await, Ok(Some(_)) | Err(_)) {
                return true;
            }
        }
        false
    }

    /// Whether the client has a bus that is none of ours.
    pub(super) async fn is_other(&self, client: &str) -> bool {
        let own = self.sockets();
        let theirs = self.parse(client);
        if theirs.iter().any(|socket| own.contains(socket)) {
            return false;
        }
        for socket in theirs {
            if matches!(connect(&socket).await, Ok(Some(_)) | Err(_)) {
                return true;
            }
        }
        false
    }
}

/// `None` where nobody listens.
async fn connect(socket: &PathBuf) -> Result<Option<UnixStream>, Trouble> {
    let shown = || crate::domain::text::shown(&socket.to_string_lossy());
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        Err(error) => {
            let kind = error.kind();
            return Err(Trouble::Broken(format!(
                "cannot connect to the session bus {}: {kind}",
                shown()
            )));
        }
    };
    // Who runs the bus reads and forges every message: it has to be us (or root, who can anyway).
    let ours = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours || peer.uid() == 0 => Ok(Some(stream)),
        Ok(peer) => Err(Trouble::Refused(format!(
            "the session bus {} belongs to another user (uid {})",
            shown(),
            peer.uid()
        ))),
        Err(_) => Err(Trouble::Refused(format!(
            "cannot tell whose the session bus {} is",
            shown()
        ))),
    }
}

/// The value of an address: `%XX` stands for a byte.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut bytes = value.bytes();
    let mut out = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::Places;
    use std::path::PathBuf;

    fn parse(address: &str) -> Vec<PathBuf> {
        let places = Places {
            own: None,
            runtime: Some("/run/user/7".into()),
        };
        places.parse(address)
    }

    #[test]
    fn addresses() {
        assert_eq!(
            parse("unix:path=/run/a%20b,guid=0123;unix:abstract=/tmp/x"),
            [PathBuf::from("/run/a b"), PathBuf::from("\0/tmp/x")]
        );
        assert_eq!(
            parse("unix:runtime=yes"),
            [PathBuf::from("/run/user/7/bus")]
        );
    }

    #[test]
    fn what_would_run_or_call_out_is_left_out() {
        for address in [
            "unixexec:path=/bin/sh",
            "tcp:host=127.0.0.1,port=1",
            "autolaunch:",
            "unix:path=%zz",
            "unix:path=",
            "",
        ] {
            assert!(parse(address).is_empty(), "{address}");
        }
    }
}
