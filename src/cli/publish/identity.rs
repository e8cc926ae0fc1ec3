//! Whose identity token a run has, and what of it the settings say.

use std::path::Path;
use std::time::Duration;

use credential_helper_protocol::surroundings::Surroundings;
use credential_helper_protocol::{Context, ErrorCode, Failure, Secret};

use crate::agent::registry;
use crate::http::{Client, Proxies};
use crate::provider::child::{self, CommandSpec, Run};
use crate::provider::files::Files;
use crate::provider::settings::{self, IdentitySetting};
use crate::publish::distribution::Distribution;
use crate::publish::place::Place;
use crate::publish::trusted::ambient::{self, FILE, Found, Reach};
use crate::publish::trusted::exchange::{Begun, Exchange};
use crate::publish::trusted::{Identity, Later, Variables, identity_token};

/// Stands in a command's arguments for whom the token is for.
const AUDIENCE: &str = "{audience}";

/// A command that the settings name.
struct Configured(CommandSpec);

impl Configured {
    async fn run(&self, audience: &str) -> Result<Secret, Failure> {
        let mut spec = self.0.clone();
        for argument in spec.command.iter_mut().skip(1) {
            *argument = argument.replace(AUDIENCE, audience);
        }
        let failed = |trouble: child::Trouble| {
            let message = format!("asking for an identity token failed: {}", trouble.detail);
            Failure::new(trouble.why.code(), message)
                .hint("the settings name this command as identity-token")
        };
        let output = child::run(&spec, Run::default(), spec.timeout)
            .await
            .map_err(failed)?;
        if !output.status.success() {
            return Err(failed(spec.ended_badly(output.status)));
        }
        identity_token(&output.printed, &spec.program())
    }
}

impl Identity for Configured {
    fn word(&self) -> &'static str {
        "command"
    }

    fn name(&self) -> &'static str {
        "a command of the settings"
    }

    fn token<'a>(&'a self, audience: &'a str) -> Later<'a, Result<Secret, Failure>> {
        Box::pin(self.run(audience))
    }
}

/// What the helper's own settings name, and for whom tokens may be; a project's files are not asked.
async fn configured(
    context: &Context,
) -> Result<(Option<Box<dyn Identity>>, Vec<String>), Failure> {
    let Some(folder) = context.settings.as_deref().map(Path::new) else {
        return Ok((None, Vec::new()));
    };
    let home = Surroundings::of_process().home.unwrap_or_default();
    let settings = settings::load(&Files::default().view(), folder, &home).await?;
    let identity: Option<Box<dyn Identity>> = match &settings.identity_token {
        None => None,
        Some(IdentitySetting::File(path)) => Some(Box::new(ambient::File(path.clone()))),
        Some(IdentitySetting::Command(command)) => {
            Some(Box::new(Configured(registry::spec(command))))
        }
    };
    Ok((identity, settings.identity_audiences.clone()))
}

/// Whose identity token there is.
fn found(configured: Option<Box<dyn Identity>>, time: Duration) -> Option<Found> {
    let variable = |name: &str| std::env::var(name).ok();
    let names: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .collect();
    let reach = Reach {
        proxies: Proxies::Environment,
        time,
    };
    ambient::detect(Variables(&variable), &names, configured, reach)
}

/// What a run by trusted publishing is about.
pub(super) struct About<'a> {
    pub(super) client: &'a Client,
    pub(super) place: &'a Place,
    pub(super) ready: &'a [Distribution],
    pub(super) context: &'a Context,
    pub(super) time: Duration,
}

impl<'a> About<'a> {
    /// By trusted publishing, or not at all.
    ///
    /// # Errors
    /// Where there is no identity token, or the index takes none.
    pub(super) async fn always(&self) -> Result<Exchange<'a>, Failure> {
        let (configured, audiences) = configured(self.context).await?;
        let Some(found) = found(configured, self.time) else {
            let message =
                "there is no identity token for trusted publishing here, and nothing was sent";
            return Err(Failure::new(ErrorCode::NotFound, message).hint(format!(
                "it is for jobs of CI systems; {FILE}, or identity-token in the settings, names another place"
            )));
        };
        match self.begin(found.identity?, &audiences).await? {
            Begun::Offered(exchange) => Ok(*exchange),
            Begun::NotOffered(failure) => Err(failure),
        }
    }

    /// By trusted publishing where that can be, after nothing else was found.
    ///
    /// # Errors
    /// `missing`, with what trusted publishing would need; or where that could not be told.
    pub(super) async fn auto(&self, missing: Failure) -> Result<Exchange<'a>, Failure> {
        let (configured, audiences) = configured(self.context).await?;
        let why = match found(configured, self.time) {
            None | Some(Found { is_ci: false, .. }) => return Err(missing),
            Some(Found {
                identity: Err(failure),
                ..
            }) => failure,
            Some(Found {
                identity: Ok(identity),
                ..
            }) => match self.begin(identity, &audiences).await? {
                Begun::Offered(exchange) => return Ok(*exchange),
                Begun::NotOffered(failure) => failure,
            },
        };
        let message = format!("{}; {}", missing.message, why.message);
        let hints = [missing.hint.clone(), why.hint];
        let hints: Vec<String> = hints.into_iter().flatten().collect();
        Err(Failure {
            message,
            hint: Some(hints.join("; or: ")),
            ..missing
        })
    }

    async fn begin(
        &self,
        identity: Box<dyn Identity>,
        audiences: &[String],
    ) -> Result<Begun<'a>, Failure> {
        let project = self.ready.first().map_or("", |one| &*one.project);
        Exchange::begin(self.client, &self.place.url, project, identity, audiences).await
    }
}

/// What a person is told of an exchange.
pub(super) fn by(exchange: &Exchange<'_>) -> String {
    format!(
        "by trusted publishing ({}, audience {})",
        exchange.identity().name(),
        exchange.audience()
    )
}
