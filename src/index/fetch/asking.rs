//! The way to the agent: whoever holds it answers at a desk, on its own thread.
//!
//! The agent's client blocks and stays on the thread that made it; lookups are many at once. So each
//! question goes through a channel, and `cli` serves the other end.

use credential_helper_protocol::{Credential, ErrorCode, Failure};
use tokio::sync::{mpsc, oneshot};

/// What is asked: the credential of a repository, for reading.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inquiry {
    /// The repository's name.
    pub name: Option<String>,
    /// A URL of it; without userinfo.
    pub url: String,
    /// The account, where the URL of the source named one.
    pub username: Option<String>,
}

/// What a server said about a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Accepted,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
}

impl Outcome {
    /// The word of the protocol.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
        }
    }
}

/// A URL that the user bound a name to, for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The repository's name.
    pub name: String,
    /// The URL.
    pub url: String,
    /// Whether files of the repository may lie there, on whatever origin: `also` and `url` of the
    /// user's settings, and `trust`.
    pub extra: bool,
}

/// What comes to the desk.
pub enum Demand {
    /// A credential is wanted.
    Get(Inquiry, oneshot::Sender<Result<Credential, Failure>>),
    /// The agent is told what a server said.
    Report(Inquiry, Outcome),
    /// The URLs of repositories are wanted.
    Bound(oneshot::Sender<Result<Vec<Bound>, Failure>>),
}

/// Asks the agent.
#[derive(Clone)]
pub struct Asker(mpsc::UnboundedSender<Demand>);

/// An asker, and the desk at which it is answered: `blocking_recv` until there is no asker any more.
pub fn desk() -> (Asker, mpsc::UnboundedReceiver<Demand>) {
    let (to, from) = mpsc::unbounded_channel();
    (Asker(to), from)
}

impl Asker {
    /// The credential.
    ///
    /// # Errors
    /// What the agent says, and where nobody answers.
    pub async fn get(&self, inquiry: Inquiry) -> Result<Credential, Failure> {
        let (to, answer) = oneshot::channel();
        let _ = self.0.send(Demand::Get(inquiry, to));
        answer.await.unwrap_or_else(|_| Err(nobody()))
    }

    /// The URLs that names are bound to.
    ///
    /// # Errors
    /// What the agent says, and where nobody answers.
    pub async fn bound(&self) -> Result<Vec<Bound>, Failure> {
        let (to, answer) = oneshot::channel();
        let _ = self.0.send(Demand::Bound(to));
        answer.await.unwrap_or_else(|_| Err(nobody()))
    }

    /// Tells the agent what a server said about the credential.
    pub fn report(&self, inquiry: Inquiry, outcome: Outcome) {
        // It is for the agent's sake: what was answered stays answered without it.
        let _ = self.0.send(Demand::Report(inquiry, outcome));
    }
}

fn nobody() -> Failure {
    Failure::new(
        ErrorCode::Internal,
        "nobody answers questions about credentials any more",
    )
}
