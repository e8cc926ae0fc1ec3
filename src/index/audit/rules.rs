//! What is a finding.

use super::bytes::{Same, differing, has_other_bytes, has_same_bytes, same};
use super::fix::{Tool, lines};
use super::picks::{Pick, Picks};
use super::report::Finding;
use super::{Answer, Said, Subject, is_public};
use crate::index::locked::Origin;
use crate::sarif::{Level, Rule};

/// The kinds of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another source has another project of the same name.
    Confusion,
    /// Two sources have the same file with different bytes.
    OtherBytes,
    /// The lock file has a digest that the source does not have.
    LockedBytes,
    /// The lock file has it from another place than it would come from now.
    LockedElsewhere,
    /// A private name that nobody has on PyPI yet.
    Unclaimed,
    /// The name lies in a namespace that its owner does not hold (PEP 752).
    Namespace,
}

/// The rules, in the order of [`Kind`].
pub(super) const RULES: [Rule; 6] = [
    Rule {
        id: "confusion",
        text: "Another source has another project of the same name",
        level: Level::Error,
    },
    Rule {
        id: "other-bytes",
        text: "Two sources have different files of the same name",
        level: Level::Error,
    },
    Rule {
        id: "locked-bytes",
        text: "The source has other files than the lock file",
        level: Level::Error,
    },
    Rule {
        id: "locked-elsewhere",
        text: "The lock file has the package from another source",
        level: Level::Warning,
    },
    Rule {
        id: "unclaimed",
        text: "Anybody can register the private name on the public index",
        level: Level::Warning,
    },
    Rule {
        id: "namespace",
        text: "The name lies in a reserved namespace that its owner does not hold",
        level: Level::Warning,
    },
];

impl Kind {
    pub(super) fn rule(self) -> usize {
        match self {
            Self::Confusion => 0,
            Self::OtherBytes => 1,
            Self::LockedBytes => 2,
            Self::LockedElsewhere => 3,
            Self::Unclaimed => 4,
            Self::Namespace => 5,
        }
    }

    /// What it is called.
    pub fn id(self) -> &'static str {
        RULES[self.rule()].id
    }
}

/// What is wrong with a dependency; `tool` is the one whose project it is.
pub fn judge(subject: &Subject, said: &[Said], tool: Tool) -> Vec<Finding> {
    let picks = Picks::of(subject, said);
    let own = match tool {
        Tool::Pip => &picks.pip,
        Tool::Poetry => &picks.poetry,
        Tool::Uv => &picks.uv,
    };
    let judged = Judged {
        subject,
        said,
        tool,
        served_by: served_by(own.as_ref(), said),
        picks: &picks,
    };
    let mut found = Vec::new();
    judged.confusion(&mut found);
    judged.other_bytes(&mut found);
    judged.lock(&mut found);
    judged.unclaimed(&mut found);
    judged.namespace(&mut found);
    found
}

/// Which source serves it: that of the pick, else the first that has it at all.
fn served_by<'a>(own: Option<&Pick>, said: &'a [Said]) -> Option<&'a Said> {
    let named = own.and_then(|pick| said.iter().find(|one| one.source.label() == pick.source));
    named.or_else(|| said.iter().find(|one| one.project().is_some()))
}

struct Judged<'a> {
    subject: &'a Subject,
    said: &'a [Said],
    tool: Tool,
    served_by: Option<&'a Said>,
    picks: &'a Picks,
}

impl Judged<'_> {
    fn others(&self) -> impl Iterator<Item = &Said> {
        let own = self.served_by.map(|own| own.source.label().to_owned());
        self.said.iter().filter(move |one| {
            one.project().is_some() && Some(one.source.label()) != own.as_deref()
        })
    }

    fn confusion(&self, found: &mut Vec<Finding>) {
        let Some(own) = self.served_by else { return };
        let Some(project) = own.project() else { return };
        let others: Vec<&Said> = self
            .others()
            .filter(|one| {
                one.project()
                    .is_some_and(|other| same(project, other) != Same::Yes)
            })
            .collect();
        // A pin ties the name to its source, whatever the others have.
        if others.is_empty() || self.subject.pin.is_some() {
            return;
        }
        let names: Vec<&str> = others.iter().map(|one| one.source.label()).collect();
        let is_other = |pick: &Option<Pick>| {
            pick.as_ref()
                .is_some_and(|pick| names.contains(&pick.source.as_str()))
        };
        let private = std::iter::once(own).chain(others.iter().copied());
        let private: Vec<&Said> = private.filter(|one| !is_public(&one.source)).collect();
        // A private name that the project's own tool takes from a public index, or would as soon as
        // somebody publishes a higher version there.
        let taken = is_public(&own.source) && !private.is_empty();
        let pooled = self.tool != Tool::Uv && others.iter().any(|one| is_public(&one.source));
        let level = if taken || pooled {
            Level::Error
        } else {
            Level::Warning
        };
        let mut text = format!(
            "{} comes from {}; {} {} another project of this name",
            self.subject.name,
            own.source.label(),
            names.join(" and "),
            if names.len() == 1 { "has" } else { "have" }
        );
        for (tool, pick) in [
            ("pip", &self.picks.pip),
            ("Poetry", &self.picks.poetry),
            ("uv", &self.picks.uv),
        ] {
            if let Some(pick) = pick.as_ref().filter(|_| is_other(pick)) {
                text.extend([
                    "; ",
                    tool,
                    " would take ",
                    &pick.version,
                    " from ",
                    &pick.source,
                ]);
            }
        }
        // Of a private and a public source, the private one is meant.
        let target = match private.as_slice() {
            [one] => one,
            _ => own,
        };
        found.push(self.finding(Kind::Confusion, level, text, &names, Some(target)));
    }

    fn other_bytes(&self, found: &mut Vec<Finding>) {
        let Some(own) = self.served_by else { return };
        let Some(project) = own.project() else { return };
        for one in self.others() {
            let Some(other) = one.project() else { continue };
            if let Some(file) = differing(project, other) {
                let text = format!(
                    "{} and {} have {file} with different bytes: one of them is not what it seems",
                    own.source.label(),
                    one.source.label()
                );
                let names = [one.source.label()];
                found.push(self.finding(Kind::OtherBytes, Level::Error, text, &names, Some(own)));
            }
        }
    }

    fn lock(&self, found: &mut Vec<Finding>) {
        let Some(own) = self.served_by else { return };
        for locked in &self.subject.locked {
            let from = match &locked.origin {
                Origin::Direct => continue,
                Origin::Unsaid => None,
                Origin::Index { url, source } => Some((url, source)),
            };
            let is_from = |one: &&Said| {
                from.is_some_and(|(url, _)| {
                    bare(url.as_str()) == bare(one.source.canonical.as_str())
                })
            };
            let from_said = self.said.iter().find(is_from);
            // The same bytes are the same package, wherever they lie now.
            let is_moved = own
                .project()
                .zip(locked.version.as_ref())
                .is_some_and(|(project, version)| has_same_bytes(locked, version, project));
            if let Some((url, name)) = from
                && !is_from(&own)
                && !is_moved
            {
                let place = name.as_deref().unwrap_or(url.as_str());
                let level = if from_said.is_none() || is_public(&own.source) {
                    Level::Error
                } else {
                    Level::Warning
                };
                let mut text = format!(
                    "the lock file has {} from {place}, and it would now come from {}",
                    self.subject.name,
                    own.source.label()
                );
                if from_said.is_none() {
                    text.push_str("; the project does not name that source");
                }
                let names: Vec<&str> = from_said.iter().map(|one| one.source.label()).collect();
                let target = from_said.unwrap_or(own);
                found.push(self.finding(Kind::LockedElsewhere, level, text, &names, Some(target)));
            }
            let holder = from_said.unwrap_or(own);
            if let Some(project) = holder.project()
                && let Some(version) = &locked.version
                && has_other_bytes(locked, version, project)
            {
                let text = format!(
                    "{} has other files of {} {version} than the lock file",
                    holder.source.label(),
                    self.subject.name
                );
                found.push(self.finding(Kind::LockedBytes, Level::Error, text, &[], Some(holder)));
            }
        }
    }

    fn unclaimed(&self, found: &mut Vec<Finding>) {
        let Some(own) = self.served_by.filter(|own| !is_public(&own.source)) else {
            return;
        };
        if self.subject.pin.is_some() {
            return;
        }
        let free = self
            .said
            .iter()
            .find(|one| is_public(&one.source) && matches!(one.answer, Answer::Absent));
        if let Some(free) = free {
            let text = format!(
                "{} comes from {}, and nobody has the name on {}: anybody can register it there",
                self.subject.name,
                own.source.label(),
                free.source.label()
            );
            found.push(self.finding(Kind::Unclaimed, Level::Warning, text, &[], Some(own)));
        }
    }

    fn namespace(&self, found: &mut Vec<Finding>) {
        let Some(own) = self.served_by else { return };
        let Some(project) = own.project() else { return };
        let foreign = project.namespaces.iter().find(|(_, held)| !held);
        // Of several namespaces over a name it is enough that its owner holds one.
        if let Some((namespace, _)) = foreign
            && !project.namespaces.iter().any(|(_, held)| *held)
        {
            let text = format!(
                "{} on {} lies in the namespace {namespace}, which somebody else holds",
                self.subject.name,
                own.source.label()
            );
            found.push(self.finding(Kind::Namespace, Level::Warning, text, &[], None));
        }
    }

    fn finding(
        &self,
        kind: Kind,
        severity: Level,
        message: String,
        also_in: &[&str],
        target: Option<&Said>,
    ) -> Finding {
        Finding {
            kind,
            severity,
            project: self.subject.name.to_string(),
            served_by: self.served_by.map(|own| own.source.label().to_owned()),
            also_in: also_in.iter().map(|&name| name.to_owned()).collect(),
            picks: self.picks.clone(),
            fix: lines(kind, self.subject, target, self.tool),
            message,
            path: self.subject.path.clone(),
            line: self.subject.line,
        }
    }
}

/// A URL without its last slash: files and servers write it either way.
fn bare(url: &str) -> &str {
    url.trim_end_matches('/')
}
