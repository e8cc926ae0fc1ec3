//! Versions (PEP 440), as far as two spellings of one have to be told from two versions.

/// A version, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its normal form (PEP 440, "Normalization").
    pub text: String,
    /// Whether it has a local part, which no public index takes.
    pub local: bool,
    key: String,
}

impl Version {
    /// Reads a version; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let mut rest = lower.strip_prefix('v').unwrap_or(&lower);
        let epoch = match rest.split_once('!') {
            Some((epoch, after)) => {
                rest = after;
                digits(epoch)?
            }
            None => "0".to_owned(),
        };
        let (rest, local) = match rest.split_once('+') {
            Some((public, local)) => (public, Some(local_part(local)?)),
            None => (rest, None),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let release = rest[..end].trim_end_matches('.');
        let mut suffix = Suffix(&rest[release.len()..]);
        let numbers: Vec<String> = release.split('.').map(digits).collect::<Option<_>>()?;
        let mut tail = String::new();
        if let Some((word, number)) = suffix.take(&PRE) {
            tail.push_str(word);
            tail.push_str(&number);
        }
        if let Some((_, number)) = suffix.take(&POST).or_else(|| suffix.bare_post()) {
            tail.push_str(".post");
            tail.push_str(&number);
        }
        if let Some((_, number)) = suffix.take(&DEV) {
            tail.push_str(".dev");
            tail.push_str(&number);
        }
        if !suffix.0.is_empty() {
            return None;
        }
        if let Some(local) = &local {
            tail.push('+');
            tail.push_str(local);
        }
        let prefix = if epoch == "0" {
            String::new()
        } else {
            format!("{epoch}!")
        };
        let mut significant = numbers.as_slice();
        while let [before @ .., last] = significant
            && last == "0"
            && !before.is_empty()
        {
            significant = before;
        }
        Some(Self {
            text: format!("{prefix}{}{tail}", numbers.join(".")),
            local: local.is_some(),
            key: format!("{prefix}{}{tail}", significant.join(".")),
        })
    }

    /// Whether both are one version: `1.0` and `1.0.0` are.
    pub fn is(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

const PRE: [(&str, &str); 8] = [
    ("alpha", "a"),
    ("beta", "b"),
    ("preview", "rc"),
    ("pre", "rc"),
    ("rc", "rc"),
    ("a", "a"),
    ("b", "b"),
    ("c", "rc"),
];
const POST: [(&str, &str); 3] = [("post", "post"), ("rev", "post"), ("r", "post")];
const DEV: [(&str, &str); 1] = [("dev", "dev")];

struct Suffix<'a>(&'a str);

impl Suffix<'_> {
    /// One of these words, with what may stand around it, and its number.
    fn take(&mut self, words: &[(&str, &'static str)]) -> Option<(&'static str, String)> {
        let trimmed = self.0.strip_prefix(['.', '-', '_']).unwrap_or(self.0);
        let (after, word) = words
            .iter()
            .find_map(|(spelling, word)| Some((trimmed.strip_prefix(spelling)?, *word)))?;
        let number = after.strip_prefix(['.', '-', '_']).unwrap_or(after);
        let end = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        // A separator belongs to the number only where there is one.
        self.0 = if end == 0 { after } else { &number[end..] };
        Some((
            word,
            digits(&number[..end]).unwrap_or_else(|| "0".to_owned()),
        ))
    }

    /// `1.0-1`, the implicit post-release.
    fn bare_post(&mut self) -> Option<(&'static str, String)> {
        let number = self.0.strip_prefix('-')?;
        let end = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        let found = digits(&number[..end])?;
        self.0 = &number[end..];
        Some(("post", found))
    }
}

/// A number without zeros before it.
fn digits(text: &str) -> Option<String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let bare = text.trim_start_matches('0');
    Some(if bare.is_empty() { "0" } else { bare }.to_owned())
}

fn local_part(text: &str) -> Option<String> {
    let parts = text.split(['.', '-', '_']).map(|part| {
        let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        plain.then(|| digits(part).unwrap_or_else(|| part.to_owned()))
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("."))
}

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn normal_forms() {
        for (text, wanted) in [
            ("1.0", "1.0"),
            ("v01.00", "1.0"),
            ("1!2.0", "1!2.0"),
            ("0!2.0", "2.0"),
            ("1.0ALPHA1", "1.0a1"),
            ("1.0-beta_2", "1.0b2"),
            ("1.0.pre", "1.0rc0"),
            ("1.0c3", "1.0rc3"),
            ("1.0-1", "1.0.post1"),
            ("1.0.rev", "1.0.post0"),
            ("1.0r4", "1.0.post4"),
            ("1.0dev", "1.0.dev0"),
            ("1.0a1.post2.dev3", "1.0a1.post2.dev3"),
            ("1.0+Ubuntu-01", "1.0+ubuntu.1"),
            (" 2026.11.26 ", "2026.11.26"),
        ] {
            let version = Version::parse(text).unwrap();
            assert_eq!(version.text, wanted, "{text}");
            assert_eq!(Version::parse(wanted).unwrap(), version);
        }
        for text in [
            "",
            "1.",
            "a",
            "1.0x",
            "1..0",
            "1.0+",
            "1.0+a..b",
            "1.0dev1a1",
            "1.0-",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn one_version_in_two_spellings() {
        let is = |a, b| Version::parse(a).unwrap().is(&Version::parse(b).unwrap());
        assert!(is("1.0", "1.0.0") && is("1.0rc1", "1.0.0-c1"));
        assert!(!is("1.0", "1.0.1") && !is("1.0", "1.0+x") && !is("0", "1"));
        assert!(Version::parse("1.0+x").unwrap().local);
    }
}
