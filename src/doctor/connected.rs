//! The agent as [`crate::connect`] reaches it.

use credential_helper_protocol::{
    Asked, BindingList, Credential, ErrorCode, Explanation, Failure, Listing, Question, Status,
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

impl Source for Connected {
    fn status(&mut self) -> Result<Option<Status>, Failure> {
        let Some(mut running) = connect::running(&self.options)? else {
            return Ok(None);
        };
        let status = running.status()?;
        // The status does not say whose settings the agent has; its answer to a question does.
        match running.bindings(&self.asked) {
            Err(failure) if failure.code == ErrorCode::OtherSettings => Err(failure),
            _ => Ok(Some(status)),
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
