//! Takes secrets out of a stream of bytes, also those that are split over reads.
//!
//! Several automatons of the crate `aho-corasick` would do the splitting themselves, but they read
//! one byte at a time; its searches through a whole buffer are ten times as fast. So a buffer is
//! searched as a whole, and what may be the beginning of a secret at its end is kept for the next.

use aho_corasick::{AhoCorasick, Input, Match, MatchKind, Span, packed};
use zeroize::Zeroizing;

use super::spellings::Spelling;

/// What stands where a secret was.
pub const MASK: &[u8] = b"***";

/// What searches.
enum Finder {
    /// Compares the first bytes of all spellings at once, where the processor can. The automaton
    /// by itself rather looks for the rarest bytes, which in a log are not rare: a fifth as fast.
    Packed(packed::Searcher),
    /// Anywhere else, and for many spellings.
    Automaton(AhoCorasick),
}

impl Finder {
    fn new<'a>(patterns: impl Iterator<Item = &'a [u8]> + Clone) -> Result<Self, String> {
        let longest = packed::MatchKind::LeftmostLongest;
        let mut packed = packed::Config::new().match_kind(longest).builder();
        if let Some(searcher) = packed.extend(patterns.clone()).build() {
            return Ok(Self::Packed(searcher));
        }
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns)
            .map(Self::Automaton)
            .map_err(|error| error.to_string())
    }

    /// The first from `start` on, and of those there the longest.
    fn find(&self, buffer: &[u8], start: usize) -> Option<Match> {
        let span = Span {
            start,
            end: buffer.len(),
        };
        match self {
            Self::Packed(searcher) => searcher.find_in(buffer, span),
            Self::Automaton(automaton) => automaton.find(Input::new(buffer).span(span)),
        }
    }
}

/// What is looked for.
pub struct Mask {
    finder: Option<Finder>,
    /// The same, longest first.
    spellings: Vec<Spelling>,
    longest: usize,
}

impl Mask {
    /// Of these spellings.
    ///
    /// # Errors
    /// Where there are more than the automaton can hold.
    pub fn new(mut spellings: Vec<Spelling>) -> Result<Self, String> {
        spellings.retain(|one| !one.is_empty());
        spellings.sort_by_key(|one| std::cmp::Reverse(one.len()));
        let finder = if spellings.is_empty() {
            None
        } else {
            Some(Finder::new(spellings.iter().map(|one| one.as_bytes()))?)
        };
        Ok(Self {
            longest: spellings.first().map_or(0, |one| one.len()),
            finder,
            spellings,
        })
    }

    /// From where on the buffer may hold the beginning of a spelling that has not ended yet.
    fn unsure(&self, buffer: &[u8]) -> usize {
        let from = buffer.len().saturating_sub(self.longest.saturating_sub(1));
        (from..buffer.len())
            .find(|at| self.begins(&buffer[*at..]))
            .unwrap_or(buffer.len())
    }

    fn begins(&self, rest: &[u8]) -> bool {
        self.spellings
            .iter()
            .take_while(|one| one.len() > rest.len())
            .any(|one| one.as_bytes().starts_with(rest))
    }
}

/// One stream.
pub struct Stream<'a> {
    mask: &'a Mask,
    buffer: Zeroizing<Vec<u8>>,
    /// How much of the buffer is in use.
    used: usize,
}

impl<'a> Stream<'a> {
    /// A stream that reads at most `chunk` bytes at a time.
    pub fn new(mask: &'a Mask, chunk: usize) -> Self {
        Self {
            mask,
            buffer: Zeroizing::new(vec![0; mask.longest + chunk]),
            used: 0,
        }
    }

    /// Where the next bytes go.
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.buffer[self.used..]
    }

    /// Takes `count` bytes in; gives `write` what is sure, in order.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn took<E>(
        &mut self,
        count: usize,
        write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.used += count;
        self.pass(false, write)
    }

    /// The end: what was kept is given too.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn end<E>(&mut self, write: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.pass(true, write)
    }

    fn pass<E>(
        &mut self,
        at_end: bool,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let buffer = &self.buffer[..self.used];
        let unsure = if at_end {
            buffer.len()
        } else {
            self.mask.unsure(buffer)
        };
        let mut at = 0;
        if let Some(finder) = &self.mask.finder {
            while let Some(found) = finder.find(buffer, at) {
                // A longer one may still begin at the same place.
                if found.start() >= unsure {
                    break;
                }
                write(&buffer[at..found.start()])?;
                write(MASK)?;
                at = found.end();
            }
        }
        let sure = unsure.max(at);
        write(&buffer[at..sure])?;
        self.buffer.copy_within(sure..self.used, 0);
        self.used -= sure;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::{Mask, Stream};

    fn mask(spellings: &[&str]) -> Mask {
        let all = spellings
            .iter()
            .map(|one| Zeroizing::new((*one).to_owned()));
        Mask::new(all.collect()).unwrap()
    }

    fn masked(mask: &Mask, parts: &[&[u8]]) -> Vec<u8> {
        let mut stream = Stream::new(mask, 64);
        let mut out = Vec::new();
        let mut write = |bytes: &[u8]| -> Result<(), Infallible> {
            out.extend_from_slice(bytes);
            Ok(())
        };
        for part in parts {
            for part in part.chunks(64) {
                stream.space()[..part.len()].copy_from_slice(part);
                stream.took(part.len(), &mut write).unwrap();
            }
        }
        stream.end(&mut write).unwrap();
        out
    }

    #[test]
    fn whole_split_and_overlapping() {
        let mask = mask(&["secret", "secretly", "cretin"]);
        for (parts, out) in [
            (&["a secret b"][..], "a *** b"),
            (&["a sec", "ret b"], "a *** b"),
            (&["s", "e", "c", "r", "e", "t"], "***"),
            (&["secret", "ly"], "***"),
            (&["secret", "l", "x"], "***lx"),
            (&["secretin"], "***in"),
            (&["se", "cretin"], "***in"),
            (&["secre", "secret"], "secre***"),
            (&["sec"], "sec"),
            (&["secretsecret"], "******"),
            (&["", "secret", ""], "***"),
        ] {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            let got = masked(&mask, &parts);
            assert_eq!(String::from_utf8(got).unwrap(), out, "{parts:?}");
        }
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_kept() {
        for (text, given) in [
            ("name? sec", "name? "),
            ("name? secret", "name? ***"),
            ("name? secretly", "name? ******"),
            ("name? secret!", "name? ***!"),
        ] {
            let mask = mask(&["secret", "ly", "a longer one"]);
            let mut stream = Stream::new(&mask, 64);
            let mut out = Vec::new();
            stream.space()[..text.len()].copy_from_slice(text.as_bytes());
            let took = stream.took(text.len(), |bytes| -> Result<(), Infallible> {
                out.extend_from_slice(bytes);
                Ok(())
            });
            took.unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), given);
        }
    }

    #[test]
    fn nothing_to_mask() {
        let out = masked(&mask(&["", ""]), &[b"abc", b"\0\xff"]);
        assert_eq!(out, b"abc\0\xff");
    }

    proptest! {
        /// However the stream is cut, the result is that of the whole; no secret is left.
        #[test]
        fn cuts_change_nothing(
            text in "[ab]{0,200}",
            secrets in prop::collection::vec("[ab]{1,9}", 1..5),
            cuts in prop::collection::vec(0_usize..200, 0..12),
        ) {
            let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
            let mask = mask(&names);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|at| at.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|at| &text.as_bytes()[at[0]..at[1]]).collect();
            let out = masked(&mask, &parts);
            let out = String::from_utf8(out).unwrap();
            let automaton = aho_corasick::AhoCorasick::builder()
                .match_kind(aho_corasick::MatchKind::LeftmostLongest)
                .build(&names)
                .unwrap();
            let whole = automaton.replace_all(&text, &vec!["***"; names.len()]);
            prop_assert_eq!(&out, &whole);
            for secret in names {
                prop_assert!(!out.contains(secret));
            }
        }
    }
}
