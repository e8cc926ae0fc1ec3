//! Platforms, and the platform tags of wheels that run on them, the best first.
//!
//! The lists and their order are those of `packaging.tags` (26.4): PEP 425, 513, 571, 599, 600
//! (manylinux), 656 (musllinux), 730 (iOS), 738 (Android), 783 (pyemscripten).

/// What a platform is, as far as wheels care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Linux with glibc of this version.
    Manylinux {
        /// The version of glibc.
        glibc: (u32, u32),
        /// The architecture as in the tag (`x86_64`).
        arch: String,
    },
    /// Linux with musl of this version.
    Musllinux {
        /// The version of musl.
        musl: (u32, u32),
        /// The architecture as in the tag.
        arch: String,
    },
    /// macOS of this version.
    Macos {
        /// The version of the system.
        version: (u32, u32),
        /// `x86_64`, `arm64` and the older ones.
        arch: String,
    },
    /// iOS of this version; the simulator too.
    Ios {
        /// The version of the system.
        version: (u32, u32),
        /// `arm64_iphoneos`, `x86_64_iphonesimulator`.
        multiarch: String,
    },
    /// Android.
    Android {
        /// The highest level of the API.
        api: u32,
        /// `arm64_v8a`.
        abi: String,
    },
    /// Emscripten with Pyodide.
    Pyodide {
        /// The version of its ABI (`2025_0`).
        version: String,
        /// The version of Emscripten (`4_0_9`).
        emscripten: String,
    },
    /// One that has a single tag (`win_amd64`, `linux_mips`, `freebsd_14_1_release_amd64`).
    Single(String),
}

/// The architectures for which manylinux tags are known (PEP 600); `armv7l` and `i686` beside
/// them only for a hard-float and a 32-bit interpreter, which whoever makes a [`Platform`] knows.
const MANYLINUX: [&str; 9] = [
    "aarch64",
    "armv7l",
    "i686",
    "loongarch64",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390x",
    "x86_64",
];

/// The last minor version of a major one of glibc, a guess that `packaging` makes too: there has
/// been no 3.0.
const LAST_GLIBC_MINOR: u32 = 50;

/// Versions of systems above this are taken for it: lists stay short whatever an interpreter says.
const HIGHEST: u32 = 1000;

impl Platform {
    /// The platform tags, the best first.
    pub fn tags(&self) -> Vec<String> {
        match self {
            Self::Manylinux { glibc, arch } => manylinux(*glibc, arch),
            Self::Musllinux { musl, arch } => musllinux(*musl, arch),
            Self::Macos { version, arch } => macos(*version, arch),
            Self::Ios { version, multiarch } => ios(*version, multiarch),
            Self::Android { api, abi } => (16..=(*api).min(HIGHEST))
                .rev()
                .map(|level| format!("android_{level}_{}", normal(abi)))
                .collect(),
            // Before PEP 783 Pyodide's own tag; uv takes both.
            Self::Pyodide {
                version,
                emscripten,
            } => vec![
                format!("pyemscripten_{version}_wasm32"),
                format!("pyodide_{version}_wasm32"),
                format!("emscripten_{emscripten}_wasm32"),
            ],
            Self::Single(tag) => vec![normal(tag)],
        }
    }
}

/// A tag as `sysconfig.get_platform` spells it, as tags spell it.
fn normal(text: &str) -> String {
    text.replace(['.', '-', ' '], "_").to_ascii_lowercase()
}

/// The architectures whose programs run there: 32-bit ARM on a 64-bit processor runs both.
fn architectures(arch: &str) -> Vec<&str> {
    if arch == "armv8l" {
        vec!["armv8l", "armv7l"]
    } else {
        vec![arch]
    }
}

fn manylinux(glibc: (u32, u32), arch: &str) -> Vec<String> {
    let archs = architectures(arch);
    let mut tags: Vec<String> = archs.iter().map(|arch| format!("linux_{arch}")).collect();
    if !archs.iter().any(|arch| MANYLINUX.contains(arch)) {
        return tags;
    }
    let oldest = if archs.contains(&"x86_64") || archs.contains(&"i686") {
        5
    } else {
        17
    };
    for arch in archs {
        let mut newest = glibc.1.min(HIGHEST);
        for major in (2..=glibc.0.min(9)).rev() {
            let lowest = if major == 2 { oldest } else { 0 };
            for minor in (lowest..=newest).rev() {
                tags.push(format!("manylinux_{major}_{minor}_{arch}"));
                let old = match (major, minor) {
                    (2, 17) => "manylinux2014",
                    (2, 12) => "manylinux2010",
                    (2, 5) => "manylinux1",
                    _ => continue,
                };
                tags.push(format!("{old}_{arch}"));
            }
            newest = LAST_GLIBC_MINOR;
        }
    }
    tags
}

fn musllinux(musl: (u32, u32), arch: &str) -> Vec<String> {
    let archs = architectures(arch);
    let mut tags: Vec<String> = archs.iter().map(|arch| format!("linux_{arch}")).collect();
    for arch in archs {
        for minor in (0..=musl.1.min(HIGHEST)).rev() {
            tags.push(format!("musllinux_{}_{minor}_{arch}", musl.0));
        }
    }
    tags
}

/// The kinds of binary that run on an architecture at a version of macOS.
fn binary_formats(version: (u32, u32), arch: &str) -> Vec<&str> {
    let mut formats = vec![arch];
    match arch {
        "x86_64" | "i386" if version < (10, 4) => return Vec::new(),
        "x86_64" => formats.extend(["intel", "fat64", "fat3"]),
        "i386" => formats.extend(["intel", "fat3", "fat"]),
        "ppc64" if !((10, 4)..=(10, 5)).contains(&version) => return Vec::new(),
        "ppc64" => formats.push("fat64"),
        "ppc" if version > (10, 6) => return Vec::new(),
        "ppc" => formats.extend(["fat3", "fat"]),
        _ => {}
    }
    if matches!(arch, "arm64" | "x86_64") {
        formats.push("universal2");
    }
    if matches!(arch, "x86_64" | "i386" | "ppc64" | "ppc" | "intel") {
        formats.push("universal");
    }
    formats
}

fn macos(version: (u32, u32), arch: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let at = |major: u32, minor: u32| {
        binary_formats((major, minor), arch)
            .into_iter()
            .map(move |format| format!("macosx_{major}_{minor}_{format}"))
    };
    if version.0 == 10 {
        for minor in (0..=version.1.min(HIGHEST)).rev() {
            tags.extend(at(10, minor));
        }
    }
    if version.0 < 11 {
        return tags;
    }
    // From 11 on the major version counts; a binary for 10.x runs there too, on Apple's own
    // processors only the half of a universal one.
    for major in (11..=version.0.min(HIGHEST)).rev() {
        tags.extend(at(major, 0));
    }
    for minor in (4..=16).rev() {
        if arch == "x86_64" {
            tags.extend(at(10, minor));
        } else {
            tags.push(format!("macosx_10_{minor}_universal2"));
        }
    }
    tags
}

fn ios(version: (u32, u32), multiarch: &str) -> Vec<String> {
    let multiarch = multiarch.replace('-', "_");
    // 12.0 is the first that runs CPython; no minor version was above 9.
    let mut tags = Vec::new();
    if version.0 < 12 {
        return tags;
    }
    for minor in (0..=version.1.min(HIGHEST)).rev() {
        tags.push(format!("ios_{}_{minor}_{multiarch}", version.0));
    }
    for major in (12..version.0.min(HIGHEST)).rev() {
        for minor in (0..=9).rev() {
            tags.push(format!("ios_{major}_{minor}_{multiarch}"));
        }
    }
    tags
}
