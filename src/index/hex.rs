//! Digests in hex: every file of a page has one, and most have two.

/// In place of the value of what is no digit.
const NO_DIGIT: u8 = 0x80;
/// The value of each byte as a digit in hex.
const DIGITS: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};

/// The bytes of a SHA-256 in hex.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    let mut wrong = 0;
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| DIGITS[usize::from(digit)]);
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong & NO_DIGIT == 0).then_some(bytes)
}

/// Bytes in hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(LETTERS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{hex, unhex};

    #[test]
    fn there_and_back() {
        let text = "00ff0123456789abcdef".repeat(3) + "9a9a";
        let bytes = unhex(&text).unwrap();
        assert_eq!(bytes[..4], [0, 0xff, 1, 0x23]);
        assert_eq!(hex(&bytes), text);
        assert_eq!(unhex(&text.to_ascii_uppercase()), Some(bytes));
        for wrong in ["g", "G", "/", ":", "@", "`", " ", "\0"] {
            assert_eq!(unhex(&format!("{}{wrong}", &text[1..])), None, "{wrong}");
            assert_eq!(unhex(&format!("{wrong}{}", &text[1..])), None, "{wrong}");
        }
        assert_eq!(unhex(&text[2..]), None);
        assert_eq!(unhex(&format!("\u{e9}{}", &text[2..])), None);
    }
}
