//! The agent as [`crate::connect`] reaches it.

use credential_helper_protocol::{
    Asked, BindingList, Credential, Explanation, Failure, Listing, Question, Status,
};

use super::Source;
use crate::connect::{self, Agent};

/// The running agent for its status, and whichever one a command would use for the rest.
pub struct Connected {
    options: connect::Options,
    asked: Asked,
    agent: Option<Box<dyn Agent>>,
}

impl Connected {
    /// Connects to nothing yet. `asked` is who will ask.
    pub fn new(options: connect::Options, asked: Asked) -> Self {
        Self {
            options,
            asked,
            agent: None,
        }
    }

    fn agent(&mut self) -> Result<&mut dyn Agent, Failure> {
        let agent = match self.agent.take() {
            Some(agent) => agent,
            None => connect::connect(&self.options)?,
        };
        Ok(&mut **self.agent.insert(agent))
    }
}

/// The agent's refusal to answer for other settings than its own: its status does not tell whose it
/// has, and [`connect`] goes round it without a word.
#[cfg(unix)]
fn other_settings(asked: &Asked) -> Option<Failure> {
    use credential_helper_protocol::client::Client;
    use credential_helper_protocol::socket::SocketTransport;
    use credential_helper_protocol::surroundings::Surroundings;
    use credential_helper_protocol::{ErrorCode, limits, place};

    let around = Surroundings::of_process();
    let open = move || {
        let place = place::find(&around)?;
        Ok(place.connect(limits::REQUEST_TIME)?)
    };
    let transport = SocketTransport::open(Box::new(open)).ok()?;
    let failure = Client::new(transport).bindings(asked).err()?;
    (failure.code == ErrorCode::OtherSettings).then_some(failure)
}

/// There is no agent over a socket here.
#[cfg(not(unix))]
fn other_settings(_asked: &Asked) -> Option<Failure> {
    None
}

impl Source for Connected {
    fn status(&mut self) -> Result<Option<Status>, Failure> {
        let Some(mut running) = connect::running(&self.options)? else {
            return Ok(None);
        };
        let status = running.status()?;
        match other_settings(&self.asked) {
            Some(failure) => Err(failure),
            None => Ok(Some(status)),
        }
    }

    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure> {
        self.agent()?.list(asked)
    }

    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure> {
        self.agent()?.bindings(asked)
    }

    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        self.agent()?.explain(question)
    }

    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        self.agent()?.get(question)
    }
}
