//! Small archives for tests, written byte by byte, so that they can also be wrong.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What one file of a zip says of itself; each half can be made to differ.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) local_name: String,
    pub(crate) data: Vec<u8>,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// Added to the size in front of the file.
    pub(crate) local_size: u32,
    /// Bytes before the file that belong to none.
    pub(crate) before: Vec<u8>,
    pub(crate) descriptor: bool,
    pub(crate) comment: String,
}

/// A stored file.
pub(crate) fn member(name: &str, data: &str) -> Member {
    Member {
        name: name.to_owned(),
        local_name: name.to_owned(),
        data: data.as_bytes().to_vec(),
        flags: 0,
        method: 0,
        local_size: 0,
        before: Vec::new(),
        descriptor: false,
        comment: String::new(),
    }
}

/// A zip of these files, as its bytes.
pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for one in members {
        out.extend(&one.before);
        let offset = u32::try_from(out.len()).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(&one.data);
        let packed = if one.method == 8 {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&one.data).unwrap();
            encoder.finish().unwrap()
        } else {
            one.data.clone()
        };
        let flags = one.flags | if one.descriptor { 8 } else { 0 };
        let sizes = [packed.len(), one.data.len()].map(|size| u32::try_from(size).unwrap());
        let mut shared = Vec::new();
        shared.extend(20_u16.to_le_bytes());
        shared.extend(flags.to_le_bytes());
        shared.extend(one.method.to_le_bytes());
        shared.extend([0; 4]);
        let mut numbers = crc.sum().to_le_bytes().to_vec();
        numbers.extend(sizes[0].to_le_bytes());
        numbers.extend(sizes[1].to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&shared);
        if one.descriptor {
            out.extend([0; 12]);
        } else {
            out.extend(crc.sum().to_le_bytes());
            out.extend((sizes[0] + one.local_size).to_le_bytes());
            out.extend((sizes[1] + one.local_size).to_le_bytes());
        }
        out.extend(u16::try_from(one.local_name.len()).unwrap().to_le_bytes());
        out.extend([0; 2]);
        out.extend(one.local_name.as_bytes());
        out.extend(&packed);
        if one.descriptor {
            out.extend(b"PK\x07\x08");
            out.extend(&numbers);
        }
        central.extend(b"PK\x01\x02\x14\x00");
        central.extend(&shared);
        central.extend(&numbers);
        central.extend(u16::try_from(one.name.len()).unwrap().to_le_bytes());
        central.extend([0; 2]);
        central.extend(u16::try_from(one.comment.len()).unwrap().to_le_bytes());
        central.extend([0; 8]);
        central.extend(offset.to_le_bytes());
        central.extend(one.name.as_bytes());
        central.extend(one.comment.as_bytes());
    }
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    let offset = u32::try_from(out.len()).unwrap();
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Core metadata of this version, with further fields.
pub(crate) fn metadata(project: &str, version: &str, more: &str) -> String {
    format!("Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n{more}")
}

/// The files of a wheel.
pub(crate) fn wheel_members(folder: &str, metadata: &str) -> Vec<Member> {
    let mut packed = member(&format!("{folder}.dist-info/METADATA"), metadata);
    packed.method = 8;
    vec![
        member("pkg/__init__.py", ""),
        packed,
        member(&format!("{folder}.dist-info/WHEEL"), "Wheel-Version: 1.0\n"),
        member(&format!("{folder}.dist-info/RECORD"), ""),
    ]
}

/// Writes a wheel of a project and version.
pub(crate) fn wheel(folder: &Path, project: &str, version: &str) -> PathBuf {
    let text = metadata(project, version, "Summary: s\n\nlong\n");
    let name = format!("{project}-{version}");
    write(
        folder,
        &format!("{name}-py3-none-any.whl"),
        &zip(&wheel_members(&name, &text)),
    )
}

/// A block for a file of a tar.
pub(crate) fn tar_member(name: &str, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut head = [0_u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    head[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    head[156] = kind;
    head[257..263].copy_from_slice(b"ustar\0");
    head[148..156].copy_from_slice(b"        ");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut out = head.to_vec();
    out.extend(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

/// Packs bytes with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A source archive of these blocks.
pub(crate) fn tar_gz(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend([0; 1024]);
    gzip(&bytes)
}

/// Writes a source archive of a project and version.
pub(crate) fn sdist(folder: &Path, project: &str, version: &str) -> PathBuf {
    let name = format!("{project}-{version}");
    let info = tar_member(
        &format!("{name}/PKG-INFO"),
        b'0',
        metadata(project, version, "Summary: s\n\nlong\n").as_bytes(),
    );
    let bytes = tar_gz(&[info, tar_member(&format!("{name}/setup.py"), b'0', b"# x")]);
    write(folder, &format!("{name}.tar.gz"), &bytes)
}

/// Writes a file.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}
