//! Macaroons: what stands in one, and a child that may do less.
//!
//! Two binary forms: packets with a number (libmacaroons `doc/format.txt`, version 2), which PyPI
//! writes, and packets with a name (version 1), which the library that PyPI reads them with takes
//! as well. Whoever holds a macaroon can add a condition (a caveat) without the key: the old
//! signature is the key of the new one.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Caveats that are read; tokens of PyPI have at most three, children of them two more each.
const CAVEATS: usize = 256;
/// A signature: HMAC-SHA256.
const SIGNATURE: usize = 32;
/// First byte of version 2.
const VERSION_2: u8 = 2;
/// Fields of version 2, in their order within a section.
const END: u64 = 0;
const LOCATION: u64 = 1;
const IDENTIFIER: u64 = 2;
const VERIFICATION: u64 = 4;
const SIGNED: u64 = 6;
/// A packet of version 1 begins with its length as four hexadecimal digits.
const LENGTH_1: usize = 4;
/// The longest packet of version 1.
const PACKET_1: usize = 0xffff;

type Bytes = Zeroizing<Vec<u8>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Named,
    Numbered,
}

/// A macaroon that was read. Its bytes are a secret.
pub struct Macaroon {
    bytes: Bytes,
    form: Form,
    location: Option<String>,
    caveats: Vec<Caveat>,
    /// Where a further caveat goes: before this offset everything stays as it is.
    next: usize,
    signature: Zeroizing<[u8; SIGNATURE]>,
}

#[derive(Clone, Default)]
struct Caveat {
    predicate: Vec<u8>,
    /// Whether somebody else has to confirm it: nothing that PyPI uses.
    by_other: bool,
}

impl Macaroon {
    /// Reads one; `None` for anything else, whatever the bytes are.
    pub fn read(bytes: Bytes) -> Option<Self> {
        match bytes.first()? {
            &VERSION_2 => read_numbered(bytes),
            b'0'..=b'9' | b'a'..=b'f' => read_named(bytes),
            _ => None,
        }
    }

    /// The server that made it, as it called itself.
    pub fn location(&self) -> Option<&str> {
        self.location.as_deref()
    }

    /// Its conditions, in their order; `None` for one that somebody else has to confirm.
    pub fn caveats(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.caveats
            .iter()
            .map(|caveat| (!caveat.by_other).then_some(&*caveat.predicate))
    }

    /// The same with further conditions; `None` where one is too long for the form.
    pub fn with(&self, predicates: &[String]) -> Option<Bytes> {
        let more: usize = predicates.iter().map(|one| one.len() + 16).sum();
        // Of its whole size at once: a buffer that grows would leave pieces behind.
        let mut out = Zeroizing::new(Vec::with_capacity(self.bytes.len() + more + 64));
        out.extend_from_slice(self.bytes.get(..self.next)?);
        let mut signature = self.signature.clone();
        for predicate in predicates {
            let mut mac = Hmac::<Sha256>::new_from_slice(&*signature).ok()?;
            mac.update(predicate.as_bytes());
            signature.copy_from_slice(&mac.finalize().into_bytes());
            match self.form {
                Form::Named => push_named(&mut out, b"cid", predicate.as_bytes())?,
                Form::Numbered => {
                    push_numbered(&mut out, IDENTIFIER, predicate.as_bytes());
                    push_number(&mut out, END);
                }
            }
        }
        match self.form {
            Form::Named => push_named(&mut out, b"signature", &*signature)?,
            Form::Numbered => {
                push_number(&mut out, END);
                push_numbered(&mut out, SIGNED, &*signature);
            }
        }
        Some(out)
    }
}

/// A packet of version 2; the end of a section has no data.
struct Packet<'a> {
    field: u64,
    data: &'a [u8],
}

struct Numbered<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Numbered<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        // Five bytes hold more than any length that is allowed.
        for shift in (0..35).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn packet(&mut self) -> Option<Packet<'a>> {
        let field = self.number()?;
        if field == END {
            return Some(Packet { field, data: &[] });
        }
        let length = usize::try_from(self.number()?).ok()?;
        let end = self.at.checked_add(length)?;
        let data = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(Packet { field, data })
    }

    /// The packets up to the end of the section, each field at most once and in order.
    fn section(&mut self) -> Option<Vec<Packet<'a>>> {
        let mut packets: Vec<Packet<'a>> = Vec::new();
        loop {
            let packet = self.packet()?;
            if packet.field == END {
                return Some(packets);
            }
            if packets
                .last()
                .is_some_and(|last| last.field >= packet.field)
            {
                return None;
            }
            packets.push(packet);
        }
    }
}

fn read_numbered(bytes: Bytes) -> Option<Macaroon> {
    let mut from = Numbered {
        bytes: &bytes,
        at: 1,
    };
    let location = match from.section()?.as_slice() {
        [location, identifier] if location.field == LOCATION && identifier.field == IDENTIFIER => {
            Some(text(location.data)?)
        }
        [identifier] if identifier.field == IDENTIFIER => None,
        _ => return None,
    };
    let mut caveats = Vec::new();
    let mut next;
    loop {
        next = from.at;
        let caveat = match from.section()?.as_slice() {
            [] => break,
            [predicate] if predicate.field == IDENTIFIER => Caveat {
                predicate: predicate.data.to_vec(),
                by_other: false,
            },
            [.., predicate, key] if predicate.field == IDENTIFIER && key.field == VERIFICATION => {
                Caveat {
                    predicate: predicate.data.to_vec(),
                    by_other: true,
                }
            }
            _ => return None,
        };
        if caveats.len() == CAVEATS {
            return None;
        }
        caveats.push(caveat);
    }
    let last = from.packet()?;
    if last.field != SIGNED || from.at != bytes.len() {
        return None;
    }
    let signature = signature(last.data)?;
    Some(Macaroon {
        form: Form::Numbered,
        location,
        caveats,
        next,
        signature,
        bytes,
    })
}

fn read_named(bytes: Bytes) -> Option<Macaroon> {
    let (mut location, mut identified) = (None, false);
    let mut caveats: Vec<Caveat> = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let length = std::str::from_utf8(rest.get(..LENGTH_1)?).ok()?;
        // `from_str_radix` takes a sign too.
        if !length.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let length = usize::from_str_radix(length, 16).ok()?;
        let packet = rest.get(LENGTH_1..length)?.strip_suffix(b"\n")?;
        let space = packet.iter().position(|byte| *byte == b' ')?;
        let (key, data) = (packet.get(..space)?, packet.get(space + 1..)?);
        match key {
            b"location" if location.is_none() && !identified => location = Some(text(data)?),
            b"identifier" if !identified => identified = true,
            b"cid" if identified && caveats.len() < CAVEATS => caveats.push(Caveat {
                predicate: data.to_vec(),
                by_other: false,
            }),
            b"vid" => caveats.last_mut()?.by_other = true,
            b"cl" => {
                caveats.last()?;
            }
            b"signature" if identified && at + length == bytes.len() => {
                let signature = signature(data)?;
                return Some(Macaroon {
                    form: Form::Named,
                    location,
                    caveats,
                    next: at,
                    signature,
                    bytes,
                });
            }
            _ => return None,
        }
        at += length;
    }
    None
}

fn text(data: &[u8]) -> Option<String> {
    std::str::from_utf8(data).ok().map(str::to_owned)
}

fn signature(data: &[u8]) -> Option<Zeroizing<[u8; SIGNATURE]>> {
    let mut signature = Zeroizing::new([0; SIGNATURE]);
    if data.len() != SIGNATURE {
        return None;
    }
    signature.copy_from_slice(data);
    Some(signature)
}

fn push_number(out: &mut Bytes, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn push_numbered(out: &mut Bytes, field: u64, data: &[u8]) {
    push_number(out, field);
    push_number(out, data.len() as u64);
    out.extend_from_slice(data);
}

fn push_named(out: &mut Bytes, key: &[u8], data: &[u8]) -> Option<()> {
    let length = LENGTH_1 + key.len() + 1 + data.len() + 1;
    if length > PACKET_1 {
        return None;
    }
    out.extend_from_slice(format!("{length:04x}").as_bytes());
    for part in [key, b" ", data, b"\n"] {
        out.extend_from_slice(part);
    }
    Some(())
}

#[cfg(test)]
#[path = "macaroon_tests.rs"]
mod tests;
