//! Sets of versions, in words.
//!
//! A set is a list of intervals, so local versions have to lie inside: `==1.2` is everything from
//! `1.2` up to the least version that is neither `1.2` nor a local version of it, `1.2.post0.dev0`.

use std::fmt::Write as _;
use std::ops::Bound;

use version_ranges::Ranges;

use crate::package::Version;
use crate::package::order::after;
pub(super) use crate::package::order::range as of;

/// A set of versions.
pub(super) type Range = Ranges<Version>;

/// The version, where the set is what `==V` or `===V` allows.
pub(super) fn exact(range: &Range) -> Option<&Version> {
    let (lower, upper) = range.bounding_range()?;
    if range.iter().count() != 1 {
        return None;
    }
    match (lower, upper) {
        (Bound::Included(low), Bound::Included(high)) if low == high => Some(low),
        (Bound::Included(low), Bound::Excluded(high)) if *high == after(low) => Some(low),
        _ => None,
    }
}

/// The set as specifiers; nothing for all versions.
pub(super) fn words(range: &Range) -> String {
    let segments: Vec<_> = range.iter().collect();
    if segments.is_empty() {
        return " (no version)".to_owned();
    }
    // A set with a hole of one version.
    if let [(low, Bound::Excluded(hole)), (Bound::Included(end), high)] = segments.as_slice()
        && *end == after(hole)
    {
        let mut text = segment(low, high);
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}!={hole}");
        return text;
    }
    segments
        .iter()
        .map(|(low, high)| segment(low, high))
        .collect::<Vec<_>>()
        .join(" or ")
}

fn segment(low: &Bound<Version>, high: &Bound<Version>) -> String {
    match (low, high) {
        (Bound::Included(low), Bound::Included(high)) if low == high => return format!("=={low}"),
        (Bound::Included(low), Bound::Excluded(high)) if *high == after(low) => {
            return format!("=={low}");
        }
        (Bound::Included(low), Bound::Excluded(high)) => {
            if let Some(prefix) = star(low, high) {
                return format!("=={prefix}.*");
            }
        }
        _ => {}
    }
    let mut text = String::new();
    match low {
        Bound::Included(low) => text.push_str(&above(low)),
        Bound::Excluded(low) => {
            let _ = write!(text, ">{}", low.clone().with_max(None));
        }
        Bound::Unbounded => {}
    }
    let comma = if text.is_empty() { "" } else { "," };
    match high {
        Bound::Included(high) => {
            let _ = write!(text, "{comma}<={high}");
        }
        Bound::Excluded(high) => {
            let _ = write!(text, "{comma}{}", below(high));
        }
        Bound::Unbounded => {}
    }
    text
}

/// The lower bound likewise.
fn above(low: &Version) -> String {
    match (low.post(), low.dev()) {
        (Some(0), Some(0)) => format!(">{}", low.clone().with_post(None).with_dev(None)),
        (Some(post), Some(0)) => {
            format!(">{}", low.clone().with_post(Some(post - 1)).with_dev(None))
        }
        _ => format!(">={low}"),
    }
}

/// The upper bound as a person would write it: the reverse of what the operators make.
fn below(high: &Version) -> String {
    match (high.pre(), high.post(), high.dev()) {
        (_, Some(0), Some(0)) => format!("<={}", high.clone().with_post(None).with_dev(None)),
        (_, Some(post), Some(0)) => {
            format!(
                "<={}",
                high.clone().with_post(Some(post - 1)).with_dev(None)
            )
        }
        (None, None, Some(0)) => format!("<{}", high.clone().with_dev(None)),
        _ => format!("<{}", high.clone().with_max(None).with_min(None)),
    }
}

/// `==P.*` as its bounds: `P.dev0` and the next prefix's `dev0`.
fn star(low: &Version, high: &Version) -> Option<Version> {
    if low.dev() != Some(0) || high.dev() != Some(0) || low.pre().is_some() || low.post().is_some()
    {
        return None;
    }
    let prefix = low.clone().with_dev(None);
    let mut release = prefix.release().to_vec();
    *release.last_mut()? += 1;
    (prefix.clone().with_release(release).with_dev(Some(0)) == *high).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::{Range, exact, of, words};
    use crate::package::{Version, VersionSpecifiers};
    use std::str::FromStr;

    fn range(text: &str) -> Range {
        of(&VersionSpecifiers::from_str(text).unwrap())
    }

    #[test]
    fn sets_hold_what_specifiers_allow() {
        for (specifiers, inside, outside) in [
            ("==1.2.3", "1.2.3 1.2.3+foo", "1.2.3.post1 1.2.3a1 1.2.3.1"),
            ("==1.2.3+foo", "1.2.3+foo", "1.2.3 1.2.3+bar"),
            ("!=1.2.3", "1.2.2 1.2.3.post1", "1.2.3 1.2.3+foo"),
            ("<=1.2.3", "1.2.3 1.2.3+foo 1.2.3a1", "1.2.3.post1"),
            (
                "<1.2.3",
                "1.2.2 1.2.2+a",
                "1.2.3a1 1.2.3.dev1 1.2.3 1.2.3+foo",
            ),
            (
                "<1.2.3.post1",
                "1.2.3a1 1.2.3 1.2.3.post0",
                "1.2.3.post1.dev0",
            ),
            ("<1.2.3b1", "1.2.3a1 1.2.3b1.dev1", "1.2.3b1"),
            (">1.2.3", "1.2.4 1.2.4.dev1", "1.2.3 1.2.3.post1 1.2.3+foo"),
            (">1.2.3.post1", "1.2.3.post2", "1.2.3.post1 1.2.3.post1+foo"),
            (">=1.2.3", "1.2.3 1.2.3.post1 1.2.3+foo", "1.2.3a1"),
            ("~=1.2.3", "1.2.3 1.2.9", "1.3 1.3.dev0"),
            ("==1.2.*", "1.2 1.2.9 1.2.dev1 1.2a1", "1.3.dev0 1.1"),
            ("!=1.2.*", "1.3 1.1", "1.2 1.2.5"),
            ("===1.2", "1.2", "1.2+foo"),
        ] {
            let range = range(specifiers);
            for version in inside.split(' ') {
                let version = Version::from_str(version).unwrap();
                assert!(range.contains(&version), "{specifiers} has {version}");
            }
            for version in outside.split(' ') {
                let version = Version::from_str(version).unwrap();
                assert!(!range.contains(&version), "{specifiers} has no {version}");
            }
        }
    }

    #[test]
    fn sets_are_written_as_they_were() {
        for text in [
            "==1.2.3",
            "!=1.2.3",
            "<=1.2.3",
            "<1.2.3",
            ">1.2.3",
            ">=1.2.3,<2",
            "==1.2.*",
            ">=1,!=1.5",
            "<=1.2.post3",
            "==1.0+foo",
            ">1.2.3,<=4",
            ">1.2.post3",
        ] {
            assert_eq!(words(&range(text)), text);
        }
        assert_eq!(words(&range("<1").union(&range(">=2"))), "<1 or >=2");
    }

    #[test]
    fn exact_sets_are_known() {
        assert!(exact(&range("==1.2")).is_some());
        assert!(exact(&range("===1.2")).is_some());
        assert!(exact(&range(">=1.2,<=1.2")).is_some());
        assert!(exact(&range(">=1.2")).is_none());
        assert!(exact(&range("==1.*")).is_none());
    }
}
