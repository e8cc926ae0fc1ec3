//! Which versions a specifier allows, as `packaging` (26.4) has it.
//!
//! `VersionSpecifier::contains` of `pep440_rs` differs: `==1.1.*` and `!=1.1.*` look at no more
//! numbers than the version has (so `1` matches), `>1a1` leaves out what follows the final release,
//! and its ranges leave local versions out of `==`, `<=` and `!=`. So nobody asks it.

use std::borrow::Cow;
use std::cmp::Ordering;

use pep440_rs::{Operator, VersionSpecifier};
use version_ranges::Ranges;

use super::{Version, VersionSpecifiers};

/// Whether a version is allowed. Without `prereleases` none is that is a pre-release.
pub fn contains(specifiers: &VersionSpecifiers, version: &Version, prereleases: bool) -> bool {
    if !prereleases && version.any_prerelease() {
        return false;
    }
    specifiers
        .iter()
        .all(|specifier| allows(specifier, version))
}

/// Whether `Requires-Python` allows an interpreter. As with pip and uv a pre-release of Python is
/// as good as its release: `3.14.0rc1` is asked as `3.14.0`.
pub fn allows_python(specifiers: &VersionSpecifiers, python: &Version) -> bool {
    let release = if python.any_prerelease() || python.is_local() || python.is_post() {
        Cow::Owned(python.only_release())
    } else {
        Cow::Borrowed(python)
    };
    contains(specifiers, &release, true)
}

/// The versions that all of these specifiers allow, pre-releases too. `===` is taken for the
/// version that it spells, since a set knows versions and not how they are written.
pub fn range(specifiers: &VersionSpecifiers) -> Ranges<Version> {
    let mut all = specifiers.iter();
    let Some(first) = all.next() else {
        return Ranges::full();
    };
    all.fold(range_of(first), |range, next| {
        range.intersection(&range_of(next))
    })
}

/// The versions that a specifier allows.
pub fn range_of(specifier: &VersionSpecifier) -> Ranges<Version> {
    let version = specifier.version();
    match specifier.operator() {
        Operator::Equal => equal(version),
        Operator::NotEqual => equal(version).complement(),
        Operator::ExactEqual => Ranges::singleton(version.clone()),
        Operator::EqualStar => starred(version),
        Operator::NotEqualStar => starred(version).complement(),
        Operator::TildeEqual => Ranges::from_range_bounds(version.clone()..compatible(version)),
        Operator::GreaterThanEqual => Ranges::higher_than(version.clone()),
        Operator::LessThanEqual => Ranges::strictly_lower_than(after(version)),
        Operator::LessThan => Ranges::strictly_lower_than(below(version).into_owned()),
        Operator::GreaterThan if version.is_dev() || version.is_post() => {
            Ranges::higher_than(after(version))
        }
        Operator::GreaterThan => Ranges::strictly_higher_than(version.clone().with_max(Some(0))),
    }
}

/// The least version above `version` and its local versions.
pub fn after(version: &Version) -> Version {
    let version = version.clone().without_local();
    if let Some(dev) = version.dev() {
        version.with_dev(Some(dev.saturating_add(1)))
    } else {
        let post = version.post().map_or(0, |post| post.saturating_add(1));
        version.with_post(Some(post)).with_dev(Some(0))
    }
}

fn allows(specifier: &VersionSpecifier, version: &Version) -> bool {
    let bound = specifier.version();
    match specifier.operator() {
        Operator::Equal => is(bound, version),
        Operator::NotEqual => !is(bound, version),
        Operator::ExactEqual => bound.to_string() == version.to_string(),
        Operator::EqualStar => starts(bound.epoch(), bound.release(), version),
        Operator::NotEqualStar => !starts(bound.epoch(), bound.release(), version),
        Operator::TildeEqual => {
            let [prefix @ .., _] = bound.release() else {
                return false;
            };
            version >= bound && starts(bound.epoch(), prefix, version)
        }
        Operator::GreaterThanEqual => version >= bound,
        Operator::LessThanEqual => public(version).as_ref() <= bound,
        Operator::LessThan => version < below(bound).as_ref(),
        Operator::GreaterThan if bound.is_dev() || bound.is_post() => *version >= after(bound),
        Operator::GreaterThan => {
            version > bound && !(same_release(version, bound) && version.pre() == bound.pre())
        }
    }
}

/// `==V`: local versions of it too, unless it is one.
fn is(bound: &Version, version: &Version) -> bool {
    if bound.is_local() {
        version == bound
    } else {
        public(version).as_ref() == bound
    }
}

fn public(version: &Version) -> Cow<'_, Version> {
    if version.is_local() {
        Cow::Owned(version.clone().without_local())
    } else {
        Cow::Borrowed(version)
    }
}

/// The upper bound of `<V`: no pre-release of `V`, unless it is one.
fn below(version: &Version) -> Cow<'_, Version> {
    if version.any_prerelease() {
        Cow::Borrowed(version)
    } else {
        Cow::Owned(version.clone().with_dev(Some(0)))
    }
}

/// Whether a version begins with these numbers, missing ones being 0.
fn starts(epoch: u64, prefix: &[u64], version: &Version) -> bool {
    let release = version.release().iter().chain(std::iter::repeat(&0));
    version.epoch() == epoch && prefix.iter().zip(release).all(|(one, other)| one == other)
}

fn same_release(one: &Version, other: &Version) -> bool {
    let (one_numbers, other_numbers) = (one.release(), other.release());
    let length = one_numbers.len().max(other_numbers.len());
    let padded = |numbers: &'_ [u64]| {
        let zeros = std::iter::repeat_n(0, length - numbers.len());
        numbers.iter().copied().chain(zeros).collect::<Vec<_>>()
    };
    one.epoch() == other.epoch()
        && padded(one_numbers).cmp(&padded(other_numbers)) == Ordering::Equal
}

fn equal(version: &Version) -> Ranges<Version> {
    if version.is_local() {
        Ranges::singleton(version.clone())
    } else {
        Ranges::from_range_bounds(version.clone()..after(version))
    }
}

/// `==P.*`.
fn starred(prefix: &Version) -> Ranges<Version> {
    let low = prefix
        .only_release()
        .with_epoch(prefix.epoch())
        .with_dev(Some(0));
    Ranges::from_range_bounds(low..next(prefix.epoch(), prefix.release()))
}

/// The upper bound of `~=V`.
fn compatible(version: &Version) -> Version {
    let release = version.release();
    next(version.epoch(), &release[..release.len().saturating_sub(1)])
}

/// The least version behind all that begin with a prefix: `1.2` gives `1.3.dev0`.
fn next(epoch: u64, prefix: &[u64]) -> Version {
    let mut release = prefix.to_vec();
    if let Some(last) = release.last_mut() {
        *last = last.saturating_add(1);
    }
    Version::new(release).with_epoch(epoch).with_dev(Some(0))
}

#[cfg(test)]
mod tests {
    use super::{VersionSpecifiers, allows_python, contains, range};
    use crate::package::Version;

    /// From the tables of PEP 440 and from where others go wrong; `tests/packaging` compares far
    /// more with `packaging` itself.
    #[test]
    fn versions_that_specifiers_allow() {
        for (specifiers, allowed, not) in [
            (
                "==1.1.*",
                "1.1 1.1.0 1.1a1 1.1.post1 1.1.dev0 1.1+local",
                "1 1.0 1.2.dev0 1.10",
            ),
            ("==1.0.*", "1 1.0 1.0.0.1", "1.1 0.9"),
            ("!=1.1.*", "1 1.0", "1.1 1.1.5"),
            ("==1!1.*", "1!1 1!1.5", "1 1.5 1!2"),
            ("==1.2", "1.2 1.2.0 1.2+local", "1.2.post0 1.2a1 1.2.dev0"),
            ("==1.2+local", "1.2+local 1.2.0+LOCAL", "1.2 1.2+other"),
            ("!=1.2", "1.2.post0", "1.2 1.2+local"),
            ("===1.2", "1.2", "1.2.0 1.2+local"),
            (
                ">1.2",
                "1.2.1 1.3.dev0",
                "1.2 1.2+local 1.2.post1 1.2.post1+local",
            ),
            (
                ">1.2a1",
                "1.2a2.dev0 1.2 1.2.post1",
                "1.2a1 1.2a1.post1 1.2a1+local",
            ),
            (
                ">1.2.dev1",
                "1.2.dev2 1.2 1.2.post1",
                "1.2.dev1 1.2.dev1+local",
            ),
            (
                ">1.2.post1",
                "1.2.post2.dev0 1.3",
                "1.2.post1 1.2.post1+local",
            ),
            ("<1.2", "1.1 1.1.post1", "1.2 1.2a1 1.2.dev0"),
            ("<1.2a2", "1.2a1 1.2.dev0 1.2a2.dev0", "1.2a2 1.2"),
            (
                "<1.2.post1",
                "1.2 1.2.post0 1.2a1",
                "1.2.post1 1.2.post1.dev0",
            ),
            ("<=1.2", "1.2 1.2+local 1.2a1", "1.2.post0.dev0"),
            (">=1.2", "1.2 1.2+local 1.2.post1", "1.2a1"),
            ("~=1.2", "1.2 1.9 1.2.post1", "2 2.dev0 1.2a1 1.1"),
            ("~=1.2.3", "1.2.3 1.2.10", "1.3 1 1.2"),
            ("~=1.2a1", "1.2a1 1.2", "1.2.dev0"),
            (">=1,!=1.5,<2", "1 1.4", "1.5 2 2a1"),
            ("", "1 1a1", ""),
            ("~=18446744073709551615.1", "18446744073709551615.1", "1"),
            ("==18446744073709551615.*", "", "18446744073709551614 1"),
        ] {
            let parsed: VersionSpecifiers = specifiers.parse().unwrap();
            for (list, expected) in [(allowed, true), (not, false)] {
                for text in list.split_ascii_whitespace() {
                    let version: Version = text.parse().unwrap();
                    let what = format!("{specifiers} {text}");
                    assert_eq!(contains(&parsed, &version, true), expected, "{what}");
                    if !specifiers.starts_with("===") && !specifiers.contains("551615") {
                        assert_eq!(range(&parsed).contains(&version), expected, "range: {what}");
                    }
                }
            }
        }
    }

    #[test]
    fn prereleases_only_where_they_are_wanted() {
        let parsed: VersionSpecifiers = ">=1".parse().unwrap();
        for text in ["2a1", "2.dev1", "2.post1.dev1"] {
            assert!(contains(&parsed, &text.parse().unwrap(), true), "{text}");
            assert!(!contains(&parsed, &text.parse().unwrap(), false), "{text}");
        }
    }

    #[test]
    fn a_prerelease_of_python_counts_as_its_release() {
        let at_least: VersionSpecifiers = ">=3.14".parse().unwrap();
        let below: VersionSpecifiers = "<3.14".parse().unwrap();
        for text in ["3.14.0", "3.14.0rc1", "3.14.0a1", "3.14.0+local"] {
            assert!(allows_python(&at_least, &text.parse().unwrap()), "{text}");
            assert!(!allows_python(&below, &text.parse().unwrap()), "{text}");
        }
    }
}
