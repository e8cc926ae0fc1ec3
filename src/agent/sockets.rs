//! `OpenSocket`: restricted sockets of this agent, each for as long as it was asked for.

use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::rc::{Rc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use credential_helper_protocol::{
    ErrorCode, Failure, OpenSocket, OpenedSocket, Operation, RestrictedSocket,
};
use tokio::net::UnixListener;
use tokio::sync::Notify;

use super::lifecycle::Hold;
use super::restricted::{Behind, Restricted, Terms, own_context};
use super::server::{Ending, Server};
use super::socket::{Claim, Running};
use super::{Agent, clock};
use crate::domain::log::Line;
use crate::domain::text::{has_control, shown};

/// Open at once; each is a listener and a lock.
const SOCKETS: usize = 64;
/// The longest life that may be asked for.
const LONGEST: Duration = Duration::from_hours(30 * 24);

/// The open ones.
#[derive(Default)]
pub(super) struct Sockets {
    agent: OnceCell<Weak<Agent>>,
    open: RefCell<Vec<Open>>,
}

struct Open {
    shown: RestrictedSocket,
    place: Rc<Place>,
    close: Rc<Notify>,
}

/// The socket's path, until it is taken away; whatever drops it does that.
struct Place(RefCell<Option<Running>>);

impl Place {
    fn open_to_others(&self) -> std::io::Result<()> {
        let running = self.0.borrow();
        running.as_ref().map_or(Ok(()), Running::open_to_others)
    }

    fn leave(&self) {
        if let Some(running) = self.0.take() {
            running.leave();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Sockets {
    /// Says who answers on them.
    pub(super) fn of(&self, agent: &Rc<Agent>) {
        let _ = self.agent.set(Rc::downgrade(agent));
    }

    /// For `Status`.
    pub(super) fn list(&self) -> Vec<RestrictedSocket> {
        self.open
            .borrow()
            .iter()
            .map(|open| open.shown.clone())
            .collect()
    }

    /// Takes those away that `which` is true for: their paths at once, their connections as soon as
    /// what was begun is done.
    fn close(&self, which: impl Fn(&RestrictedSocket) -> bool) {
        self.open.borrow_mut().retain(|open| {
            let closes = which(&open.shown);
            if closes {
                open.place.leave();
                open.close.notify_one();
            }
            !closes
        });
    }
}

impl Agent {
    /// Closes every restricted socket: the agent ends.
    pub(super) fn close_sockets(&self) {
        self.sockets.close(|_| true);
    }

    /// `OpenSocket`: a restricted socket at a path of ours. One that this agent has there already
    /// gives way.
    ///
    /// # Errors
    /// `usage` for wrong names, times and paths; `policy` where the folder is not ours alone;
    /// `locked` while locked.
    pub fn open_socket(&self, asked: &OpenSocket) -> Result<OpenedSocket, Failure> {
        self.not_locked()?;
        let agent = self.sockets.agent.get().and_then(Weak::upgrade);
        let (Some(agent), Some(control)) = (agent, self.parts.control.clone()) else {
            return Err(Failure::new(
                ErrorCode::Unavailable,
                "a restricted socket needs a running agent",
            )
            .hint("leave --no-agent out"));
        };
        let path = checked_path(&asked.path)?;
        let ttl = asked.ttl_s.map(ttl).transpose()?;
        let terms = Terms {
            names: Terms::names(&asked.names)?,
            operation: asked.operation.unwrap_or(Operation::Read),
            until: ttl.map(|ttl| self.parts.clock.now() + ttl),
            own: own_context(),
        };
        self.sockets.close(|open| open.path == asked.path);
        if self.sockets.open.borrow().len() >= SOCKETS {
            return Err(Failure::new(
                ErrorCode::Unavailable,
                format!("this agent has {SOCKETS} restricted sockets already"),
            )
            .hint("end some with `helper agent stop`, or give them a --ttl"));
        }
        let place = Claim::take(path)?.ok_or_else(|| {
            Failure::new(
                ErrorCode::Unavailable,
                format!("another process has {}", shown(&asked.path)),
            )
            .hint("use another path")
        })?;
        let (running, listener) = place.listen()?;
        let place = Rc::new(Place(RefCell::new(Some(running))));
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(listener))
            .map_err(|error| {
                Failure::new(
                    ErrorCode::Unavailable,
                    format!("cannot listen on {}: {error}", shown(&asked.path)),
                )
            })?;
        if asked.uid.is_some() {
            // Who connects is checked by the kernel's word, before the first byte.
            place.open_to_others().map_err(|error| {
                Failure::new(
                    ErrorCode::Unavailable,
                    format!("cannot open {} to others: {error}", shown(&asked.path)),
                )
            })?;
        }
        let socket = RestrictedSocket {
            path: asked.path.clone(),
            names: terms.names.clone(),
            operation: terms.operation,
            uid: asked.uid,
            until: ttl.and_then(in_words),
        };
        let open = Open {
            shown: socket.clone(),
            place: place.clone(),
            close: Rc::default(),
        };
        let close = open.close.clone();
        self.sockets.open.borrow_mut().push(open);
        control.hold(Hold::Sockets, true);
        self.parts.log.info(|| {
            let line = Line::new("opened a restricted socket").path("socket", path);
            line.text("names", &socket.names.join(","))
                .word("operation", socket.operation.word())
        });
        let restricted = Restricted {
            agent: agent.clone(),
            terms,
        };
        let mut server = Server::new(
            Rc::new(Behind(Rc::new(restricted))),
            control.traffic.clone(),
        )
        .beside_others();
        if let Some(uid) = asked.uid {
            server = server.admitting(uid);
        }
        let server = Rc::new(server);
        tokio::task::spawn_local(async move {
            let end = async {
                let over = async {
                    match ttl {
                        Some(ttl) => tokio::time::sleep(ttl).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = close.notified() => Ending::Asked,
                    () = over => Ending::Idle,
                }
            };
            server.serve(listener, end, |_| place.leave()).await;
            let mut open = agent.sockets.open.borrow_mut();
            open.retain(|open| !Rc::ptr_eq(&open.place, &place));
            control.hold(Hold::Sockets, !open.is_empty());
        });
        Ok(OpenedSocket { socket })
    }
}

fn checked_path(path: &str) -> Result<&Path, Failure> {
    if has_control(path) {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the path of the socket holds a control character",
        ));
    }
    Ok(Path::new(path))
}

fn ttl(seconds: u64) -> Result<Duration, Failure> {
    let life = Duration::from_secs(seconds);
    if life.is_zero() || life > LONGEST {
        return Err(Failure::new(
            ErrorCode::Usage,
            "the life of a restricted socket is not within 1 second to 30 days",
        ));
    }
    Ok(life)
}

/// The end as people read it; the wall clock may lie, so it is not what ends it.
fn in_words(life: Duration) -> Option<String> {
    let end = SystemTime::now().duration_since(UNIX_EPOCH).ok()? + life;
    Some(clock::rfc3339(end.as_secs()))
}
