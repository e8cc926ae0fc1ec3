//! The fast door's way to the agent that runs or is started for it: for `get` and for the bridges.

use std::rc::Rc;
use std::time::Duration;

use credential_helper_protocol::caller::{self, About, CallerOptions};
use credential_helper_protocol::client::Client;
use credential_helper_protocol::place::{self, ConnectError, Place};
use credential_helper_protocol::program;
use credential_helper_protocol::socket::SocketTransport;
use credential_helper_protocol::surroundings::{RECURSION, Surroundings};
use credential_helper_protocol::{
    Asked, Changed, Context, Credential, Delete, ErrorCode, Failure, Listing, Question, Report,
    Secret, Set, input, limits, parent, start,
};

use crate::Get;
use crate::bridge::{Bridge, Outside, Places, Trouble};

/// Why this program has no answer.
pub(crate) enum NoAnswer {
    /// The question is more than this program's.
    Elsewhere,
    /// There can be no agent, or none with these settings: the work is done without.
    WithoutAgent,
    /// The answer is an error.
    Failed(Failure),
}

impl From<Failure> for NoAnswer {
    fn from(failure: Failure) -> Self {
        match failure.code {
            ErrorCode::OtherSettings => Self::WithoutAgent,
            _ => Self::Failed(failure),
        }
    }
}

/// Answers `helper get`.
pub(crate) fn ask(get: &Get) -> Result<Credential, NoAnswer> {
    let options = CallerOptions {
        timeout_ms: get.timeout_ms,
        ..CallerOptions::default()
    };
    let is_url = get.about.contains("://");
    let about = if is_url {
        About::Url(&get.about)
    } else {
        About::Name(&get.about)
    };
    let (mut client, context) = reach(about, &options)?;
    let question = Question {
        name: (!is_url).then(|| get.about.clone()),
        url: is_url.then(|| get.about.clone()),
        username: get.username.clone(),
        operation: get.operation,
        context,
        ..Question::default()
    };
    Ok(client.get(&question)?)
}

type Reached = (Client<SocketTransport>, Context);

/// The agent, and who asks it.
fn reach(about: About<'_>, options: &CallerOptions) -> Result<Reached, NoAnswer> {
    let around = Rc::new(Surroundings::of_process());
    let mut context = caller::context_in(&around, about, options)?;
    let mut place = place::find(&around).map_err(|_| NoAnswer::WithoutAgent)?;
    if place.foreign {
        // A mounted socket is not told our variables: they are looked up here, first.
        if !context.variables.is_empty() {
            return Err(NoAnswer::Elsewhere);
        }
        context = caller::bare(options);
    }
    let time = options
        .timeout_ms
        .map_or(limits::REQUEST_TIME, Duration::from_millis)
        .min(limits::REQUEST_TIME);
    let stream = match place.connect(time) {
        Err(ConnectError::NoAgent) => started(&around, &mut place)?,
        other => other.map_err(Failure::from)?,
    };
    let again = Box::new(move || start::connect_or_start(&around, &mut place));
    Ok((Client::new(SocketTransport::new(stream, again)), context))
}

fn started(
    around: &Surroundings,
    place: &mut Place,
) -> Result<std::os::unix::net::UnixStream, NoAnswer> {
    // Whoever then looks for it himself says why it is not there.
    let program = program::program().map_err(|_| NoAnswer::WithoutAgent)?;
    start::start(around, place, &program, start::Starter::Client)
        .map_err(|_| NoAnswer::WithoutAgent)
}

/// What a bridge does outside itself, done by this program: it asks and reads, nothing else.
pub(crate) struct Door {
    /// Whether the project in the working folder counts.
    project: bool,
    reached: Option<Reached>,
    /// What was read, for the program that may have to do this instead.
    pub(crate) read: Option<Secret>,
}

impl Door {
    /// Nothing was asked or read yet.
    pub(crate) fn new(bridge: Bridge) -> Self {
        Self {
            project: bridge.project,
            reached: None,
            read: None,
        }
    }

    fn reached(&mut self) -> Result<&mut Reached, Trouble> {
        if std::env::var_os(RECURSION).is_some() {
            return Err(Trouble::Failed(program::asked_from_within()));
        }
        if self.reached.is_none() {
            // The tool's own deadline is unknown: ours holds.
            let mut reached = reach(About::All, &CallerOptions::default())?;
            reached.1.folder = reached.1.folder.filter(|_| self.project);
            // A mounted socket is told nothing of this process.
            if reached.1.settings.is_some() {
                reached.1.parent = parent::parent();
            }
            self.reached = Some(reached);
        }
        self.reached.as_mut().ok_or(Trouble::Elsewhere)
    }

    fn asked<T>(
        &mut self,
        ask: impl FnOnce(&mut Client<SocketTransport>, Context) -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        let (client, context) = self.reached()?;
        let context = context.clone();
        ask(client, context).map_err(|failure| match failure.code {
            // An agent is there, but for other settings: `helperd` knows them, no next program does.
            ErrorCode::OtherSettings => Trouble::Elsewhere,
            _ => Trouble::Failed(failure),
        })
    }
}

impl From<NoAnswer> for Trouble {
    fn from(none: NoAnswer) -> Self {
        match none {
            NoAnswer::Elsewhere => Self::Elsewhere,
            NoAnswer::WithoutAgent => Self::NoAgent(Failure::new(
                ErrorCode::Unavailable,
                "there can be no agent",
            )),
            NoAnswer::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl Outside for Door {
    fn input(&mut self) -> Result<Secret, Trouble> {
        let read = input::all()?;
        self.read = Some(read.clone());
        Ok(read)
    }

    fn turn(&mut self, _: &[u8]) -> Result<Option<Secret>, Trouble> {
        Err(Trouble::Elsewhere)
    }

    fn secret(&mut self, _: &str) -> Result<Secret, Trouble> {
        Err(Trouble::Elsewhere)
    }

    fn get(&mut self, question: Question) -> Result<Credential, Trouble> {
        self.asked(|client, context| {
            client.get(&Question {
                context,
                ..question
            })
        })
    }

    fn set(&mut self, set: Set) -> Result<Changed, Trouble> {
        self.asked(|client, context| client.set(&Set { context, ..set }))
    }

    fn delete(&mut self, delete: Delete) -> Result<Changed, Trouble> {
        self.asked(|client, context| client.delete(&Delete { context, ..delete }))
    }

    fn list(&mut self) -> Result<Listing, Trouble> {
        self.asked(|client, context| client.list(&Asked { context }))
    }

    fn report(&mut self, report: Report) -> Result<(), Trouble> {
        let Report { question, outcome } = report;
        self.asked(|client, context| {
            let question = Question {
                context,
                ..question
            };
            client.report(&Report { question, outcome })
        })
    }

    fn places(&mut self) -> Result<Places, Trouble> {
        Err(Trouble::Elsewhere)
    }
}
