//! A socket that was mounted from elsewhere, into a container: it is told nothing of this process,
//! so this process's own variables are looked up here, first (SPECIFICATION, section 1).

use std::rc::Rc;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{
    Asked, BindingList, Changed, Configure, Context, Credential, Delete, ErrorCode, Explanation,
    Failure, Listing, OpenSocket, Question, Report, RestrictedSocket, Set, SettingsReply, Status,
    Step, Trust, Unlock,
};

use super::inside::Inside;
use super::{Agent, Client};
use crate::domain::log::{Line, Log};

/// The word of the provider that is asked here (SPECIFICATION, section 6, `Get`).
const VARIABLES: &str = "environment";

/// The agent at the other end of a mounted socket.
pub(super) struct Mounted {
    outside: Box<dyn Agent>,
    around: Rc<Surroundings>,
    log: Log,
}

impl Mounted {
    /// Asks `outside` what the variables of a question do not answer.
    pub(super) fn new(outside: Box<dyn Agent>, around: Rc<Surroundings>, log: &Log) -> Self {
        let log = log.clone();
        Self {
            outside,
            around,
            log,
        }
    }

    /// Who answers from our variables, and the question with nothing else; none where we have none.
    fn own(&self, question: &Question) -> Result<Option<(Client<Inside>, Question)>, Failure> {
        if question.context.variables.is_empty() {
            return Ok(None);
        }
        self.log
            .info(|| Line::new("looks its own variables up, before the mounted socket is asked"));
        let inside = Inside::only_variables(&self.around, &self.log)?;
        let mut own = for_outside(question);
        own.context.variables = question.context.variables.clone();
        Ok(Some((Client::new(inside), own)))
    }
}

/// What may be sent to a mounted socket: nothing of this process (SPECIFICATION, section 5.3).
fn bare(context: &Context) -> Context {
    Context {
        version: context.version.clone(),
        timeout_ms: context.timeout_ms,
        prompt: context.prompt,
        ..Context::default()
    }
}

fn for_outside(question: &Question) -> Question {
    Question {
        context: bare(&question.context),
        ..question.clone()
    }
}

macro_rules! passed_on {
    ($($name:ident($argument:ident: $type:ty, $($context:ident).+) -> $reply:ty;)*) => {$(
        fn $name(&mut self, $argument: &$type) -> Result<$reply, Failure> {
            let mut $argument = $argument.clone();
            $argument.$($context).+ = bare(&$argument.$($context).+);
            self.outside.$name(&$argument)
        }
    )*};
    ($($name:ident() -> $reply:ty;)*) => {$(
        fn $name(&mut self) -> Result<$reply, Failure> {
            self.outside.$name()
        }
    )*};
}

impl Agent for Mounted {
    fn get(&mut self, question: &Question) -> Result<Credential, Failure> {
        let Some((mut inside, own)) = self.own(question)? else {
            return self.outside.get(&for_outside(question));
        };
        match inside.get(&own) {
            Ok(found) if found.password.is_some() => Ok(found),
            // A username alone: the secret may be where the socket comes from.
            Ok(half) => {
                let theirs = self.outside.get(&Question {
                    username: half.username.clone(),
                    ..for_outside(question)
                });
                match theirs {
                    Err(failure) if failure.code == ErrorCode::NotFound => Ok(half),
                    other => other,
                }
            }
            Err(failure) if failure.code == ErrorCode::NotFound => {
                self.outside.get(&for_outside(question))
            }
            Err(failure) => Err(failure),
        }
    }

    fn explain(&mut self, question: &Question) -> Result<Explanation, Failure> {
        let Some((mut inside, own)) = self.own(question)? else {
            return self.outside.explain(&for_outside(question));
        };
        let mut ours = inside.explain(&own)?;
        ours.steps.retain(|step| step.provider == VARIABLES);
        let found = ours.result == "found" && ours.has_secret;
        if !found && ours.result != "found" && ours.result != "not-found" {
            return Ok(ours);
        }
        // A restricted socket explains nothing; what is found here holds all the same.
        let mut theirs = match self.outside.explain(&for_outside(question)) {
            Err(_) if found => return Ok(ours),
            other => other?,
        };
        theirs.steps.retain(|step| step.provider != VARIABLES);
        if found {
            let hidden = |step: &mut Step| {
                if matches!(step.answer.as_str(), "found" | "username-only") {
                    step.shadowed_by = Some(VARIABLES.to_owned());
                }
            };
            theirs.steps.iter_mut().for_each(hidden);
            ours.steps.append(&mut theirs.steps);
            return Ok(ours);
        }
        ours.steps.append(&mut theirs.steps);
        ours.warnings.append(&mut theirs.warnings);
        Ok(Explanation {
            steps: ours.steps,
            warnings: ours.warnings,
            ..theirs
        })
    }

    passed_on! {
        list(asked: Asked, context) -> Listing;
        set(set: Set, context) -> Changed;
        delete(delete: Delete, context) -> Changed;
        configure(configure: Configure, context) -> SettingsReply;
        settings(asked: Asked, context) -> SettingsReply;
        trust(trust: Trust, context) -> BindingList;
        untrust(trust: Trust, context) -> BindingList;
        bindings(asked: Asked, context) -> BindingList;
        report(report: Report, question.context) -> ();
        unlock(unlock: Unlock, context) -> ();
    }
    fn open_socket(&mut self, open: &OpenSocket) -> Result<RestrictedSocket, Failure> {
        self.outside.open_socket(open)
    }
    passed_on! {
        lock() -> ();
        status() -> Status;
        reload() -> ();
        stop() -> ();
    }
}

#[cfg(test)]
mod tests {
    use credential_helper_protocol::{Context, Process, Question};

    use super::for_outside;

    #[test]
    fn a_service_is_passed_on_without_who_asks() {
        let question = Question {
            service: Some("h.example:8443".to_owned()),
            username: Some("alice".to_owned()),
            context: Context {
                folder: Some("/project".to_owned()),
                parent: Some(Process { pid: 7, start: 1 }),
                ..Context::default()
            },
            ..Question::default()
        };
        let sent = serde_json::to_string(&for_outside(&question)).unwrap();
        let expected = r#"{"service":"h.example:8443","username":"alice","context":{}}"#;
        assert_eq!(sent, expected);
    }
}
