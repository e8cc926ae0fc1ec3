//! Files of a test, below `/p`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use credential_helper_protocol::Failure;
use zeroize::Zeroizing;

use super::Files;

#[derive(Default)]
pub(super) struct Held(BTreeMap<PathBuf, String>);

impl Held {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let held = |(name, text): &(&str, &str)| (Path::new("/p").join(name), (*text).to_owned());
        Self(files.iter().map(held).collect())
    }
}

impl Files for Held {
    fn text(&self, path: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
        Ok(self.0.get(path).cloned().map(Zeroizing::new))
    }

    fn is_file(&self, path: &Path) -> bool {
        self.0.contains_key(path)
    }

    fn folders(&self, path: &Path) -> Vec<PathBuf> {
        let below = |file: &PathBuf| {
            let mut parts = file.strip_prefix(path).ok()?.components();
            let first = parts.next()?;
            parts.next().map(|_| path.join(first))
        };
        let mut found: Vec<PathBuf> = self.0.keys().filter_map(below).collect();
        found.dedup();
        found
    }
}
