//! Content encodings, undone piece by piece: what comes out is counted before it is kept.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// What requests that may be answered in a compressed form say. What is not listed is not decoded.
pub(super) const ACCEPTED: &str = "gzip, deflate";

/// As much as this may come out of any few bytes.
const FREE: usize = 1024 * 1024;
/// Beyond it, what comes out is at most this many times what went in: pages of indexes shrink to a
/// twentieth, and deflate itself ends near a thousandth.
const RATIO: usize = 200;

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It unpacks to many times its size.
    Bomb,
    /// It is not what its header says.
    Broken,
}

/// Takes the encoded body, gives the plain one.
pub(super) struct Decoder {
    taken: usize,
    given: usize,
    way: Way,
}

enum Way {
    Plain,
    Gzip(Box<MultiGzDecoder<Sink>>),
    Zlib(Box<ZlibDecoder<Sink>>),
    Raw(Box<DeflateDecoder<Sink>>),
    /// `deflate` before its first bytes: a zlib stream by RFC 9110 (8.4.1.2), a bare one by habit.
    Deflate(Vec<u8>),
}

/// What comes out, as far as there is room.
#[derive(Default)]
struct Sink {
    out: Vec<u8>,
    room: usize,
    full: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room {
            self.full = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.room -= bytes.len();
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Decoder {
    /// For the value of `Content-Encoding`; `None` for one that is not known here.
    pub(super) fn new(encoding: &str) -> Option<Self> {
        let way = match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Way::Plain,
            "gzip" | "x-gzip" => Way::Gzip(Box::new(MultiGzDecoder::new(Sink::default()))),
            "deflate" => Way::Deflate(Vec::new()),
            _ => return None,
        };
        Some(Self {
            taken: 0,
            given: 0,
            way,
        })
    }

    /// Whether bytes come out as they go in.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.way, Way::Plain)
    }

    /// Decodes a piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.taken = self.taken.saturating_add(piece.len());
        let room = FREE
            .max(self.taken.saturating_mul(RATIO))
            .saturating_sub(self.given);
        if let Way::Deflate(first) = &mut self.way {
            first.extend_from_slice(piece);
            let [head, flags, ..] = first[..] else {
                return Ok(Vec::new());
            };
            // RFC 1950: the method is 8, and both bytes together a multiple of 31.
            let zlib = head & 0x0f == 8 && (u16::from(head) << 8 | u16::from(flags)) % 31 == 0;
            let first = std::mem::take(first);
            self.way = if zlib {
                Way::Zlib(Box::new(ZlibDecoder::new(Sink::default())))
            } else {
                Way::Raw(Box::new(DeflateDecoder::new(Sink::default())))
            };
            return self.write(&first, room);
        }
        self.write(piece, room)
    }

    fn write(&mut self, piece: &[u8], room: usize) -> Result<Vec<u8>, Trouble> {
        fn through<W: Write>(
            decoder: &mut W,
            sink: impl Fn(&mut W) -> &mut Sink,
            piece: &[u8],
            room: usize,
        ) -> Result<Vec<u8>, Trouble> {
            sink(decoder).room = room;
            let written = decoder.write_all(piece).and_then(|()| decoder.flush());
            let sink = sink(decoder);
            match written {
                Ok(()) => Ok(std::mem::take(&mut sink.out)),
                Err(_) if sink.full => Err(Trouble::Bomb),
                Err(_) => Err(Trouble::Broken),
            }
        }
        let out = match &mut self.way {
            Way::Plain | Way::Deflate(_) => piece.to_vec(),
            Way::Gzip(decoder) => through(&mut **decoder, MultiGzDecoder::get_mut, piece, room)?,
            Way::Zlib(decoder) => through(&mut **decoder, ZlibDecoder::get_mut, piece, room)?,
            Way::Raw(decoder) => through(&mut **decoder, DeflateDecoder::get_mut, piece, room)?,
        };
        self.given += out.len();
        Ok(out)
    }

    /// Says that there is no more; gives what was still held back.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, Trouble> {
        let room = FREE
            .max(self.taken.saturating_mul(RATIO))
            .saturating_sub(self.given);
        let ended = match &mut self.way {
            Way::Plain => return Ok(Vec::new()),
            // An empty body has no stream in it.
            _ if self.taken == 0 => return Ok(Vec::new()),
            Way::Deflate(_) => return Err(Trouble::Broken),
            Way::Gzip(decoder) => {
                decoder.get_mut().room = room;
                (decoder.try_finish(), decoder.get_mut())
            }
            Way::Zlib(decoder) => {
                decoder.get_mut().room = room;
                (decoder.try_finish(), decoder.get_mut())
            }
            Way::Raw(decoder) => {
                decoder.get_mut().room = room;
                (decoder.try_finish(), decoder.get_mut())
            }
        };
        match ended {
            (Ok(()), sink) => Ok(std::mem::take(&mut sink.out)),
            (Err(_), sink) if sink.full => Err(Trouble::Bomb),
            (Err(_), _) => Err(Trouble::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::{Decoder, Trouble};

    fn decoded(encoding: &str, body: &[u8], piece: usize) -> Result<Vec<u8>, Trouble> {
        let mut decoder = Decoder::new(encoding).unwrap();
        let mut out = Vec::new();
        for piece in body.chunks(piece) {
            out.extend(decoder.push(piece)?);
        }
        out.extend(decoder.finish()?);
        Ok(out)
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_encoding_in_pieces_of_any_size() {
        let plain: Vec<u8> = (0..40_000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&plain).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(&plain).unwrap();
        let bodies = [
            ("", plain.clone()),
            ("identity", plain.clone()),
            ("GZIP", gzip(&plain)),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", raw.finish().unwrap()),
        ];
        for (encoding, body) in &bodies {
            for piece in [1, 7, 4096, usize::MAX] {
                assert_eq!(decoded(encoding, body, piece).as_ref(), Ok(&plain));
            }
        }
        assert_eq!(decoded("gzip", &[], 1), Ok(Vec::new()));
        assert!(Decoder::new("br").is_none() && Decoder::new("gzip, gzip").is_none());
    }

    #[test]
    fn what_is_cut_off_or_another_thing_is_broken() {
        let body = gzip(b"some page");
        assert_eq!(
            decoded("gzip", &body[..body.len() - 9], 64),
            Err(Trouble::Broken)
        );
        assert_eq!(decoded("gzip", b"<html>", 64), Err(Trouble::Broken));
        assert_eq!(decoded("deflate", b"x", 64), Err(Trouble::Broken));
    }

    #[test]
    fn a_bomb_ends_within_its_ratio() {
        let bomb = gzip(&vec![0_u8; 24 * 1024 * 1024]);
        assert!(bomb.len() < 128 * 1024);
        assert_eq!(decoded("gzip", &bomb, 1024), Err(Trouble::Bomb));
        assert_eq!(decoded("gzip", &bomb, usize::MAX), Err(Trouble::Bomb));
        // A page of the same letter that is no danger.
        let small = vec![b'a'; 900 * 1024];
        assert_eq!(decoded("gzip", &gzip(&small), 512), Ok(small));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_fall_over(bytes in proptest::collection::vec(0_u8.., 0..300), piece in 1_usize..40) {
            let _ = decoded("deflate", &bytes, piece);
            let _ = decoded("gzip", &bytes, piece);
            let head = [&gzip(b"page")[..10], &bytes].concat();
            let _ = decoded("gzip", &head, piece);
        }
    }
}
