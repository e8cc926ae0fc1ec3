//! An agent and a world for tests.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::Write;
use std::rc::Rc;

use credential_helper_protocol::caller::{About, CallerOptions};
use credential_helper_protocol::surroundings::{Platform, Surroundings};
use credential_helper_protocol::{
    Asked, BindingList, Changed, Configure, Context, Credential, Delete, Explanation, Failure,
    Listing, OpenSocket, Operation, Question, Report, RestrictedSocket, Secret, Set, SettingsReply,
    Status, Trust, Unlock, Variable,
};

use super::output::Output;
use super::outside::{Environment, Outside};
use crate::connect::{Agent, Options, RunOptions};
use crate::doctor::Check;
use crate::domain::log::Level;
use crate::selftest;

/// What the fake answers; calls are written down in order.
#[derive(Default)]
pub(crate) struct World {
    /// The calls, one line each.
    pub(crate) calls: RefCell<Vec<String>>,
    /// An agent is running.
    pub(crate) running: bool,
    /// Every call fails with this.
    pub(crate) failure: Option<Failure>,
    /// What the person types, or the program writes; unset means that nobody may be asked.
    pub(crate) typed: Option<&'static str>,
    pub(crate) credential: Credential,
    pub(crate) explanation: Explanation,
    pub(crate) listing: Listing,
    pub(crate) changed: Changed,
    pub(crate) settings: SettingsReply,
    pub(crate) bindings: BindingList,
    pub(crate) status: Status,
    pub(crate) checks: Vec<Check>,
    pub(crate) report: selftest::Report,
    pub(crate) environment: Environment,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) calls: Vec<String>,
}

#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

/// Runs a command line in a world.
pub(crate) fn run(world: World, arguments: &[&str]) -> Ran {
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let mut out = Output::into(
        Box::new(stdout.clone()),
        Box::new(stderr.clone()),
        [false; 2],
    );
    let arguments: Vec<OsString> = ["helper"]
        .iter()
        .chain(arguments)
        .map(OsString::from)
        .collect();
    let world = Shared(Rc::new(world));
    let status = super::run(&arguments, world.0.environment, &world, &mut out);
    let calls = world.0.calls.borrow().clone();
    Ran {
        status,
        out: stdout.text(),
        err: stderr.text(),
        calls,
    }
}

#[derive(Clone)]
struct Shared(Rc<World>);

impl Shared {
    fn called<T: Clone>(&self, call: String, answer: &T) -> Result<T, Failure> {
        self.0.calls.borrow_mut().push(call);
        match &self.0.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(answer.clone()),
        }
    }

    fn agent(&self, how: &str, options: &Options) -> Box<dyn Agent> {
        let no_agent = if options.no_agent { " no-agent" } else { "" };
        self.0.calls.borrow_mut().push(format!("{how}{no_agent}"));
        Box::new(self.clone())
    }
}

fn context(context: &Context) -> String {
    format!(
        "{}{}{}",
        if context.prompt { " prompt" } else { "" },
        context
            .timeout_ms
            .map(|ms| format!(" {ms}ms"))
            .unwrap_or_default(),
        if context.variables.is_empty() {
            ""
        } else {
            " variables"
        },
    )
}

fn maybe(text: Option<&str>) -> &str {
    text.unwrap_or("-")
}

fn question(question: &Question) -> String {
    format!(
        "{} {} {} {}{}",
        maybe(question.name.as_deref()),
        maybe(question.url.as_deref()),
        maybe(question.username.as_deref()),
        question.operation.map_or("-", |operation| operation.word()),
        context(&question.context)
    )
}

fn trust(trust: &Trust) -> String {
    format!(
        "{} {} {} {}{}",
        maybe(trust.name.as_deref()),
        maybe(trust.url.as_deref()),
        trust.project.as_deref().map_or("-", |_| "project"),
        trust.operation.map_or("-", |operation| operation.word()),
        context(&trust.context)
    )
}

impl Agent for Shared {
    fn get(&mut self, asked: &Question) -> Result<Credential, Failure> {
        self.called(format!("get {}", question(asked)), &self.0.credential)
    }
    fn explain(&mut self, asked: &Question) -> Result<Explanation, Failure> {
        self.called(format!("explain {}", question(asked)), &self.0.explanation)
    }
    fn list(&mut self, asked: &Asked) -> Result<Listing, Failure> {
        self.called(format!("list{}", context(&asked.context)), &self.0.listing)
    }
    fn set(&mut self, set: &Set) -> Result<Changed, Failure> {
        let call = format!(
            "set {} {} {} {} {}{}",
            set.name,
            maybe(set.username.as_deref()),
            maybe(set.secret.as_ref().map(Secret::expose)),
            maybe(set.url.as_deref()),
            set.operation.map_or("-", |operation| operation.word()),
            context(&set.context)
        );
        self.called(call, &self.0.changed)
    }
    fn delete(&mut self, delete: &Delete) -> Result<Changed, Failure> {
        let call = format!(
            "delete {} {}{}",
            delete.name,
            maybe(delete.username.as_deref()),
            context(&delete.context)
        );
        self.called(call, &self.0.changed)
    }
    fn configure(&mut self, configure: &Configure) -> Result<SettingsReply, Failure> {
        let values: Vec<&str> = configure
            .values
            .iter()
            .map(|value| value.0.expose())
            .collect();
        let call = format!(
            "configure {} {values:?}{}{}{}",
            configure.key,
            if configure.unset { " unset" } else { "" },
            if configure.local { " local" } else { "" },
            context(&configure.context)
        );
        self.called(call, &self.0.settings)
    }
    fn settings(&mut self, asked: &Asked) -> Result<SettingsReply, Failure> {
        self.called(
            format!("settings{}", context(&asked.context)),
            &self.0.settings,
        )
    }
    fn trust(&mut self, asked: &Trust) -> Result<BindingList, Failure> {
        self.called(format!("trust {}", trust(asked)), &self.0.bindings)
    }
    fn untrust(&mut self, asked: &Trust) -> Result<BindingList, Failure> {
        self.called(format!("untrust {}", trust(asked)), &self.0.bindings)
    }
    fn bindings(&mut self, asked: &Asked) -> Result<BindingList, Failure> {
        self.called(
            format!("bindings{}", context(&asked.context)),
            &self.0.bindings,
        )
    }
    fn report(&mut self, report: &Report) -> Result<(), Failure> {
        self.called(format!("report {}", report.outcome), &())
    }
    fn lock(&mut self) -> Result<(), Failure> {
        self.called("lock".to_owned(), &())
    }
    fn unlock(&mut self, unlock: &Unlock) -> Result<(), Failure> {
        let call = format!(
            "unlock {}{}",
            maybe(unlock.password.as_ref().map(Secret::expose)),
            context(&unlock.context)
        );
        self.called(call, &())
    }
    fn status(&mut self) -> Result<Status, Failure> {
        self.called("status".to_owned(), &self.0.status)
    }
    fn open_socket(&mut self, open: &OpenSocket) -> Result<RestrictedSocket, Failure> {
        let socket = RestrictedSocket {
            path: open.path.clone(),
            names: open.names.clone(),
            operation: open.operation.unwrap_or(Operation::Read),
            uid: open.uid,
            until: None,
        };
        let ttl = open.ttl_s.map_or("-".to_owned(), |ttl| ttl.to_string());
        self.called(
            format!("socket {} {} {ttl}", open.path, open.names.join(",")),
            &socket,
        )
    }
    fn reload(&mut self) -> Result<(), Failure> {
        self.called("reload".to_owned(), &())
    }
    fn stop(&mut self) -> Result<(), Failure> {
        self.called("stop".to_owned(), &())
    }
}

impl Outside for Shared {
    fn connect(&self, options: &Options) -> Result<Box<dyn Agent>, Failure> {
        Ok(self.agent("connect", options))
    }
    fn running(&self, options: &Options) -> Result<Option<Box<dyn Agent>>, Failure> {
        Ok(self.0.running.then(|| self.agent("running", options)))
    }
    fn run_agent(&self, options: RunOptions, level: Option<Level>) -> Result<(), Failure> {
        let detached = if options.detached { " detached" } else { "" };
        let level = level.map_or_else(String::new, |level| format!(" {}", level.word()));
        self.called(format!("run{detached}{level}"), &())
    }
    fn start_agent(&self, options: &Options) -> Result<Box<dyn Agent>, Failure> {
        Ok(self.agent("start", options))
    }
    fn context(&self, _about: About<'_>, options: &CallerOptions) -> Result<Context, Failure> {
        let mut context = Context {
            prompt: options.prompt,
            timeout_ms: options.timeout_ms,
            ..Context::default()
        };
        context
            .variables
            .insert("UV_INDEX_FOO_USERNAME".to_owned(), Variable::default());
        Ok(context)
    }
    fn surroundings(&self) -> Surroundings {
        let none: [(&str, &str); 0] = [];
        Surroundings::given(none, Platform::Xdg, 7, "host")
    }
    fn secret(&self, label: &str, may_ask: bool) -> Result<Secret, Failure> {
        self.called(format!("secret {label:?} {may_ask}"), &())?;
        Ok(Secret::from(self.0.typed.unwrap_or_default()))
    }
    fn checks(
        &self,
        _options: &Options,
        _caller: &CallerOptions,
        offline: bool,
    ) -> Result<Vec<Check>, Failure> {
        let what = if offline { "checks offline" } else { "checks" };
        self.called(what.to_owned(), &self.0.checks)
    }
    fn selftest(&self, options: &selftest::Options) -> Result<selftest::Report, Failure> {
        let keyring = if options.keyring { " keyring" } else { "" };
        let time = options.time.as_millis();
        self.called(format!("selftest{keyring} {time}ms"), &self.0.report)
    }
}
