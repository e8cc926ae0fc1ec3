use std::str::FromStr as _;

use super::{EACH, WHOLE, requirement, specifiers};
use crate::package::{Requirement, VersionSpecifiers};

#[test]
fn what_older_tools_let_through() {
    for (text, meant, name) in [
        ("(>=1,<2)", ">=1,<2", "brackets around it"),
        (">='3.6'", ">=3.6", "quotation marks"),
        ("Python >=3.6", ">=3.6", "the word python in front"),
        (">=2.7 !=3.0.*", ">=2.7,!=3.0.*", "missing commas"),
        (">=3.6<4", ">=3.6,<4", "missing commas"),
        (">=3.6;<4", ">=3.6,<4", "missing commas"),
        (">= 3.6 < 4", ">=3.6,<4", "missing commas"),
        (">=3.6,,<4", ">=3.6,<4", "commas too many"),
        ("=>3.6", ">=3.6", "an operator that is none"),
        ("=3.6", "==3.6", "an operator that is none"),
        (">=3.6.", ">=3.6", "a dot at the end"),
        ("!=3.0*", "!=3.0.*", "a star without its dot"),
        ("==3.*.*", "==3.*", "stars too many"),
        (">=3.6.*", ">=3.6", "an order of a series"),
        (">3.6.*", ">=3.7", "an order of a series"),
        ("<=3.6.*", "<3.7", "an order of a series"),
        ("<4.*", "<4", "an order of a series"),
        ("~=3.6.*", "==3.6.*", "an order of a series"),
        ("~=3", ">=3", "a compatible release of one number"),
        ("*", "", "a star for anything"),
    ] {
        let found = specifiers(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            found.value,
            VersionSpecifiers::from_str(meant).unwrap(),
            "{text}"
        );
        assert!(found.repairs.contains(&name), "{text}: {:?}", found.repairs);
    }
    // Each repair is needed by one of the above.
    assert_eq!(WHOLE.len() + EACH.len(), 12);
}

#[test]
fn several_at_once() {
    for (text, meant) in [
        (">=2.7,!=3.0*,!=3.1*", ">=2.7,!=3.0.*,!=3.1.*"),
        ("(>=2.7,!=3.0.*,<3.8.*)", ">=2.7,!=3.0.*,<3.8"),
        (">=3.6*", ">=3.6"),
        ("'>=3.6.*' ,", ">=3.6"),
        (">=3.6.*,", ">=3.6"),
    ] {
        let found = specifiers(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            found.value,
            VersionSpecifiers::from_str(meant).unwrap(),
            "{text}"
        );
    }
}

#[test]
fn what_is_sound_is_not_touched() {
    for text in [
        "",
        ">=3.6",
        ">=3.6,<4",
        "==1.*",
        "~=1.2",
        "=== 1.0",
        " >= 3.6 , != 3.7.* ",
    ] {
        let found = specifiers(text).unwrap_or_else(|| panic!("{text}"));
        assert!(found.repairs.is_empty(), "{text}: {:?}", found.repairs);
    }
}

#[test]
fn what_nobody_can_tell() {
    for text in [
        "3.6",
        "^3.6",
        ">=",
        ">=three",
        "~=",
        "><3",
        "a",
        ">=3.6 and <4",
        "=*",
        "(",
        "!",
    ] {
        assert_eq!(specifiers(text), None, "{text}");
    }
    assert_eq!(specifiers(&">".repeat(20_000)), None);
}

#[test]
fn requirements() {
    for (text, meant) in [
        ("a (>=1.*)", "a>=1"),
        ("a>=1.0<2.0", "a>=1.0,<2.0"),
        (
            "a[x] >=1 !=1.1*; python_version < '3'",
            "a[x]>=1,!=1.1.*; python_version < '3'",
        ),
        ("a>=1,", "a>=1"),
        ("a ;", "a"),
        ("a>=1.* # why", "a>=1"),
        ("a (=>1) ; extra == 'x'", "a>=1 ; extra == 'x'"),
        ("a==1.0;<2", "a==1.0,<2"),
    ] {
        let found = requirement(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(found.value, Requirement::from_str(meant).unwrap(), "{text}");
        assert!(!found.repairs.is_empty(), "{text}");
    }
    let sound = requirement("a[b,c]>=1; extra == 'x'").unwrap();
    assert!(sound.repairs.is_empty());
    for text in [
        "", "a b", "-a>=1", "a @", "a>=1 @ x", "a[x>=1", "a>=x", "a; b",
    ] {
        assert_eq!(requirement(text), None, "{text}");
    }
}
