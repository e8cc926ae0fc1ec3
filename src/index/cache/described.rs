//! The metadata of a file, as they are kept: the texts, and a checksum before them.

use std::str::FromStr as _;

use serde::{Deserialize, Serialize};

use crate::package::metadata::Metadata;
use crate::package::{ExtraName, PackageName, Version, VersionSpecifiers, requirement};

#[derive(Serialize, Deserialize)]
struct Texts {
    /// How they were found.
    from: String,
    name: String,
    version: String,
    requires: Vec<String>,
    requires_python: Option<String>,
    extras: Vec<String>,
    doubts: Vec<String>,
}

/// Metadata, and the word for how they were found, as bytes.
pub(in crate::index) fn pack(metadata: &Metadata, from: &str) -> Vec<u8> {
    let texts = Texts {
        from: from.to_owned(),
        name: metadata.name.to_string(),
        version: metadata.version.to_string(),
        requires: metadata.requires.iter().map(ToString::to_string).collect(),
        requires_python: metadata.requires_python.as_ref().map(ToString::to_string),
        extras: metadata.extras.iter().map(ToString::to_string).collect(),
        doubts: metadata.doubts.clone(),
    };
    with_sum(&texts)
}

/// Metadata as they were written, and the word for how they were found, as bytes.
pub(in crate::index) fn pack_raw(raw: &[u8], from: &str) -> Vec<u8> {
    with_sum(&(from, raw))
}

fn with_sum(texts: &impl Serialize) -> Vec<u8> {
    let packed = postcard::to_stdvec(texts).unwrap_or_default();
    let mut bytes = sum(&packed).to_vec();
    bytes.extend(packed);
    bytes
}

fn without_sum(bytes: &[u8]) -> Option<&[u8]> {
    let (start, rest) = bytes.split_first_chunk::<4>()?;
    (*start == sum(rest)).then_some(rest)
}

/// What was packed; `None` where the bytes are damaged.
pub(in crate::index) fn unpack_raw(bytes: &[u8]) -> Option<(Vec<u8>, String)> {
    let (from, raw): (String, Vec<u8>) = postcard::from_bytes(without_sum(bytes)?).ok()?;
    Some((raw, from))
}

/// What was packed; `None` where the bytes are damaged.
pub(in crate::index) fn unpack(bytes: &[u8]) -> Option<(Metadata, String)> {
    let texts: Texts = postcard::from_bytes(without_sum(bytes)?).ok()?;
    let requires = texts.requires.iter();
    let extras = texts.extras.iter();
    let python = texts.requires_python.as_deref();
    let metadata = Metadata {
        name: PackageName::from_str(&texts.name).ok()?,
        version: Version::from_str(&texts.version).ok()?,
        requires: requires
            .map(|text| requirement::parse(text))
            .collect::<Result<_, _>>()
            .ok()?,
        requires_python: python.map(VersionSpecifiers::from_str).transpose().ok()?,
        extras: extras
            .map(|text| ExtraName::from_str(text))
            .collect::<Result<_, _>>()
            .ok()?,
        doubts: texts.doubts,
    };
    Some((metadata, texts.from))
}

fn sum(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::{pack, pack_raw, unpack, unpack_raw};
    use crate::package::metadata::Metadata;

    #[test]
    fn it_comes_back_as_it_was() {
        let text = "Metadata-Version: 2.1\nName: Foo_Bar\nVersion: 1.0.post1\n\
            Requires-Python: >=3.8,!=3.9.1\nProvides-Extra: Test\n\
            Requires-Dist: bar[baz,qux] (>=1.0,<2)\n\
            Requires-Dist: spam ; python_version < \"3.9\" and extra == 'test'\n\
            Requires-Dist: url @ https://h.example/url-1.0-py3-none-any.whl#sha256=00\n\n# words\n";
        let metadata = Metadata::parse(text.as_bytes()).unwrap();
        assert_eq!(metadata.requires.len(), 3);
        let mut bytes = pack(&metadata, "pep658");
        assert_eq!(unpack(&bytes), Some((metadata, "pep658".to_owned())));
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(unpack(&bytes), None, "{at}");
            bytes[at] ^= 1;
        }
        assert_eq!(unpack(&bytes[..3]), None);
        let raw = pack_raw(b"Name: foo", "range");
        assert_eq!(
            unpack_raw(&raw),
            Some((b"Name: foo".to_vec(), "range".to_owned()))
        );
    }

    /// Or a package could have a variable of this process sent to a server of its choice.
    #[test]
    fn no_variable_gets_into_a_url() {
        let text = "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n\
            Requires-Dist: url @ https://h.example/${PATH}/url-1.0-py3-none-any.whl\n";
        let metadata = Metadata::parse(text.as_bytes()).unwrap();
        let (again, _) = unpack(&pack(&metadata, "pep658")).unwrap();
        let shown = again.requires[0].to_string();
        assert!(!shown.contains("/usr") && shown.contains("PATH"), "{shown}");
        assert_eq!(again, metadata);
    }
}
