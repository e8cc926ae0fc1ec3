//! What a resolver wrote, without what each tool words in its own way.

use std::collections::BTreeSet;

/// The pins of a file of requirements as `NAME==VERSION`, without markers.
pub(crate) fn pins(text: &str) -> BTreeSet<String> {
    let words = text
        .lines()
        .filter_map(|line| line.split([' ', ';']).next());
    words
        .filter(|word| word.contains("=="))
        .map(str::to_owned)
        .collect()
}
