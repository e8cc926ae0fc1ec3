//! The desk at which lookups ask the agent.

use std::collections::BTreeSet;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::{
    Asked, Context, Credential, ErrorCode, Failure, Operation, Question, Report,
};

use crate::cli::Session;
use crate::cli::missing::is_nowhere;
use crate::connect::Agent;
use crate::index::fetch::{Bound, Demand, Inquiry};

/// The agent, with who asks; or why there is none.
type Reached = Result<(Box<dyn Agent>, Context), Failure>;

/// Where the agent is asked.
#[derive(Default)]
pub(crate) struct Desk {
    /// Set with the first question.
    agent: Option<Reached>,
    warnings: BTreeSet<String>,
}

impl Desk {
    pub(super) fn serve(&mut self, session: &mut Session<'_>, demand: Demand) {
        match demand {
            Demand::Get(inquiry, answer) => {
                let result = self.get(session, inquiry);
                if let Ok(credential) = &result {
                    self.warnings.extend(credential.warnings.iter().cloned());
                }
                let _ = answer.send(result);
            }
            Demand::Report(inquiry, outcome) => {
                if let Ok((agent, context)) = self.agent(session) {
                    let report = Report {
                        question: question(inquiry, context),
                        outcome: outcome.word().to_owned(),
                    };
                    // It is for the agent's sake: what was answered stays answered without it.
                    let _ = agent.report(&report);
                }
            }
            Demand::Bound(answer) => {
                let _ = answer.send(self.bound(session));
            }
        }
    }

    /// The agent is reached when it is first asked something: most indexes are open.
    pub(super) fn agent(
        &mut self,
        session: &mut Session<'_>,
    ) -> Result<(&mut dyn Agent, &Context), Failure> {
        let agent = self.agent.get_or_insert_with(|| {
            let context = session.context(About::All)?;
            Ok((session.agent()?, context))
        });
        match agent {
            Ok((agent, context)) => Ok((&mut **agent, context)),
            Err(failure) => Err(failure.clone()),
        }
    }

    fn get(&mut self, session: &mut Session<'_>, inquiry: Inquiry) -> Result<Credential, Failure> {
        let (agent, context) = self.agent(session)?;
        let answer = agent.get(&question(inquiry, context));
        answer.map_err(|failure| {
            if is_nowhere(&failure) {
                return Failure::new(ErrorCode::NotFound, failure.message);
            }
            failure
        })
    }

    /// What the user bound names to. A restricted socket tells nothing of that.
    fn bound(&mut self, session: &mut Session<'_>) -> Result<Vec<Bound>, Failure> {
        let (agent, context) = self.agent(session)?;
        let asked = Asked {
            context: context.clone(),
        };
        let list = match agent.bindings(&asked) {
            Err(failure) if failure.code == ErrorCode::Policy => return Ok(Vec::new()),
            list => list?,
        };
        let reads = list
            .bindings
            .into_iter()
            .filter(|binding| binding.operation != Some(Operation::Upload));
        Ok(reads
            .filter_map(|binding| {
                Some(Bound {
                    extra: matches!(binding.by.as_str(), "settings" | "trust"),
                    name: binding.name,
                    url: binding.url?,
                })
            })
            .collect())
    }

    pub(super) fn warn(&mut self, session: &mut Session<'_>) {
        for warning in std::mem::take(&mut self.warnings) {
            session.out.warning(&warning);
        }
    }
}

fn question(inquiry: Inquiry, context: &Context) -> Question {
    Question {
        name: inquiry.name,
        url: Some(inquiry.url),
        username: inquiry.username,
        operation: Some(Operation::Read),
        context: context.clone(),
        ..Question::default()
    }
}
