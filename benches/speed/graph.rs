//! A recorded dependency graph (`tests/graphs`), with older versions that were never there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The Python tags and platforms of wheels that hold machine code.
const PYTHONS: [&str; 4] = ["cp311", "cp312", "cp313", "cp314"];
const PLATFORMS: [&str; 4] = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "macosx_11_0_arm64",
    "win_amd64",
];

/// A package with all its versions, the newest first.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) releases: Vec<Release>,
}

/// A version of a package.
pub(crate) struct Release {
    pub(crate) version: String,
    pub(crate) requires_python: String,
    /// `METADATA`.
    pub(crate) metadata: Vec<u8>,
    /// The names of its files.
    pub(crate) files: Vec<String>,
}

/// Reads a recorded graph, and invents so many versions of each package.
pub(crate) fn recorded(text: &str, versions: usize) -> Vec<Package> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default();
            let (name, version, python, kind) = (next(), next(), next(), next());
            let requires: Vec<&str> = next().split(" | ").filter(|one| !one.is_empty()).collect();
            let releases = std::iter::once(version.to_owned()).chain(older(version));
            let releases = releases
                .take(versions)
                .map(|version| release(name, version, python, kind == "native", &requires));
            Package {
                name: name.to_lowercase().replace(['_', '.'], "-"),
                releases: releases.collect(),
            }
        })
        .collect()
}

/// Versions below one, the highest first: smaller last numbers, then smaller ones before them.
fn older(version: &str) -> impl Iterator<Item = String> + use<> {
    let mut numbers: Vec<u32> = version
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    numbers.resize(3, 0);
    let last = (0..1000).rev().map(|number| format!("0.0.0.0.{number}"));
    std::iter::from_fn(move || {
        let place = numbers.iter().rposition(|number| *number > 0)?;
        numbers[place] -= 1;
        if let Some(after) = numbers.get_mut(place + 1) {
            *after = 9;
        }
        Some(format!("{}.{}.{}", numbers[0], numbers[1], numbers[2]))
    })
    .chain(last)
}

/// A version of a package with these requirements.
pub(crate) fn release(
    name: &str,
    version: String,
    requires_python: &str,
    native: bool,
    requires: &[&str],
) -> Release {
    let mut metadata = format!("Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n");
    if !requires_python.is_empty() {
        let _ = writeln!(metadata, "Requires-Python: {requires_python}");
    }
    let mut extras = BTreeSet::new();
    for line in requires {
        let _ = writeln!(metadata, "Requires-Dist: {line}");
        for quote in ['"', '\''] {
            let named = line.split("extra == ").skip(1);
            extras.extend(named.filter_map(|rest| {
                let name = rest.strip_prefix(quote)?.split(quote).next()?;
                Some(name.to_owned())
            }));
        }
    }
    for extra in &extras {
        let _ = writeln!(metadata, "Provides-Extra: {extra}");
    }
    metadata.push_str("\nA package of a benchmark.\n");
    let stem = format!("{}-{version}", name.to_lowercase().replace(['-', '.'], "_"));
    let mut files = vec![format!("{stem}.tar.gz")];
    if native {
        for python in PYTHONS {
            files.extend(
                PLATFORMS.map(|platform| format!("{stem}-{python}-{python}-{platform}.whl")),
            );
        }
    } else {
        files.push(format!("{stem}-py3-none-any.whl"));
    }
    Release {
        version,
        requires_python: requires_python.to_owned(),
        metadata: metadata.into_bytes(),
        files,
    }
}

/// A case in which the newest versions never fit: each of `depth` versions of two packages that go
/// together wants less of a third than is wanted.
pub(crate) fn backtracking(depth: usize) -> Vec<Package> {
    let package = |name: &str, releases: Vec<Release>| Package {
        name: name.to_owned(),
        releases,
    };
    let pair = (0..depth).rev();
    let front = pair.clone().map(|minor| {
        let wants = format!("core>=1.{minor}.0,<1.{}.0", minor + 1);
        release("front", format!("1.{minor}.0"), ">=3.8", false, &[&wants])
    });
    let core = pair.clone().map(|minor| {
        let wants = if minor == 0 { "base>=1" } else { "base>=1,<2" };
        release("core", format!("1.{minor}.0"), ">=3.8", false, &[wants])
    });
    let base = [2, 1].map(|major| release("base", format!("{major}.0.0"), ">=3.8", false, &[]));
    vec![
        package("front", front.collect()),
        package("core", core.collect()),
        package("base", base.into()),
    ]
}

/// A digest in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
