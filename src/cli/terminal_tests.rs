use std::fs::File;
use std::io::{Read, Write};

use rustix::termios::{LocalModes, Termios, tcgetattr};

use super::{Ended, limits, line, typed};
use crate::ci::pty;

fn read(bytes: &[u8]) -> Result<String, Ended> {
    typed(bytes).map(|line| String::from_utf8(line.to_vec()).unwrap())
}

#[test]
fn keys() {
    for (bytes, text) in [
        (&b"pw\n"[..], "pw"),
        (b"pw\r", "pw"),
        (b"pwx\x7f\n", "pw"),
        (b"\x08\x7fpw\n", "pw"),
        ("p\u{e4}\x7fw\n".as_bytes(), "pw"),
        (b"wrong\x15pw\n", "pw"),
        (b"pw\x04", "pw"),
        (b"\n", ""),
    ] {
        assert_eq!(read(bytes).unwrap(), text, "{bytes:?}");
    }
    assert_eq!(read(b"pw\x03\n"), Err(Ended::Interrupted));
    assert_eq!(read(b"pw\x1c\n"), Err(Ended::Interrupted));
    assert_eq!(read(b"\x04"), Err(Ended::Closed));
    assert_eq!(read(b"pw"), Err(Ended::Closed));
    assert_eq!(read(&vec![b'x'; limits::SECRET + 2]), Err(Ended::TooLong));
    // Longer than the kernel's own line editing takes.
    let long = [vec![b'x'; 20_000], vec![b'\n']].concat();
    assert_eq!(read(&long).unwrap().len(), 20_000);
}

/// Types at a prompt once it is shown; the outcome, what stood on the terminal, and how the
/// terminal was before and after.
fn prompted(keys: &[u8]) -> (Result<String, Ended>, String, [Termios; 2]) {
    let (person, program) = pty::open().unwrap();
    let (mut person, mut program) = (File::from(person), File::from(program));
    let before = tcgetattr(&program).unwrap();
    let keys = keys.to_vec();
    let at_keyboard = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut byte = [0];
        while !seen.ends_with(b": ") {
            person.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        person.write_all(&keys).unwrap();
        while !seen.ends_with(b"\n") {
            person.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        (String::from_utf8(seen).unwrap(), person)
    });
    let outcome =
        line(&mut program, "password\u{1b}").map(|line| String::from_utf8(line.to_vec()).unwrap());
    let after = tcgetattr(&program).unwrap();
    let (seen, _person) = at_keyboard.join().unwrap();
    (outcome, seen, [before, after])
}

#[test]
fn nothing_is_echoed_and_the_terminal_is_as_before() {
    for (keys, outcome) in [
        (&b"hunter2\r"[..], Ok("hunter2".to_owned())),
        (b"hunter2\x03", Err(Ended::Interrupted)),
        (b"\x04", Err(Ended::Closed)),
    ] {
        let (got, seen, [before, after]) = prompted(keys);
        assert_eq!(got, outcome);
        assert_eq!(seen, "password\\u{1b}: \r\n");
        assert!(
            before
                .local_modes
                .contains(LocalModes::ECHO | LocalModes::ISIG)
        );
        assert_eq!(before.local_modes, after.local_modes);
        assert_eq!(before.input_modes, after.input_modes);
    }
}
