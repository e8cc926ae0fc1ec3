//! What was left out of a resolution that failed, why, and what to try.

use std::collections::{BTreeMap, BTreeSet};

use pubgrub::External;

use super::conflict::{Leaf, Scene};
use super::range::Range;
use super::rules::{Hidden, Pre};
use super::run::Reason;
use crate::package::Version;

/// More versions than a person reads in one line.
const VERSIONS: usize = 4;

/// What to try, each thing once.
#[derive(Default)]
pub(super) struct Hints {
    lines: BTreeSet<String>,
}

impl Hints {
    /// The versions of a range that were left out, a line for each reason.
    pub(super) fn hidden(&mut self, scene: &Scene<'_>, number: u32, range: &Range) -> Vec<String> {
        let name = scene.name(number);
        let rules = &scene.provider.store.rules;
        let mut by_reason = BTreeMap::<String, (Vec<&Version>, Option<Hidden>)>::new();
        let tiers = scene.tiers(number);
        if tiers.iter().all(|tier| tier.entries.is_empty()) {
            self.add(format!(
                "check the name {name} and which sources are asked for it: helper index explain {name}"
            ));
        }
        let mut doubts = Vec::new();
        for tier in &tiers {
            for listing in tier.listings.iter() {
                let told = listing.project.doubts.iter().take(VERSIONS);
                doubts.extend(
                    told.map(|doubt| format!("{name}: left out: {doubt} ({})", listing.source)),
                );
            }
            for entry in &tier.entries {
                let version = &entry.version;
                if !range.contains(version) {
                    continue;
                }
                let mut hidden = None;
                let reason = match tier.usable(name, rules, entry) {
                    Err(reason) => {
                        let words = reason.to_string();
                        hidden = Some(reason);
                        words
                    }
                    Ok((_, pick)) => {
                        let floor = scene.provider.run.floor.as_ref();
                        match (&pick.least, floor) {
                            _ if version.any_prerelease() && rules.pre(name) == Pre::Never => {
                                self.add("allow pre-releases: --prerelease allow".to_owned());
                                "a pre-release".to_owned()
                            }
                            (Some(least), Some(floor)) if least > floor => {
                                self.python(&format!(">={least}"));
                                format!("needs Python >={least}")
                            }
                            _ => continue,
                        }
                    }
                };
                let (versions, why) = by_reason.entry(reason).or_default();
                versions.push(version);
                *why = hidden;
            }
        }
        for (versions, reason) in by_reason.values() {
            // One hint for all of a kind: there may be thousands.
            if let (Some(reason), Some(version)) = (reason, versions.iter().max()) {
                self.about(name.as_ref(), version, reason);
            }
        }
        by_reason
            .into_iter()
            .map(|(reason, (versions, _))| {
                let which = match versions.as_slice() {
                    [first, .., last] if versions.len() > VERSIONS => {
                        format!("{} versions from {first} to {last}", versions.len())
                    }
                    few => few
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", "),
                };
                format!("{name}: left out: {which} ({reason})")
            })
            .chain(doubts)
            .collect()
    }

    fn about(&mut self, name: &str, version: &Version, reason: &Hidden) {
        match reason {
            Hidden::Kind => self.add(format!(
                "{name} {version} has only files of a kind that an option rules out"
            )),
            Hidden::Cutoff => self.add("take a later --exclude-newer".to_owned()),
            Hidden::Tags => self.add(format!(
                "{name} {version} has no wheel for this platform and Python: try another \
                 --python-platform or --python-version"
            )),
            Hidden::Python(needed) => self.python(needed),
            Hidden::Untold | Hidden::Digest => self.add(format!(
                "compare the digests of {name} {version} with those of its source: \
                 helper index files {name}=={version}"
            )),
            Hidden::Yanked(_) => self.add(format!(
                "{name} {version} was yanked: to take it all the same ask for {name}=={version}"
            )),
        }
    }

    fn python(&mut self, needed: &str) {
        self.add(format!(
            "resolve for a Python that is {needed}: --python-version, or requires-python"
        ));
    }

    /// What the metadata of a version were in the way.
    pub(super) fn metadata(&mut self, leaf: &Leaf) {
        if let External::Custom(_, _, reason) = leaf {
            match reason {
                Reason::Python(needed) => self.python(needed),
                Reason::Urls(name, ..) => self.add(format!("give one URL for {name}")),
                Reason::Metadata(_, Some(hint)) => self.add(hint.clone()),
                Reason::Metadata(_, None) | Reason::Itself(_) => {}
            }
        }
    }

    fn add(&mut self, line: String) {
        self.lines.insert(line);
    }

    /// The hints.
    pub(super) fn lines(self) -> Vec<String> {
        self.lines.into_iter().collect()
    }
}
