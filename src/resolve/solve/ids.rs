//! Packages as small numbers, which the solver compares and hashes all the time.

use std::collections::HashMap;
use std::fmt;

use crate::package::{ExtraName, PackageName};

/// What the solver decides on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Package {
    /// What is asked for.
    Root,
    /// A project.
    Name(u32),
    /// An extra of a project: always in the project's own version.
    Extra(u32, u32),
}

impl Package {
    /// The number of the project.
    pub(super) fn number(self) -> Option<u32> {
        match self {
            Self::Root => None,
            Self::Name(name) | Self::Extra(name, _) => Some(name),
        }
    }
}

/// For the solver's own log, which nobody reads; people are told names.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Names and their numbers, in the order of their first mention.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    numbers: HashMap<T, u32>,
    items: Vec<T>,
}

/// The numbers of projects and extras.
#[derive(Debug, Default)]
pub(super) struct Ids {
    pub(super) names: Numbers<PackageName>,
    pub(super) extras: Numbers<ExtraName>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            items: Vec::new(),
        }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Numbers<T> {
    /// The number, new or known.
    pub(super) fn of(&mut self, item: &T) -> u32 {
        if let Some(number) = self.numbers.get(item) {
            return *number;
        }
        let number = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        self.numbers.insert(item.clone(), number);
        self.items.push(item.clone());
        number
    }

    /// What has this number.
    pub(super) fn get(&self, number: u32) -> &T {
        &self.items[number as usize]
    }
}
