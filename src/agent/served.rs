//! The agent as the server sees it.

use std::pin::Pin;
use std::rc::Rc;

use zeroize::Zeroizing;

use super::peer::Peer;
use super::rejected::Who;
use super::server::{Bytes, Handler, Reply, Then};
use super::{Agent, connection};

/// The agent behind a socket.
pub struct Served(pub Rc<Agent>);

impl Handler for Served {
    fn quick(&self, message: &[u8], _peer: &Peer) -> Option<Bytes> {
        self.0.quick(message)
    }

    fn handle<'a>(
        &'a self,
        message: &'a [u8],
        peer: &'a Peer,
    ) -> Pin<Box<dyn Future<Output = Reply> + 'a>> {
        // A task of its own: others may wait for the same lookup, and a change that was begun is
        // finished although the client has gone.
        let agent = self.0.clone();
        let message = Zeroizing::new(message.to_vec());
        let who = Who::Connection(peer.connection);
        let task =
            tokio::task::spawn_local(
                async move { connection::answer(&agent, &message, who).await },
            );
        Box::pin(async move {
            match task.await {
                Ok((bytes, connection::Then::Continue)) => Reply {
                    bytes,
                    then: Then::Continue,
                },
                Ok((bytes, connection::Then::Close)) => Reply {
                    bytes,
                    then: Then::Close,
                },
                Ok((bytes, connection::Then::Stop)) => Reply {
                    bytes,
                    then: Then::Stop,
                },
                // It panicked: this connection ends, the agent goes on.
                Err(_) => Reply {
                    bytes: None,
                    then: Then::Close,
                },
            }
        })
    }

    fn disconnected(&self, _peer: &Peer) {
        self.0.sweep();
    }
}
