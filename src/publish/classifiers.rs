//! PyPI's classifiers: a file with one that PyPI does not have is refused there.

use super::metadata::Metadata;
use super::reference::{Classifiers, Standing};
use super::rules::Finding;

/// One a line, after a line that says of which day; behind an arrow what a retired one became.
const LIST: &str = include_str!("classifiers.txt");
const ARROW: &str = " =>";

/// What PyPI says of the classifiers of a file.
pub(super) fn findings(metadata: &Metadata, found: &mut Vec<Finding>) {
    for classifier in metadata.all("classifiers") {
        if !is_private(classifier)
            && let Some((message, refused)) = look(classifier)
        {
            found.push(Finding { message, refused });
        }
    }
}

/// Those that are not in the list, which may be older than they are.
pub(super) fn not_listed(metadata: &Metadata) -> impl Iterator<Item = &str> {
    let classifiers = metadata.all("classifiers").filter(|one| !is_private(one));
    classifiers.filter(|one| matches!(look(one), Some((_, false))))
}

/// Puts what `trove_classifiers` says in the place of what the list does not know.
pub(super) fn held(metadata: &Metadata, said: &Classifiers, found: &mut Vec<Finding>) {
    // A library that is older than the list does not know more than it.
    if !is_newer(&said.version) {
        return;
    }
    for classifier in not_listed(metadata) {
        let Some((standing, instead)) = said.all.get(classifier) else {
            continue;
        };
        let Some((doubt, _)) = look(classifier) else {
            continue;
        };
        found.retain(|finding| finding.message != doubt);
        let message = match standing {
            Standing::Known => continue,
            Standing::Retired => retired(classifier, instead),
            Standing::Unknown => format!(
                "its classifier \"{classifier}\" is none that trove-classifiers {} has: update \
                 that where it is a new one",
                said.version
            ),
        };
        found.push(Finding {
            message,
            refused: true,
        });
    }
}

/// Whether a version, which is a date (`2026.9.21.13`), is not before the list's.
fn is_newer(version: &str) -> bool {
    let date = |text: &str, between: char| -> Option<[u32; 3]> {
        let mut parts = text.split(between).map(|part| part.parse().ok());
        Some([parts.next()??, parts.next()??, parts.next()??])
    };
    date(version, '.').is_some_and(|version| Some(version) >= date(day(), '-'))
}

/// The day of the list.
fn day() -> &'static str {
    let line = LIST.lines().next().unwrap_or_default();
    let day = line.trim_start_matches(['#', ' ']).split(',').next();
    day.unwrap_or_default().trim()
}

/// Whether it keeps a file off PyPI, which is what it is for.
pub(super) fn is_private(classifier: &str) -> bool {
    classifier.to_ascii_lowercase().starts_with("private ::")
}

/// What is wrong with one, and whether that is certain: the list may be older than PyPI's.
fn look(classifier: &str) -> Option<(String, bool)> {
    let mut spelled = None;
    for line in LIST.lines().skip(1) {
        let (own, became) = match line.split_once(ARROW) {
            Some((own, became)) => (own, Some(became.trim())),
            None => (line, None),
        };
        match became {
            None if own == classifier => return None,
            Some(became) if own == classifier => {
                return Some((retired(classifier, became), true));
            }
            None if plain(own).eq(plain(classifier)) => spelled = Some(own),
            _ => {}
        }
    }
    Some(match spelled {
        Some(own) => (
            format!("its classifier \"{classifier}\" is written \"{own}\""),
            true,
        ),
        None => (
            format!(
                "its classifier \"{classifier}\" is none that PyPI had on {}",
                day()
            ),
            false,
        ),
    })
}

fn retired(classifier: &str, became: &str) -> String {
    let instead = if became.is_empty() {
        String::new()
    } else {
        format!(": write \"{became}\"")
    };
    format!("its classifier \"{classifier}\" is retired{instead}")
}

/// Its letters and digits, in lower case.
fn plain(classifier: &str) -> impl Iterator<Item = char> {
    let significant = classifier.chars().filter(|c| !c.is_whitespace());
    significant.map(|c| c.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{LIST, look};

    #[test]
    fn the_list_is_whole() {
        assert!(LIST.lines().count() > 800);
        assert!(LIST.lines().skip(1).all(|line| line.contains(" :: ")));
    }

    #[test]
    fn what_pypi_says_of_them() {
        for (classifier, expected) in [
            ("Programming Language :: Python :: 3", None),
            (
                "programming language::Python :: 3",
                Some(("is written \"Programming Language :: Python :: 3\"", true)),
            ),
            (
                "Natural Language :: Ukranian",
                Some(("is retired: write \"Natural Language :: Ukrainian\"", true)),
            ),
            (
                "License :: OSI Approved :: X.Net License",
                Some(("is retired", true)),
            ),
            (
                "Programming Language :: Python :: 3.99",
                Some(("is none that PyPI had on 20", false)),
            ),
        ] {
            let found = look(classifier);
            let fits = match (&found, expected) {
                (None, None) => true,
                (Some((message, certain)), Some((part, expected))) => {
                    message.contains(part) && *certain == expected
                }
                _ => false,
            };
            assert!(fits, "{classifier}: {found:?}");
        }
    }
}
