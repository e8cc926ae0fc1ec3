//! `helper bridge NAME`, and this program under a bridge's name.

use std::ffi::OsString;
use std::fs::File;

use credential_helper_protocol::caller::About;
use credential_helper_protocol::render::{self, Stream};
use credential_helper_protocol::surroundings::{RECURSION, Surroundings};
use credential_helper_protocol::{
    Asked, Changed, Context, Credential, Delete, ErrorCode, Failure, Listing, Question, Report,
    Secret, Set, input, parent, program,
};

use super::{Session, prompt};
use crate::bridge::{Bridge, Outside, Places, Trouble};
use crate::connect::{Agent, Options};
use crate::domain::log::Line;

/// Speaks the tool's protocol.
pub(crate) fn run(
    session: &mut Session<'_>,
    bridge: Bridge,
    arguments: &[OsString],
) -> Result<u8, Failure> {
    speak(session, bridge, arguments).or_else(|failure| {
        session.out.failure(&failure);
        Ok(bridge.status(failure.code.exit_status()))
    })
}

fn speak(session: &mut Session<'_>, bridge: Bridge, arguments: &[OsString]) -> Result<u8, Failure> {
    let mut here = Here {
        session,
        project: bridge.project,
        reached: None,
        alone: false,
        input: None,
        lines: None,
    };
    let mut said = bridge.run(arguments, &mut here);
    if let (Err(Trouble::NoAgent(why)), true) = (&said, bridge.next) {
        if let Some(failed) = program::become_next(bridge.name, arguments) {
            return Err(failed);
        }
        // Nobody else is there: this process does the work itself.
        let log = &here.session.log;
        log.info(|| Line::new("works without an agent").text("why", &why.message));
        here.alone = true;
        said = bridge.run(arguments, &mut here);
    }
    match said {
        Ok(said) => {
            session.out.people(&said.err);
            if !said.out.is_empty() {
                session.out.secret(&said.out)?;
            }
            Ok(said.status)
        }
        Err(Trouble::Failed(failure) | Trouble::NoAgent(failure)) => Err(failure),
        Err(Trouble::Elsewhere) => Err(Failure::new(
            ErrorCode::Internal,
            format!("the bridge {} has nobody else to do its work", bridge.name),
        )),
    }
}

/// What a bridge does outside itself, done by this process.
struct Here<'a, 'b> {
    session: &'a Session<'b>,
    /// Whether the project in the working folder counts.
    project: bool,
    reached: Option<(Box<dyn Agent>, Context)>,
    /// Nobody is reached: the agent's work is done here.
    alone: bool,
    /// All of standard input, once it was read.
    input: Option<Secret>,
    /// Standard input, of which lines are read.
    lines: Option<File>,
}

impl Here<'_, '_> {
    fn reached(&mut self) -> Result<&mut (Box<dyn Agent>, Context), Trouble> {
        if std::env::var_os(RECURSION).is_some() {
            return Err(Trouble::Failed(program::asked_from_within()));
        }
        if self.reached.is_none() {
            let mut context = self.session.context(About::All)?;
            context.parent = parent::parent();
            context.folder = context.folder.filter(|_| self.project);
            let options = self.session.options();
            let agent = self.session.outside.connect(&Options {
                no_agent: options.no_agent || self.alone,
                ..options
            });
            self.reached = Some((agent.map_err(Trouble::NoAgent)?, context));
        }
        self.reached.as_mut().ok_or(Trouble::Elsewhere)
    }

    fn asked<T>(
        &mut self,
        ask: impl FnOnce(&mut dyn Agent, Context) -> Result<T, Failure>,
    ) -> Result<T, Trouble> {
        let (agent, context) = self.reached()?;
        let context = context.clone();
        ask(agent.as_mut(), context).map_err(Trouble::Failed)
    }
}

impl Outside for Here<'_, '_> {
    fn input(&mut self) -> Result<Secret, Trouble> {
        // Whoever may have to do this instead reads it himself.
        self.reached()?;
        if self.input.is_none() {
            self.input = Some(input::all()?);
        }
        self.input.clone().ok_or(Trouble::Elsewhere)
    }

    fn turn(&mut self, text: &[u8]) -> Result<Option<Secret>, Trouble> {
        render::emit(Stream::Out, text)?;
        if self.lines.is_none() {
            self.lines = Some(input::file().map_err(|error| {
                Failure::new(
                    ErrorCode::Unavailable,
                    format!("could not read standard input: {}", error.kind()),
                )
            })?);
        }
        let Some(lines) = &mut self.lines else {
            return Ok(None);
        };
        Ok(input::line(lines)?)
    }

    fn secret(&mut self, label: &str) -> Result<Secret, Trouble> {
        self.reached()?;
        let session = self.session;
        // Standard input is the tool's where turns are taken.
        if self.lines.is_some() {
            return Ok(prompt::typed(label, session.may_ask())?);
        }
        Ok(session.outside.secret(label, session.may_ask())?)
    }

    fn get(&mut self, question: Question) -> Result<Credential, Trouble> {
        self.asked(|agent, context| {
            agent.get(&Question {
                context,
                ..question
            })
        })
    }

    fn set(&mut self, set: Set) -> Result<Changed, Trouble> {
        self.asked(|agent, context| agent.set(&Set { context, ..set }))
    }

    fn delete(&mut self, delete: Delete) -> Result<Changed, Trouble> {
        self.asked(|agent, context| agent.delete(&Delete { context, ..delete }))
    }

    fn list(&mut self) -> Result<Listing, Trouble> {
        self.asked(|agent, context| agent.list(&Asked { context }))
    }

    fn report(&mut self, report: Report) -> Result<(), Trouble> {
        let Report { question, outcome } = report;
        self.asked(|agent, context| {
            let question = Question {
                context,
                ..question
            };
            agent.report(&Report { question, outcome })
        })
    }

    fn places(&mut self) -> Result<Places, Trouble> {
        let here = std::env::current_dir().ok();
        let around = Surroundings::of_process();
        let settings = around.settings_folder(here.as_deref());
        let (Some(settings), Some(state)) = (settings, around.state_folder()) else {
            return Err(Trouble::Failed(Failure::new(
                ErrorCode::Unavailable,
                "could not tell where the files of helper are: no home is known",
            )));
        };
        let settings = settings.join("config.toml");
        Ok(Places {
            settings_exist: settings.exists(),
            settings,
            state,
        })
    }
}
