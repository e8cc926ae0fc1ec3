//! The server loop: connections, limits, frames. It knows nothing of what the messages say.
//!
//! The way of a cached answer is as short as it can be: one read, [`Handler::quick`], one write.
//! Everything else (deadlines, cancelling, growing buffers) happens only where it is needed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::limits;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::buffer::Buffer;
use super::peer::Peer;
use super::stream::{gone, read, write};
pub use super::traffic::Traffic;
use super::traffic::Work;

/// How long accepting pauses where the system has no descriptor or memory left: waiting for a
/// connection to end would be enough, but the shortage may be another program's.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long begun work may go on after the end was decided; the process is to be gone within 1 s.
const DRAIN_TIME: Duration = Duration::from_millis(300);

/// A whole message with its NUL, shared with the cache and wiped by its last holder.
pub type Bytes = Rc<Zeroizing<Vec<u8>>>;

/// What answers messages.
pub trait Handler {
    /// An answer that is at hand. Called for each message first, so it must neither wait nor
    /// take long to find out that it has none.
    fn quick(&self, message: &[u8], peer: &Peer) -> Option<Bytes>;

    /// An answer that takes its time. Dropped where the peer goes away: work that others may be
    /// waiting for has to be a task of its own.
    fn handle<'a>(
        &'a self,
        message: &'a [u8],
        peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Reply> + 'a>>;

    /// A peer was admitted.
    fn connected(&self, _peer: &Peer) {}

    /// Its connection ended.
    fn disconnected(&self, _peer: &Peer) {}
}

/// What to send, and what then.
pub struct Reply {
    /// The message with its NUL; none for a call that wants no reply.
    pub bytes: Option<Bytes>,
    /// What follows.
    pub then: Then,
}

/// What follows a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next message.
    Continue,
    /// The end of the connection.
    Close,
    /// The end of the agent. The reply is sent when its socket is gone, so that who stopped one
    /// agent can start the next at once.
    Stop,
}

/// Why the agent ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A peer asked for it ([`Then::Stop`]).
    Asked,
    /// SIGTERM, SIGINT or SIGHUP.
    Signal,
    /// Nobody asked anything for long enough.
    Idle,
    /// The socket's path leads elsewhere now.
    Replaced,
}

/// A connection that is open.
struct Open {
    stream: Rc<UnixStream>,
    asked: Rc<Cell<bool>>,
    task: Option<AbortHandle>,
}

/// Connections of a restricted socket at once; further ones wait.
const CONNECTIONS_BESIDE: usize = 64;

/// One socket's server.
pub struct Server<H> {
    handler: Rc<H>,
    traffic: Rc<Traffic>,
    /// The users whose processes are answered; root is not special.
    admitted: Vec<u32>,
    /// How many connections it may have, and how many there may be in all for it to take one more.
    room: (usize, usize),
    open: RefCell<HashMap<u64, Open>>,
    stop: Notify,
    closed: Cell<bool>,
    left: Notify,
}

impl<H: Handler + 'static> Server<H> {
    /// A server for this process's own user.
    pub fn new(handler: Rc<H>, traffic: Rc<Traffic>) -> Self {
        Self {
            handler,
            traffic,
            admitted: vec![rustix::process::geteuid().as_raw()],
            room: (limits::CONNECTIONS, limits::CONNECTIONS),
            open: RefCell::default(),
            stop: Notify::new(),
            closed: Cell::new(false),
            left: Notify::new(),
        }
    }

    /// Admits one more user: the root of a container, for a restricted socket.
    #[must_use]
    pub fn admitting(mut self, uid: u32) -> Self {
        self.admitted.push(uid);
        self
    }

    /// Leaves room for the agent's own clients: whoever is at a restricted socket may open
    /// connections and say nothing.
    #[must_use]
    pub fn beside_others(mut self) -> Self {
        self.room = (CONNECTIONS_BESIDE, limits::CONNECTIONS / 2);
        self
    }

    fn is_full(&self) -> bool {
        let (own, all) = self.room;
        self.open.borrow().len() >= own || self.traffic.open() >= all
    }

    /// Serves until `shutdown` says why not any longer, or a peer asks for the end; then calls
    /// `closing`, which takes the socket's path away, lets begun work end and returns.
    ///
    /// Runs where tasks of this thread can be spawned (`LocalSet`, `LocalRuntime`).
    pub async fn serve(
        self: &Rc<Self>,
        listener: UnixListener,
        shutdown: impl Future<Output = Ending>,
        closing: impl FnOnce(Ending),
    ) -> Ending {
        let mut shutdown = pin!(shutdown);
        let ending = loop {
            tokio::select! {
                biased;
                ending = &mut shutdown => break ending,
                () = self.stop.notified() => break Ending::Asked,
                stream = self.accept(&listener) => self.admit(stream),
            }
        };
        closing(ending);
        self.closed.set(true);
        self.left.notify_waiters();
        self.drain(listener).await;
        ending
    }

    /// The next connection. No error ends the agent: a shortage passes, and a peer that went away
    /// while it waited is its own affair.
    async fn accept(&self, listener: &UnixListener) -> UnixStream {
        loop {
            while self.is_full() {
                self.traffic.freed().await;
            }
            match listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    /// Checks who is there before a byte is read; who is not admitted is told nothing at all.
    fn admit(self: &Rc<Self>, stream: UnixStream) {
        let serial = self.traffic.next_serial();
        let Ok(peer) = Peer::of(&stream, serial) else {
            return;
        };
        if !self.admitted.contains(&peer.uid) {
            return;
        }
        let connection = Connection::new(self.clone(), stream, peer);
        let task = tokio::task::spawn_local(async move {
            // An error of the connection concerns its peer only, who has noticed it.
            let _ = connection.converse().await;
        });
        if let Some(open) = self.open.borrow_mut().get_mut(&serial) {
            open.task = Some(task.abort_handle());
        }
    }

    /// Serves one connection whose peer is known: this process itself, without an agent.
    pub async fn attend(self: &Rc<Self>, stream: UnixStream, peer: Peer) -> io::Result<()> {
        Connection::new(self.clone(), stream, peer).converse().await
    }

    /// Answers who has connected or asked already, and ends everything else.
    async fn drain(self: &Rc<Self>, listener: UnixListener) {
        if let Ok(listener) = listener.into_std() {
            while let Ok((stream, _)) = listener.accept() {
                let ready = stream.set_nonblocking(true);
                if let Ok(stream) = ready.and_then(|()| UnixStream::from_std(stream)) {
                    self.admit(stream);
                }
            }
        }
        for open in self.open.borrow().values().filter(|open| open.asked.get()) {
            // What the peer has sent is still read; behind it the connection ends.
            let _ = rustix::net::shutdown(&*open.stream, rustix::net::Shutdown::Read);
        }
        let empty = async {
            while !self.open.borrow().is_empty() {
                self.traffic.freed().await;
            }
        };
        if timeout(DRAIN_TIME, empty).await.is_err() {
            for task in self.open.borrow().values().filter_map(|o| o.task.as_ref()) {
                task.abort();
            }
        }
    }
}

/// One connection and its place among the open ones.
struct Connection<H: Handler + 'static> {
    server: Rc<Server<H>>,
    stream: Rc<UnixStream>,
    asked: Rc<Cell<bool>>,
    peer: Peer,
}

impl<H: Handler + 'static> Connection<H> {
    fn new(server: Rc<Server<H>>, stream: UnixStream, peer: Peer) -> Self {
        let stream = Rc::new(stream);
        let asked = Rc::new(Cell::new(false));
        let open = Open {
            stream: stream.clone(),
            asked: asked.clone(),
            task: None,
        };
        server.open.borrow_mut().insert(peer.connection, open);
        server.traffic.opened();
        server.handler.connected(&peer);
        Self {
            server,
            stream,
            asked,
            peer,
        }
    }

    /// Messages and replies, in order, until either side has had enough.
    async fn converse(&self) -> io::Result<()> {
        let mut buffer = Buffer::new();
        let mut begun = None;
        loop {
            while let Some(message) = buffer.message() {
                begun = None;
                self.asked.set(true);
                self.server.traffic.touch();
                let then = self.answer(message).await?;
                buffer.consume();
                if then != Then::Continue {
                    return Ok(());
                }
            }
            let room = buffer.room()?;
            let count = if room.begun {
                // A begun message has to end; a connection at rest may stay.
                let until = *begun.get_or_insert_with(|| Instant::now() + limits::MESSAGE_TIME);
                timeout_at(until, read(&self.stream, room.bytes)).await??
            } else {
                read(&self.stream, room.bytes).await?
            };
            if count == 0 {
                return Ok(());
            }
            buffer.filled(count);
        }
    }

    async fn answer(&self, message: &[u8]) -> io::Result<Then> {
        let handler = &*self.server.handler;
        if let Some(bytes) = handler.quick(message, &self.peer) {
            write(&self.stream, &bytes).await?;
            return Ok(Then::Continue);
        }
        let work = Work::begin(&self.server.traffic);
        let reply = tokio::select! {
            biased;
            reply = handler.handle(message, &self.peer) => reply,
            () = gone(&self.stream) => return Ok(Then::Close),
        };
        if reply.then == Then::Stop {
            self.server.stop.notify_one();
            let closed = async {
                while !self.server.closed.get() {
                    self.server.left.notified().await;
                }
            };
            // Without a socket (in this process) there is nothing to wait for.
            let _ = timeout(DRAIN_TIME, closed).await;
        }
        if let Some(bytes) = &reply.bytes {
            write(&self.stream, bytes).await?;
        }
        drop(work);
        Ok(reply.then)
    }
}

impl<H: Handler + 'static> Drop for Connection<H> {
    fn drop(&mut self) {
        let server = &self.server;
        server.open.borrow_mut().remove(&self.peer.connection);
        server.handler.disconnected(&self.peer);
        server.traffic.closed();
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
