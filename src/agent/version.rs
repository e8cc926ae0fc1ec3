//! Versions of builds, so that an older agent gives way to a newer one.

use credential_helper_protocol::VERSION;

use super::Agent;

impl Agent {
    /// A client of a newer build makes this agent leave when it is idle.
    pub(super) fn note_version(&self, theirs: Option<&str>) {
        if theirs
            .and_then(version)
            .zip(version(VERSION))
            .is_some_and(|(theirs, ours)| theirs > ours)
        {
            self.leave_when_idle();
        }
    }
}

/// A version as three numbers, compared one by one.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn neighbouring_versions_are_told_apart() {
        let order = [
            "0.1.0", "0.1.1", "0.2.0", "0.14.1", "0.15.0", "1.0.0", "1.0.1", "1.1.0",
        ];
        for pair in order.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{pair:?}");
        }
        assert_eq!(version("nonsense"), None);
    }
}
