//! PyPI's classifiers: a file with one that PyPI does not have is refused there.

use super::metadata::Metadata;
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

/// Whether it keeps a file off PyPI, which is what it is for.
pub(super) fn is_private(classifier: &str) -> bool {
    classifier.to_ascii_lowercase().starts_with("private ::")
}

/// What is wrong with one, and whether that is certain: the list may be older than PyPI's.
fn look(classifier: &str) -> Option<(String, bool)> {
    let mut lines = LIST.lines();
    let day = lines.next().unwrap_or_default();
    let day = day.trim_start_matches(['#', ' ']).split(',').next();
    let mut spelled = None;
    for line in lines {
        let (own, became) = match line.split_once(ARROW) {
            Some((own, became)) => (own, Some(became.trim())),
            None => (line, None),
        };
        match became {
            None if own == classifier => return None,
            Some(became) if own == classifier => {
                let instead = if became.is_empty() {
                    String::new()
                } else {
                    format!(": write \"{became}\"")
                };
                return Some((
                    format!("its classifier \"{classifier}\" is retired{instead}"),
                    true,
                ));
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
                day.unwrap_or_default()
            ),
            false,
        ),
    })
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
