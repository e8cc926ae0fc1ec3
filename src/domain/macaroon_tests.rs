//! Macaroons that `pymacaroons` made, and bytes that nobody did.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{CAVEATS, Form, Macaroon, PACKET_1, SIGNATURE, push_named, push_number, push_numbered};

/// The root key of every macaroon here; the packages' own texts were made with it too.
const KEY: &[u8] = b"root key of a test";
/// Both forms of the same macaroon, without conditions.
const PLAIN: [&str; 2] = [
    "MDAxNmxvY2F0aW9uIHB5cGkub3JnCjAwMzRpZGVudGlmaWVyIDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQowMDJmc2lnbmF0dXJlIJEyJQFyplyqaX9JZAmEhvRbOji9bp8mncQcB2OCmZ5gCg",
    "AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQAABiCRMiUBcqZcqml_SWQJhIb0Wzo4vW6fJp3EHAdjgpmeYA",
];
/// The same two with `CONDITIONS`.
const LIMITED: [&str; 2] = [
    "MDAxNmxvY2F0aW9uIHB5cGkub3JnCjAwMzRpZGVudGlmaWVyIDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQowMDJlY2lkIHsidmVyc2lvbiI6IDEsICJwZXJtaXNzaW9ucyI6ICJ1c2VyIn0KMDAxNGNpZCBbMSxbImZvbyJdXQowMDE5Y2lkIFswLDE3MDAwMDA5MDAsMF0KMDAyZnNpZ25hdHVyZSCyPET6TKGr9JA-WH8izh7tHMUG7hInssMl_xQW4tFr1Qo",
    "AgEIcHlwaS5vcmcCJDlhNWYxYzJlLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMQACJXsidmVyc2lvbiI6IDEsICJwZXJtaXNzaW9ucyI6ICJ1c2VyIn0AAgtbMSxbImZvbyJdXQACEFswLDE3MDAwMDA5MDAsMF0AAAYgsjxE-kyhq_SQPlh_Is4e7RzFBu4SJ7LDJf8UFuLRa9U",
];
const CONDITIONS: [&str; 3] = [
    r#"{"version": 1, "permissions": "user"}"#,
    r#"[1,["foo"]]"#,
    "[0,1700000900,0]",
];

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn read(bytes: &[u8]) -> Option<Macaroon> {
    Macaroon::read(Zeroizing::new(bytes.to_vec()))
}

fn conditions(macaroon: &Macaroon) -> Vec<String> {
    let text = |one: Option<&[u8]>| String::from_utf8(one.unwrap().to_vec()).unwrap();
    macaroon.caveats().map(text).collect()
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; SIGNATURE] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(data);
    mac.finalize().into_bytes().into()
}

/// A macaroon as a server makes it.
fn made(form: Form, location: Option<&str>, identifier: &[u8], conditions: &[String]) -> Vec<u8> {
    let mut out = Zeroizing::new(Vec::new());
    let mut signature = hmac(&hmac(b"macaroons-key-generator", KEY), identifier);
    let predicates = conditions.iter().map(String::as_bytes);
    match form {
        Form::Named => {
            if let Some(location) = location {
                push_named(&mut out, b"location", location.as_bytes()).unwrap();
            }
            push_named(&mut out, b"identifier", identifier).unwrap();
            for predicate in predicates {
                signature = hmac(&signature, predicate);
                push_named(&mut out, b"cid", predicate).unwrap();
            }
            push_named(&mut out, b"signature", &signature).unwrap();
        }
        Form::Numbered => {
            out.push(2);
            if let Some(location) = location {
                push_numbered(&mut out, 1, location.as_bytes());
            }
            push_numbered(&mut out, 2, identifier);
            push_number(&mut out, 0);
            for predicate in predicates {
                signature = hmac(&signature, predicate);
                push_numbered(&mut out, 2, predicate);
                push_number(&mut out, 0);
            }
            push_number(&mut out, 0);
            push_numbered(&mut out, 6, &signature);
        }
    }
    out.to_vec()
}

#[test]
fn what_the_reference_made_is_read() {
    for text in PLAIN.iter().chain(&LIMITED) {
        let macaroon = read(&bytes(text)).unwrap();
        assert_eq!(macaroon.location(), Some("pypi.org"));
        let expected: &[&str] = if LIMITED.contains(text) {
            &CONDITIONS
        } else {
            &[]
        };
        assert_eq!(conditions(&macaroon), expected);
    }
}

#[test]
fn a_child_is_the_one_that_the_reference_makes() {
    let more = CONDITIONS.map(str::to_owned);
    for (plain, limited) in PLAIN.iter().zip(LIMITED) {
        let parent = read(&bytes(plain)).unwrap();
        assert_eq!(
            URL_SAFE_NO_PAD.encode(&*parent.with(&more).unwrap()),
            limited
        );
        // One after the other is the same.
        let mut child = bytes(plain);
        for one in &more {
            let next = read(&child).unwrap().with(std::slice::from_ref(one));
            child = next.unwrap().to_vec();
        }
        assert_eq!(child, bytes(limited));
        assert_eq!(*parent.with(&[]).unwrap(), bytes(plain));
    }
}

#[test]
fn half_a_macaroon_is_none() {
    for text in PLAIN.iter().chain(&LIMITED) {
        let whole = bytes(text);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_none(), "{end}");
        }
        let longer = [&whole[..], b"\0"].concat();
        assert!(read(&longer).is_none());
    }
}

#[test]
fn conditions_of_others_are_seen_and_not_understood() {
    let mut numbered = Zeroizing::new(vec![2]);
    push_numbered(&mut numbered, 2, b"id");
    push_number(&mut numbered, 0);
    for (field, data) in [(1, "other.example"), (2, "who"), (4, "key")] {
        push_numbered(&mut numbered, field, data.as_bytes());
    }
    for end in [0, 0] {
        push_number(&mut numbered, end);
    }
    push_numbered(&mut numbered, 6, &[7; SIGNATURE]);
    let mut named = Zeroizing::new(Vec::new());
    for (key, data) in [
        (&b"identifier"[..], &b"id"[..]),
        (b"cid", b"who"),
        (b"vid", b"key"),
        (b"cl", b"other.example"),
        (b"signature", &[7; SIGNATURE]),
    ] {
        push_named(&mut named, key, data).unwrap();
    }
    for bytes in [numbered, named] {
        let macaroon = read(&bytes).unwrap();
        assert_eq!(macaroon.caveats().collect::<Vec<_>>(), [None]);
        assert_eq!(macaroon.location(), None);
        let child = macaroon.with(&["[1,[\"foo\"]]".to_owned()]).unwrap();
        let child = read(&child).unwrap();
        let expected = [None, Some(&b"[1,[\"foo\"]]"[..])];
        assert_eq!(child.caveats().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn limits() {
    let many = vec!["x".to_owned(); CAVEATS];
    for form in [Form::Named, Form::Numbered] {
        let full = made(form, Some("pypi.org"), b"id", &many);
        let macaroon = read(&full).unwrap();
        let more = macaroon.with(&["x".to_owned()]).unwrap();
        assert!(read(&more).is_none());
    }
    let long = ["x".repeat(PACKET_1)];
    let named = read(&bytes(PLAIN[0])).unwrap();
    assert!(named.with(&long).is_none());
    // A length that says more than there can be.
    for length in [
        &b"\xff\xff\xff\xff\xff"[..],
        b"\xff\xff\xff\xff\x7f",
        b"\x80\x80\x80\x80\x80\x00",
    ] {
        assert!(read(&[b"\x02\x01", length, b"abc"].concat()).is_none());
    }
    for length in ["+016", " 016", "0000", "0004", "ffff", "00g0"] {
        let text = format!("{length}location pypi.org\n");
        assert!(read(text.as_bytes()).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_not(mut bytes in prop::collection::vec(any::<u8>(), 0..300), first in 0..3) {
        match first {
            0 => bytes.insert(0, 2),
            1 => bytes.splice(0..0, *b"0016location ").for_each(drop),
            _ => {}
        }
        if let Some(macaroon) = read(&bytes) {
            let child = macaroon.with(&["[0,1,0]".to_owned()]).unwrap();
            prop_assert!(read(&child).is_some());
        }
    }

    #[test]
    fn a_changed_byte_does_no_harm(which in 0..2_usize, at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = bytes(LIMITED[which]);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Some(macaroon) = read(&bytes) {
            prop_assert!(read(&macaroon.with(&[String::new()]).unwrap()).is_some());
        }
    }

    #[test]
    fn children_verify_under_the_root_key(
        numbered: bool,
        location in prop::option::of("[a-z.]{0,20}"),
        identifier in prop::collection::vec(any::<u8>(), 0..200),
        own in prop::collection::vec(".{0,40}", 0..5),
        more in prop::collection::vec(".{0,200}", 0..5),
    ) {
        let form = if numbered { Form::Numbered } else { Form::Named };
        let parent = read(&made(form, location.as_deref(), &identifier, &own)).unwrap();
        prop_assert_eq!(parent.location(), location.as_deref());
        let all = [own, more.clone()].concat();
        let expected = made(form, location.as_deref(), &identifier, &all);
        let child = parent.with(&more).unwrap();
        prop_assert_eq!(&*child, &expected);
        prop_assert_eq!(conditions(&read(&child).unwrap()), all);
    }
}
