//! Digests of what was read whole.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::Body;
use crate::http::make_room;
use crate::index::project::Hashes;

/// Why content cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It was cut off on its way: it may come whole another time.
    Cut(String),
    /// It is not what it should be.
    Bad(String),
}

impl Fault {
    /// In words.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Cut(why) | Self::Bad(why) => why,
        }
    }
}

/// A digest that is held against one on a page. MD5 and SHA-1 prove nothing any more.
#[derive(Clone)]
pub(super) struct Check {
    wanted: String,
    state: State,
}

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Check {
    /// The strongest of these that are known here.
    pub(super) fn of(hashes: &Hashes) -> Option<Self> {
        let of = |name: &str, state: fn() -> State| {
            let wanted = hashes.get(name)?.to_ascii_lowercase();
            Some(Self {
                wanted,
                state: state(),
            })
        };
        of("sha512", || State::Sha512(Sha512::new()))
            .or_else(|| of("sha384", || State::Sha384(Sha384::new())))
            .or_else(|| of("sha256", || State::Sha256(Sha256::new())))
    }

    /// Takes the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Sha256(state) => state.update(bytes),
            State::Sha384(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Whether it was all of it, and as it should be.
    pub(super) fn holds(self) -> Result<(), String> {
        let found = match self.state {
            State::Sha256(state) => hex(&state.finalize()),
            State::Sha384(state) => hex(&state.finalize()),
            State::Sha512(state) => hex(&state.finalize()),
        };
        if found != self.wanted {
            return Err("its digest is not the one that its page has".to_owned());
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Reads content whole, at most `limit` bytes of it.
pub(super) async fn read_all(
    mut body: impl Body,
    limit: usize,
    mut check: Option<Check>,
) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.piece().await.map_err(Fault::Cut)? {
        if piece.len() > limit - bytes.len() {
            return Err(Fault::Bad(format!("it has more than {} MiB", limit >> 20)));
        }
        if let Some(check) = &mut check {
            check.update(&piece);
        }
        make_room(&mut bytes, piece.len(), limit);
        bytes.extend_from_slice(&piece);
    }
    check.map_or(Ok(()), Check::holds).map_err(Fault::Bad)?;
    Ok(bytes)
}
