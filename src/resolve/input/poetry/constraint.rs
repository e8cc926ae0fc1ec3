//! Poetry's language of versions: caret, tilde, wildcard, `||` (poetry-core,
//! `constraints/version/parser.py`), said in that of PEP 440.

use std::collections::Bound;
use std::str::FromStr;

use pep440_rs::{Operator, Prerelease, Version, VersionSpecifier, VersionSpecifiers};
use version_ranges::Ranges;

/// More alternatives than anybody writes; `||` within `,` multiplies them.
const ALTERNATIVES: usize = 256;

/// The largest number of a version: the one behind it is asked for, and ranges count on from there.
const LARGEST: u64 = u32::MAX as u64;

/// What versions are allowed: those that one of the alternatives allows, in all of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Constraint {
    alternatives: Vec<Vec<Part>>,
}

/// One part of a constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Every version.
    Any,
    /// From a version to another one, each with whether it is meant too.
    Range(Option<(Version, bool)>, Option<(Version, bool)>),
    /// All that begins so; `1.2.*`.
    Prefix(Version),
    /// One version.
    Exactly(Version),
    /// Any other one.
    Not(Version),
    /// All that does not begin so; `!=1.2.*`.
    NotPrefix(Version),
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// What is wrong, without the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let mut alternatives = Vec::new();
        for one in text.replace("||", "|").split('|') {
            // A comma behind the last part is let pass, as Poetry does.
            let one = one.trim().trim_end_matches(',').trim();
            let mut all = vec![Vec::new()];
            for token in tokens(one)? {
                let choices = choices(token)?;
                all = all
                    .iter()
                    .flat_map(|so_far: &Vec<Part>| {
                        choices.iter().map(|choice| {
                            let mut longer = so_far.clone();
                            longer.extend(choice.iter().cloned());
                            longer
                        })
                    })
                    .collect();
                if all.len() > ALTERNATIVES {
                    return Err("it has too many alternatives".to_owned());
                }
            }
            alternatives.extend(all);
        }
        if alternatives.len() > ALTERNATIVES {
            return Err("it has too many alternatives".to_owned());
        }
        let any = |parts: &Vec<Part>| parts.iter().all(|part| *part == Part::Any);
        if alternatives.iter().any(any) {
            alternatives = vec![vec![Part::Any]];
        }
        Ok(Self { alternatives })
    }

    /// The parts, alternative by alternative.
    pub(super) fn parts(&self) -> &[Vec<Part>] {
        &self.alternatives
    }

    /// The alternatives in PEP 440's language; never none, and one that is empty allows everything.
    ///
    /// # Errors
    /// Where PEP 440 has no words for it.
    pub(super) fn specifiers(&self) -> Result<Vec<VersionSpecifiers>, String> {
        let mut all = Vec::new();
        for parts in &self.alternatives {
            let mut specifiers = Vec::new();
            for part in parts {
                part.specifiers(&mut specifiers)?;
            }
            all.push(specifiers.into_iter().collect::<VersionSpecifiers>());
        }
        Ok(all)
    }
}

/// The bounds that hold all the alternatives, for those who look at one list of specifiers only.
pub(super) fn hull(alternatives: &[VersionSpecifiers]) -> VersionSpecifiers {
    if let [one] = alternatives {
        return one.clone();
    }
    let mut all = Ranges::empty();
    for one in alternatives {
        all = all.union(&Ranges::from(one.clone()));
    }
    // The bounds of these ranges are versions that nobody writes: `<2` ends before all of 2.
    let written = |version: &Version| match (version.min(), version.max()) {
        (None, None) => version.clone(),
        (Some(_), _) => version.clone().with_min(None),
        (None, Some(_)) => version.clone().with_max(None),
    };
    let mut found = Vec::new();
    if let Some((low, high)) = all.bounding_range() {
        let one = |operator, version| VersionSpecifier::from_version(operator, version).ok();
        found.extend(match low {
            Bound::Included(low) => one(Operator::GreaterThanEqual, written(low)),
            // Left out by `!=1` is 1 alone, by `>1` also what comes after it.
            Bound::Excluded(low) if low.max().is_none() => {
                one(Operator::GreaterThanEqual, low.clone())
            }
            Bound::Excluded(low) => one(Operator::GreaterThan, written(low)),
            Bound::Unbounded => None,
        });
        found.extend(match high {
            Bound::Included(high) => one(Operator::LessThanEqual, written(high)),
            Bound::Excluded(high) if high.min().is_none() && !high.any_prerelease() => {
                one(Operator::LessThanEqual, high.clone())
            }
            Bound::Excluded(high) => one(Operator::LessThan, written(high)),
            Bound::Unbounded => None,
        });
    }
    found.into_iter().collect()
}

/// The parts that are joined by commas or spaces. A space behind an operator belongs to its part.
fn tokens(text: &str) -> Result<Vec<&str>, String> {
    let mut found = Vec::new();
    let (mut start, mut last) = (0, ' ');
    let mut at = 0;
    while let Some(char) = text[at..].chars().next() {
        if char != ',' && char != ' ' {
            last = char;
            at += char.len_utf8();
            continue;
        }
        let run = text[at..]
            .find(|char| char != ',' && char != ' ')
            .unwrap_or(text.len() - at);
        let commas = text[at..at + run].matches(',').count();
        if commas == 0 && "^~=<>!".contains(last) {
            at += run;
            continue;
        }
        if commas > 1 || at == start {
            return Err("there is a comma too many".to_owned());
        }
        found.push(&text[start..at]);
        at += run;
        start = at;
    }
    found.push(&text[start..]);
    Ok(found)
}

/// What one part means: alternatives of parts that hold together.
fn choices(token: &str) -> Result<Vec<Vec<Part>>, String> {
    if is_any(token) {
        return Ok(vec![vec![Part::Any]]);
    }
    let (operator, rest) = split_operator(token);
    let rest = rest.trim_start();
    let mut stem = rest;
    while let Some(shorter) = stem.strip_suffix(".*") {
        stem = shorter;
    }
    let wild = stem.len() < rest.len();
    let version = match stem {
        "dev" => Version::new([0, 0]).with_dev(Some(0)),
        _ => version(stem)?,
    };
    let from = |version: &Version| Some((version.clone(), true));
    let up_to = |version: Version| Some((version, false));
    let part = match (operator, wild) {
        ("^" | "~" | "~=", true) => return Err("a `.*` needs no such operator".to_owned()),
        ("^", _) => Part::Range(from(&version), up_to(next_breaking(&version))),
        ("~", _) => {
            let stable = stable(&version);
            let index = usize::from(stable.release().len() > 1);
            Part::Range(from(&version), up_to(bump(&stable, index)))
        }
        ("~=", _) => {
            let stable = stable(&version);
            let index = stable.release().len().saturating_sub(2);
            Part::Range(from(&version), up_to(bump(&stable, index)))
        }
        // Poetry lets a wildcard pass behind an ordering, and takes no notice of it.
        (">=", _) => Part::Range(from(&version), None),
        (">", _) => Part::Range(Some((version, false)), None),
        ("<=", _) => Part::Range(None, Some((version, true))),
        ("<", _) => Part::Range(None, up_to(version)),
        ("" | "=" | "==", false) => Part::Exactly(version),
        ("" | "=" | "==", true) if is_release(&version) => Part::Prefix(version),
        ("" | "=" | "==", true) => {
            let (low, high) = prefix_bounds(&version);
            Part::Range(Some((low, true)), up_to(high))
        }
        ("!=" | "<>", false) => Part::Not(version),
        ("!=" | "<>", true) if is_release(&version) => Part::NotPrefix(version),
        ("!=" | "<>", true) => {
            let (low, high) = prefix_bounds(&version);
            return Ok(vec![
                vec![Part::Range(None, up_to(low))],
                vec![Part::Range(Some((high, true)), None)],
            ]);
        }
        _ => return Err("it has an operator that nobody knows".to_owned()),
    };
    Ok(vec![vec![part]])
}

fn is_any(token: &str) -> bool {
    let token = token.strip_prefix(['v', 'V']).unwrap_or(token);
    let star = |part: &str| matches!(part, "*" | "x" | "X");
    !token.is_empty() && token.split('.').all(star)
}

fn split_operator(token: &str) -> (&str, &str) {
    let end = token
        .find(|char| !"^~=<>!".contains(char))
        .unwrap_or(token.len());
    token.split_at(end)
}

fn version(text: &str) -> Result<Version, String> {
    let plain = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let read = Version::from_str(plain)
        .map_err(|_| "there is no version behind its operator".to_owned())?;
    let ends = [
        read.pre().map(|pre| pre.number),
        read.post(),
        read.dev(),
        Some(read.epoch()),
    ];
    let numbers = read.release().iter().copied();
    if numbers
        .chain(ends.into_iter().flatten())
        .any(|number| number > LARGEST)
    {
        return Err("its version has a number that is too large".to_owned());
    }
    Ok(read)
}

fn is_release(version: &Version) -> bool {
    version.pre().is_none() && version.post().is_none() && version.dev().is_none()
}

/// Without what makes it a pre-release (`Version.stable` of poetry-core).
fn stable(version: &Version) -> Version {
    if version.pre().is_none() && version.dev().is_none() {
        return version.clone();
    }
    let plain = version.only_release().with_epoch(version.epoch());
    match version.pre() {
        None => plain.with_post(version.post()),
        Some(_) => plain,
    }
}

/// The release with one more at that place and noughts behind it.
fn bump(version: &Version, index: usize) -> Version {
    let mut release = version.release().to_vec();
    if release.len() <= index {
        release.resize(index + 1, 0);
    }
    for (at, number) in release.iter_mut().enumerate() {
        match at.cmp(&index) {
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Equal => *number = number.saturating_add(1),
            std::cmp::Ordering::Greater => *number = 0,
        }
    }
    Version::new(release).with_epoch(version.epoch())
}

/// The release behind all that begins with this one.
pub(super) fn release_after(version: &Version) -> Version {
    bump(version, version.release().len().saturating_sub(1))
}

/// The first version that breaks what this one promises: the first number that is not nought.
fn next_breaking(version: &Version) -> Version {
    let stable = stable(version);
    let release = stable.release();
    let index = match release {
        [0, 0, _, ..] => 2,
        [0, _, ..] if release.get(1) != Some(&0) || release.len() == 2 => 1,
        _ => 0,
    };
    bump(&stable, index)
}

/// From where to where `V.*` reaches.
fn prefix_bounds(version: &Version) -> (Version, Version) {
    let low = version.clone().with_dev(Some(0));
    let next = if let Some(post) = version.post() {
        let next = if version.dev().is_none() {
            post + 1
        } else {
            post
        };
        version.clone().with_dev(None).with_post(Some(next))
    } else if let Some(pre) = version.pre() {
        let number = pre.number + u64::from(version.dev().is_none());
        let pre = Prerelease { number, ..pre };
        version.clone().with_dev(None).with_pre(Some(pre))
    } else if let Some(dev) = version.dev() {
        return (low, version.clone().with_dev(Some(dev + 1)));
    } else {
        release_after(version)
    };
    (low, next.with_dev(Some(0)))
}

impl Part {
    fn specifiers(&self, found: &mut Vec<VersionSpecifier>) -> Result<(), String> {
        let mut one = |operator, version: &Version| {
            let made = VersionSpecifier::from_version(operator, version.clone());
            found.push(made.map_err(|_| {
                "a local version (`+...`) can only be asked for by `==`".to_owned()
            })?);
            Ok::<(), String>(())
        };
        match self {
            Self::Any => {}
            Self::Range(low, high) => {
                if let Some((low, with)) = low {
                    let operators = [Operator::GreaterThan, Operator::GreaterThanEqual];
                    one(operators[usize::from(*with)], low)?;
                }
                if let Some((high, with)) = high {
                    // `<1.post1` is all before its first development release; said so, no reader
                    // takes the post-release for a bound below 1 itself.
                    let dev = high.clone().with_dev(Some(0));
                    let post = !with && high.post().is_some() && high.dev().is_none();
                    let high = if post { &dev } else { high };
                    let operators = [Operator::LessThan, Operator::LessThanEqual];
                    one(operators[usize::from(*with)], high)?;
                }
            }
            Self::Prefix(version) => one(Operator::EqualStar, version)?,
            Self::Exactly(version) => one(Operator::Equal, version)?,
            Self::Not(version) => one(Operator::NotEqual, version)?,
            Self::NotPrefix(version) => one(Operator::NotEqualStar, version)?,
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "constraint_tests.rs"]
mod tests;
