use proptest::prelude::*;

use super::{Constraint, hull};

fn said(text: &str) -> String {
    match Constraint::parse(text).and_then(|read| read.specifiers()) {
        Ok(all) => {
            let all: Vec<String> = all
                .iter()
                .map(|one| one.to_string().replace(' ', ""))
                .collect();
            all.join(" || ")
        }
        Err(error) => format!("error: {error}"),
    }
}

#[test]
fn the_language_of_poetry() {
    for (text, expected) in [
        ("*", ""),
        ("1.2.3", "==1.2.3"),
        ("=1.2", "==1.2"),
        ("v1.2", "==1.2"),
        ("^1.2.3", ">=1.2.3,<2.0.0"),
        ("^1.2", ">=1.2,<2.0"),
        ("^1", ">=1,<2"),
        ("^0.2.3", ">=0.2.3,<0.3.0"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0.0", ">=0.0,<0.1"),
        ("^0", ">=0,<1"),
        ("^1.0a1", ">=1.0a1,<2.0"),
        ("^1!2.3", ">=1!2.3,<1!3.0"),
        ("~1.2.3", ">=1.2.3,<1.3.0"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2.3", ">=1.2.3,<1.3.0"),
        ("~=1.2", ">=1.2,<2.0"),
        ("~= 1", ">=1,<2"),
        ("1.*", "==1.*"),
        ("==1.2.*", "==1.2.*"),
        ("!=1.2.*", "!=1.2.*"),
        ("1.*.*", "==1.*"),
        (">=1.2.*", ">=1.2"),
        (">=1,<2", ">=1,<2"),
        (">= 1 , < 2", ">=1,<2"),
        (">=1 <2", ">=1,<2"),
        (">=1,<2,", ">=1,<2"),
        ("^1 || ^3", ">=1,<2 || >=3,<4"),
        ("^1|^3", ">=1,<2 || >=3,<4"),
        ("^1 || *", ""),
        (">=1,!=1.5 || 0.3", ">=1,!=1.5 || ==0.3"),
        ("x", ""),
        ("dev", "==0.0.dev0"),
        ("1.0a1.*", ">=1.0a1.dev0,<1.0a2.dev0"),
        ("!=1.0a1.*", "<1.0a1.dev0 || >=1.0a2.dev0"),
        ("", "error: there is no version behind its operator"),
        ("^1.*", "error: a `.*` needs no such operator"),
        ("1,,2", "error: there is a comma too many"),
        ("<>=1", "error: it has an operator that nobody knows"),
        (
            ">=1.0+cpu",
            "error: a local version (`+...`) can only be asked for by `==`",
        ),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
}

#[test]
fn bounds_of_all_alternatives() {
    for (text, expected) in [
        ("^1 || ^3", ">=1, <4"),
        ("<1 || >2", ""),
        ("1.0 || >2", ">=1.0"),
        ("^1", ">=1, <2"),
    ] {
        let all = Constraint::parse(text).unwrap().specifiers().unwrap();
        assert_eq!(hull(&all).to_string(), expected, "{text}");
    }
}

#[test]
fn numbers_have_an_end() {
    for text in [
        "^18446744073709551615",
        "4294967296.* || 1",
        "1.post18446744073709551615.*",
    ] {
        assert_eq!(
            said(text),
            "error: its version has a number that is too large",
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn nothing_is_too_odd(text in r"[\^~=<>!*|, 0-9a-c.+v-]{0,24}") {
        if let Ok(read) = Constraint::parse(&text)
            && let Ok(all) = read.specifiers()
        {
            let bounds = hull(&all);
            // What one of the alternatives allows, the bounds do.
            for one in &all {
                let one = version_ranges::Ranges::from(one.clone());
                let bounds = version_ranges::Ranges::from(bounds.clone());
                prop_assert!(one.subset_of(&bounds), "{text}: {all:?} {bounds}");
            }
        }
    }
}
