//! Stores that are environment variables: those of the request, and those of the agent.

use std::collections::BTreeMap;

use credential_helper::domain::credential::{Key, Why};
use credential_helper::provider::Provider;
use credential_helper::provider::environment::{AgentEnvironment, Environment};
use credential_helper_protocol::{Secret, Variable};

use super::{ACCOUNT, Planted, contract};

/// Two variables of one family, sent with the request or the agent's own.
struct Variables {
    family: &'static str,
    sent: BTreeMap<String, Variable>,
    own: Option<AgentEnvironment>,
}

impl Variables {
    fn sent(family: &'static str) -> Self {
        let sent = BTreeMap::new();
        let own = None;
        Self { family, sent, own }
    }

    fn own(family: &'static str) -> Self {
        let own = Some(AgentEnvironment::default());
        Self {
            own,
            ..Self::sent(family)
        }
    }

    fn set(&mut self, username: &str, password: &str) {
        let family = self.family;
        let set = [("USERNAME", username), ("PASSWORD", password)].map(|(end, value)| {
            let value = Variable(Secret::from(value));
            (format!("{family}FOO_{end}"), value)
        });
        match &mut self.own {
            Some(own) => *own = AgentEnvironment::new(set.into()),
            None => self.sent = set.into(),
        }
    }
}

impl Planted for Variables {
    fn provider(&self) -> &dyn Provider {
        match &self.own {
            Some(own) => own,
            None => &Environment,
        }
    }

    fn variables(&self) -> BTreeMap<String, Variable> {
        self.sent.clone()
    }

    fn key(&self, _account: &str) -> Key {
        Key::HttpBasic(vec!["foo".into()])
    }

    fn has_accounts(&self) -> bool {
        false
    }

    fn unknown(&self) -> Key {
        Key::HttpBasic(vec!["bar".into()])
    }

    async fn plant(&mut self, secret: &str) {
        self.set(ACCOUNT, secret);
    }

    /// A good secret, but for nobody: what is not UTF-8 never gets as far as here.
    async fn garble(&mut self) -> bool {
        self.set("alice\u{1b}", "hunter2");
        true
    }

    /// Variables are in memory: what is set can be read, and at once.
    async fn bar(&mut self) -> Option<Why> {
        None
    }

    async fn hang(&mut self) -> Option<Why> {
        None
    }
}

#[tokio::test]
async fn poetry_variables_of_the_request() {
    contract(Variables::sent("POETRY_HTTP_BASIC_")).await;
}

#[tokio::test]
async fn uv_variables_of_the_request() {
    contract(Variables::sent("UV_INDEX_")).await;
}

#[tokio::test]
async fn poetry_variables_of_the_agent() {
    contract(Variables::own("POETRY_HTTP_BASIC_")).await;
}

#[tokio::test]
async fn uv_variables_of_the_agent() {
    contract(Variables::own("UV_INDEX_")).await;
}
