//! The encrypted session: secrets cross the bus as cipher text only.
//!
//! The algorithm is `dh-ietf1024-sha256-aes128-cbc-pkcs7` of the Secret Service specification
//! ("Transfer of Secrets"): a key exchange in the second Oakley group (RFC 2409, 6.2), HKDF with
//! SHA-256 without salt and info, AES-128 in CBC mode. It keeps secrets out of the bus daemon, its
//! monitors and their core files; it does not authenticate the service, which the check of the
//! owner's uid does.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hkdf::Hkdf;
use num_bigint::BigUint;
use sha2::Sha256;
use zbus::zvariant::OwnedObjectPath;
use zeroize::Zeroizing;

use super::trouble::Trouble;

/// The name of the algorithm.
pub(super) const ALGORITHM: &str = "dh-ietf1024-sha256-aes128-cbc-pkcs7";
/// The content type that Python keyring and secret-tool write.
pub(super) const CONTENT_TYPE: &str = "text/plain";

/// A secret as it travels: session, parameters (the initialisation vector), cipher text, content
/// type.
pub(super) type Wire = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// RFC 2409, 6.2; the generator is 2.
const PRIME: &[u8] = b"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
    020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
    4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF";
const PRIME_LENGTH: usize = 128;
/// In a group of a safe prime, an exponent of twice the wanted strength is as good as a full one
/// (RFC 7919, 5.2), and four times as fast.
const EXPONENT_LENGTH: usize = 32;
const BLOCK: usize = 16;

/// Our half of the exchange.
pub(super) struct Exchange {
    prime: BigUint,
    exponent: BigUint,
}

/// A session that the service has opened for us.
pub(super) struct Session {
    path: OwnedObjectPath,
    key: Zeroizing<[u8; BLOCK]>,
}

impl Exchange {
    /// A new one, with an exponent of its own.
    pub(super) fn new() -> Result<Self, Trouble> {
        let mut random = Zeroizing::new([0; EXPONENT_LENGTH]);
        fill(random.as_mut_slice())?;
        let prime = BigUint::parse_bytes(PRIME, 16).unwrap_or_default();
        let exponent = BigUint::from_bytes_be(random.as_slice());
        Ok(Self { prime, exponent })
    }

    /// What the service is sent.
    pub(super) fn public(&self) -> Vec<u8> {
        BigUint::from(2_u8)
            .modpow(&self.exponent, &self.prime)
            .to_bytes_be()
    }

    /// The session, from what the service sent.
    pub(super) fn finish(self, theirs: &[u8], path: OwnedObjectPath) -> Result<Session, Trouble> {
        let theirs = BigUint::from_bytes_be(theirs);
        let one = BigUint::from(1_u8);
        // 0, 1 and p-1 lead to a key that anyone can tell.
        if theirs <= one || theirs >= &self.prime - &one {
            return Err(Trouble::Refused(
                "the keyring sent a key that encrypts nothing".to_owned(),
            ));
        }
        let shared = Zeroizing::new(theirs.modpow(&self.exponent, &self.prime).to_bytes_be());
        let mut padded = Zeroizing::new([0; PRIME_LENGTH]);
        let start = PRIME_LENGTH.saturating_sub(shared.len());
        padded[start..].copy_from_slice(&shared);
        let mut key = Zeroizing::new([0; BLOCK]);
        Hkdf::<Sha256>::new(None, padded.as_slice())
            .expand(&[], key.as_mut_slice())
            .map_err(|_| Trouble::Broken("cannot derive the key of the session".to_owned()))?;
        Ok(Session { path, key })
    }
}

impl Session {
    /// Its object.
    pub(super) fn path(&self) -> &OwnedObjectPath {
        &self.path
    }

    /// A text as it travels.
    pub(super) fn seal(&self, text: &str) -> Result<Wire, Trouble> {
        let mut iv = [0; BLOCK];
        fill(&mut iv)?;
        let length = text.len();
        let mut buffer = Zeroizing::new(vec![0; (length / BLOCK + 1) * BLOCK]);
        buffer[..length].copy_from_slice(text.as_bytes());
        let sealed = cbc::Encryptor::<Aes128>::new((&*self.key).into(), (&iv).into())
            .encrypt_padded::<Pkcs7>(&mut buffer, length)
            .map_err(|_| Trouble::Broken("cannot encrypt the secret".to_owned()))?
            .to_vec();
        Ok((
            self.path.clone(),
            iv.to_vec(),
            sealed,
            CONTENT_TYPE.to_owned(),
        ))
    }

    /// What travelled, in the clear.
    pub(super) fn open(&self, wire: Wire) -> Result<Zeroizing<Vec<u8>>, Trouble> {
        let unreadable =
            || Trouble::Malformed("the keyring's answer cannot be decrypted".to_owned());
        let (_, parameters, sealed, _) = wire;
        let iv: [u8; BLOCK] = parameters.try_into().map_err(|_| unreadable())?;
        let mut buffer = Zeroizing::new(sealed);
        let length = cbc::Decryptor::<Aes128>::new((&*self.key).into(), (&iv).into())
            .decrypt_padded::<Pkcs7>(&mut buffer)
            .map_err(|_| unreadable())?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }
}

fn fill(buffer: &mut [u8]) -> Result<(), Trouble> {
    getrandom::fill(buffer)
        .map_err(|_| Trouble::Broken("this system gives no random numbers".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Exchange, Session};
    use zbus::zvariant::OwnedObjectPath;

    fn pair() -> (Session, Session) {
        let (ours, theirs) = (Exchange::new().unwrap(), Exchange::new().unwrap());
        let (sent, received) = (ours.public(), theirs.public());
        let path = OwnedObjectPath::try_from("/session").unwrap();
        (
            ours.finish(&received, path.clone()).unwrap(),
            theirs.finish(&sent, path).unwrap(),
        )
    }

    #[test]
    fn both_sides_read_each_other() {
        let (ours, theirs) = pair();
        for text in [
            "",
            "a",
            "exactly 16 bytes",
            "\u{e9}\u{20ac}",
            &"x".repeat(32 * 1024),
        ] {
            let wire = ours.seal(text).unwrap();
            assert_ne!(wire.2, text.as_bytes());
            assert_eq!(*theirs.open(wire).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn keys_that_encrypt_nothing_are_refused() {
        let path = OwnedObjectPath::try_from("/session").unwrap();
        let minus_one = (&Exchange::new().unwrap().prime - 1_u8).to_bytes_be();
        for key in [vec![], vec![0], vec![1], minus_one, vec![0xff; 128]] {
            assert!(Exchange::new().unwrap().finish(&key, path.clone()).is_err());
        }
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        let (ours, theirs) = pair();
        let mut wire = ours.seal("secret").unwrap();
        wire.1.pop();
        assert!(theirs.open(wire).is_err());
        let mut wire = ours.seal("secret").unwrap();
        wire.2.pop();
        assert!(theirs.open(wire).is_err());
    }
}
