//! What a finder finds, and what of it may be shown.

use std::ops::Range;
use std::path::PathBuf;

use credential_helper_protocol::{Operation, Secret, TOKEN_USERNAME};
use serde::Serialize;

use super::as_text;
use super::places::Place;
use super::read::Text;
use super::value::is_readable_account;
use crate::domain::text::{line_at, shell_word};

/// What stands in plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A password beside its username.
    HttpBasic,
    /// An API token.
    Token,
    /// Userinfo in a URL.
    Url,
    /// The value of a tool's variable.
    Variable,
}

impl Kind {
    /// What a secret is beside this username.
    pub(super) fn of(username: Option<&str>) -> Self {
        if username == Some(TOKEN_USERNAME) {
            Self::Token
        } else {
            Self::HttpBasic
        }
    }

    /// The word in JSON, and the rule of SARIF.
    pub fn word(self) -> &'static str {
        match self {
            Self::HttpBasic => "http-basic",
            Self::Token => "token",
            Self::Url => "url",
            Self::Variable => "variable",
        }
    }
}

/// A credential in plain text, without its secret.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The file.
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    /// The line of the secret.
    pub line: usize,
    /// Whose file it is.
    pub tool: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where the credential belongs, as far as the file says.
    pub origin: Option<String>,
    /// The account; unset where it may be a secret itself.
    pub username: Option<String>,
    /// What to do.
    pub fix: String,
    /// What only an import may use.
    #[serde(skip)]
    pub(super) found: Found,
}

/// What a finder found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) kind: Kind,
    /// Where the secret stands in the text; the first place is the one that is named.
    pub(super) spans: Vec<Range<usize>>,
    pub(super) secret: Secret,
    pub(super) username: Option<String>,
    pub(super) origin: Option<String>,
    pub(super) way: Way,
}

impl Found {
    /// Where it stands.
    pub(super) fn at(&self) -> usize {
        self.spans.first().map_or(0, |span| span.start)
    }
}

/// What can be done about it.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// It can be moved.
    Move {
        /// Where it goes.
        to: Target,
        /// How the file is without it.
        edits: Vec<Edit>,
    },
    /// A person has to do something.
    ByHand(&'static str),
}

/// What a tool will ask for, when its file no longer says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A repository's name.
    Name(String),
    /// A URL: the repository that is known for it, else the URL itself.
    Url {
        /// Without userinfo.
        url: String,
        /// What the tool uses it for.
        operation: Option<Operation>,
        /// What the user's own file calls it.
        section: Option<String>,
    },
    /// Everything below a URL: the repository that is known for it.
    Scope(String),
    /// What another tool calls the place.
    Service(String),
}

/// A part of a text and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) new: String,
}

impl Edit {
    /// Takes a part out.
    pub(super) fn cut(range: Range<usize>) -> Self {
        Self {
            range,
            new: String::new(),
        }
    }
}

impl Finding {
    pub(super) fn new(place: &Place, text: &Text, found: Found) -> Self {
        let fix = match &found.way {
            Way::Move { .. } => {
                let path = shell_word(&place.path.to_string_lossy());
                format!("helper import {path} (shows the change; --apply makes it)")
            }
            Way::ByHand(fix) => (*fix).to_owned(),
        };
        let secret = found.secret.expose();
        let shown = |name: &String| is_readable_account(name, secret);
        Self {
            path: place.path.clone(),
            line: line_at(text.text.as_bytes(), found.at()),
            tool: place.form.tool,
            kind: found.kind,
            origin: found.origin.clone(),
            username: found.username.clone().filter(shown),
            fix,
            found,
        }
    }

    /// Whether both are the same credential in the same file, perhaps on another line by now.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.path == other.path
            && self.kind == other.kind
            && self.found.username == other.found.username
            && self.found.origin == other.found.origin
            && self.found.secret.same(&other.found.secret)
    }

    /// Whether `helper import` can move it.
    pub fn can_move(&self) -> bool {
        matches!(self.found.way, Way::Move { .. })
    }
}
