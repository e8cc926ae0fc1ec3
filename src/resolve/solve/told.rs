//! The sentences of an explanation.

use pubgrub::{Derived, External, Map, ReportFormatter, Term};

use super::conflict::{Leaf, Scene, subject, told};
use super::ids::Package;
use super::range::{self, Range};
use super::run::Reason;

/// Says what the solver proves.
pub(super) struct Told<'a> {
    pub(super) scene: &'a Scene<'a>,
}

type Terms = Map<Package, Term<Range>>;

impl Told<'_> {
    fn object(&self, package: Package, range: &Range) -> String {
        format!("{}{}", told(self.scene, package), range::words(range))
    }

    fn leaf(&self, leaf: &Leaf) -> String {
        match leaf {
            External::NotRoot(..) => "something is asked for".to_owned(),
            External::NoVersions(package, range) => {
                let versions = package
                    .number()
                    .map(|number| self.scene.versions(number))
                    .unwrap_or_default();
                let name = told(self.scene, *package);
                let words = range::words(range);
                let object = if words.is_empty() {
                    format!("version of {name}")
                } else {
                    format!("{name}{words}")
                };
                if versions.is_empty() {
                    format!("no source has {name}")
                } else if versions.iter().any(|version| range.contains(version)) {
                    format!("no {object} can be used")
                } else {
                    format!("there is no {object}")
                }
            }
            External::Custom(package, set, reason) => {
                let (who, many) = subject(self.scene, *package, set);
                let reason = reason.to_string();
                let reason = match (many, reason.strip_prefix("needs ")) {
                    (true, Some(rest)) => format!("need {rest}"),
                    _ => reason,
                };
                format!("{who} {reason}")
            }
            External::FromDependencyOf(Package::Root, _, package, range) => {
                self.asked(*package, range)
            }
            External::FromDependencyOf(package, set, needed, range) => {
                self.needs(*package, set, *needed, range)
            }
        }
    }

    /// What the first party asks for, and where that stands.
    fn asked(&self, package: Package, range: &Range) -> String {
        let Some(number) = package.number() else {
            return "something is asked for".to_owned();
        };
        let name = self.scene.name(number);
        let environment = &self.scene.provider.run.environment;
        let mut asked: Vec<(&str, Vec<String>)> = Vec::new();
        for (need, from) in &self.scene.roots.wanted {
            if need.name != *name || need.marker(None).is_disjoint(environment) {
                continue;
            }
            let extras: Vec<String> = need.extras.iter().map(ToString::to_string).collect();
            if let Package::Extra(_, extra) = package
                && !need
                    .extras
                    .contains(self.scene.memory.ids.extras.get(extra))
            {
                continue;
            }
            let extras = if extras.is_empty() {
                String::new()
            } else {
                format!("[{}]", extras.join(","))
            };
            let what = match &need.url {
                Some(url) => format!("{name}{extras} @ {url}"),
                None => format!("{name}{extras}{}", range::words(&need.range)),
            };
            match asked.iter_mut().find(|(known, _)| known == from) {
                Some((_, all)) if all.contains(&what) => {}
                Some((_, all)) => all.push(what),
                None => asked.push((from, vec![what])),
            }
        }
        let parts: Vec<String> = asked
            .iter()
            .map(|(from, all)| format!("{from} asks for {}", list(all)))
            .collect();
        let mut text = list(&parts);
        if text.is_empty() {
            text = format!("you ask for {}", self.object(package, range));
        }
        if range.is_empty() {
            text.push_str(", which exclude each other");
        }
        text
    }

    fn needs(&self, package: Package, set: &Range, needed: Package, range: &Range) -> String {
        let (who, many) = subject(self.scene, package, set);
        let verb = if many { "need" } else { "needs" };
        if range.is_empty() {
            let name = told(self.scene, needed);
            return format!("{who} {verb} versions of {name} that exclude each other");
        }
        format!("{who} {verb} {}", self.object(needed, range))
    }

    fn terms(&self, terms: &Terms) -> String {
        let mut rest: Vec<(&Package, &Term<Range>)> = terms
            .iter()
            .filter(|(package, _)| **package != Package::Root)
            .collect();
        rest.sort_by_key(|(package, _)| told(self.scene, **package));
        match rest.as_slice() {
            [] => "not all of this can be fulfilled".to_owned(),
            [(package, Term::Positive(set))] => {
                format!("{} cannot be used", subject(self.scene, **package, set).0)
            }
            [(package, Term::Negative(range))] => {
                format!("{} is needed", self.object(**package, range))
            }
            [(one, Term::Positive(set)), (other, Term::Negative(range))]
            | [(other, Term::Negative(range)), (one, Term::Positive(set))] => {
                self.needs(**one, set, **other, range)
            }
            many => {
                let all: Vec<String> = many
                    .iter()
                    .map(|(package, term)| match term {
                        Term::Positive(set) => subject(self.scene, **package, set).0,
                        Term::Negative(range) => {
                            format!("no {}", self.object(**package, range))
                        }
                    })
                    .collect();
                format!("{} do not go together", list(&all))
            }
        }
    }
}

fn list(all: &[String]) -> String {
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

impl ReportFormatter<Package, Range, Reason> for Told<'_> {
    type Output = String;

    fn format_external(&self, external: &Leaf) -> String {
        self.leaf(external)
    }

    fn format_terms(&self, terms: &Terms) -> String {
        self.terms(terms)
    }

    fn explain_both_external(&self, one: &Leaf, two: &Leaf, terms: &Terms) -> String {
        let (one, two) = (self.leaf(one), self.leaf(two));
        let terms = self.terms(terms);
        if one == two {
            format!("{one}, so {terms}")
        } else {
            format!("{one}, and {two}, so {terms}")
        }
    }

    fn explain_both_ref(
        &self,
        first: usize,
        one: &Derived<Package, Range, Reason>,
        second: usize,
        two: &Derived<Package, Range, Reason>,
        terms: &Terms,
    ) -> String {
        format!(
            "{} ({first}), and {} ({second}), so {}",
            self.terms(&one.terms),
            self.terms(&two.terms),
            self.terms(terms)
        )
    }

    fn explain_ref_and_external(
        &self,
        number: usize,
        derived: &Derived<Package, Range, Reason>,
        external: &Leaf,
        terms: &Terms,
    ) -> String {
        format!(
            "{} ({number}), and {}, so {}",
            self.terms(&derived.terms),
            self.leaf(external),
            self.terms(terms)
        )
    }

    fn and_explain_external(&self, external: &Leaf, terms: &Terms) -> String {
        format!("and {}, so {}", self.leaf(external), self.terms(terms))
    }

    fn and_explain_ref(
        &self,
        number: usize,
        derived: &Derived<Package, Range, Reason>,
        terms: &Terms,
    ) -> String {
        format!(
            "and {} ({number}), so {}",
            self.terms(&derived.terms),
            self.terms(terms)
        )
    }

    fn and_explain_prior_and_external(
        &self,
        prior: &Leaf,
        external: &Leaf,
        terms: &Terms,
    ) -> String {
        let (one, two) = (self.leaf(prior), self.leaf(external));
        let terms = self.terms(terms);
        if one == two {
            format!("and {one}, so {terms}")
        } else {
            format!("and {one}, and {two}, so {terms}")
        }
    }
}
