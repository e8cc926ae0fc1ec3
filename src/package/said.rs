//! What an interpreter said of itself (`environment.py`), and what follows for wheels.

use serde::Deserialize;

use super::platform::Platform;
use super::tags::Interpreter;

/// The object that the script prints. Null stands for what does not apply.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "as the script says it")]
pub(super) struct Said {
    pub(super) markers: Markers,
    version: (u32, u32),
    platform: String,
    bits: u32,
    ext_suffix: String,
    free_threaded: bool,
    debug: bool,
    pymalloc: bool,
    hard_float: bool,
    glibc: Option<String>,
    musl: Option<String>,
    macos: Option<String>,
    ios: Option<String>,
    multiarch: Option<String>,
    android: Option<u32>,
    pyemscripten: Option<String>,
}

/// The values of markers (PEP 508).
#[derive(Deserialize)]
pub(super) struct Markers {
    pub(super) implementation_name: String,
    pub(super) implementation_version: String,
    pub(super) os_name: String,
    pub(super) platform_machine: String,
    pub(super) platform_python_implementation: String,
    pub(super) platform_release: String,
    pub(super) platform_system: String,
    pub(super) platform_version: String,
    pub(super) python_full_version: String,
    pub(super) python_version: String,
    pub(super) sys_platform: String,
}

impl Said {
    pub(super) fn interpreter(&self) -> Interpreter {
        let name = match self.markers.implementation_name.as_str() {
            "cpython" => "cp",
            "pypy" => "pp",
            "ironpython" => "ip",
            "jython" => "jy",
            "python" => "py",
            other => other,
        };
        let abis = if name == "cp" {
            self.cpython_abis()
        } else {
            self.abi().into_iter().collect()
        };
        Interpreter {
            name: name.to_owned(),
            version: self.version,
            abis,
        }
    }

    /// A debug build takes modules of a common one too, from 3.8 on.
    fn cpython_abis(&self) -> Vec<String> {
        let mut common = Interpreter::cpython(self.version, self.free_threaded).abis;
        let debug = if self.debug { "d" } else { "" };
        if self.version >= (3, 8) {
            if self.debug {
                let first = common.first().cloned().unwrap_or_default();
                common.insert(0, format!("{first}d"));
            }
            return common;
        }
        let pymalloc = if self.pymalloc { "m" } else { "" };
        let wide = if self.version < (3, 3) { "u" } else { "" };
        let (major, minor) = self.version;
        vec![format!("cp{major}{minor}{debug}{pymalloc}{wide}")]
    }

    /// The ABI in the ending of extension modules, as `.pypy311-pp73-x86_64-linux-gnu.so`.
    fn abi(&self) -> Option<String> {
        let mut parts = self.ext_suffix.split('.').skip(1);
        let (abi, _) = (parts.next()?, parts.next()?);
        let words = |count: usize| {
            let words: Vec<&str> = abi.split('-').take(count).collect();
            words.join("_")
        };
        let abi = if abi.starts_with("pypy") {
            words(2)
        } else if abi.starts_with("graalpy") {
            words(3)
        } else {
            abi.replace(['-', ' '], "_")
        };
        (!abi.is_empty()).then_some(abi)
    }

    pub(super) fn platform(&self) -> Platform {
        match self.markers.platform_system.as_str() {
            "Darwin" => self.darwin(),
            "Linux" => self.linux(),
            "iOS" => Platform::Ios {
                version: self.ios.as_deref().and_then(pair).unwrap_or_default(),
                multiarch: self.multiarch.clone().unwrap_or_default(),
            },
            "Android" => Platform::Android {
                api: self.android.unwrap_or_default(),
                abi: self
                    .platform
                    .rsplit('-')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            },
            "Emscripten" => match &self.pyemscripten {
                Some(version) => Platform::Pyodide {
                    version: version.clone(),
                    emscripten: self
                        .platform
                        .trim_start_matches("emscripten-")
                        .trim_end_matches("-wasm32")
                        .replace('.', "_"),
                },
                None => Platform::Single(self.platform.clone()),
            },
            _ => Platform::Single(self.platform.clone()),
        }
    }

    fn darwin(&self) -> Platform {
        let Some(version) = self.macos.as_deref().and_then(pair) else {
            return Platform::Single(self.platform.clone());
        };
        let machine = self.markers.platform_machine.as_str();
        let arch = match (self.bits, machine.starts_with("ppc")) {
            (32, true) => "ppc",
            (32, false) => "i386",
            _ => machine,
        };
        Platform::Macos {
            version,
            arch: arch.to_owned(),
        }
    }

    fn linux(&self) -> Platform {
        let tag = self.platform.replace(['-', '.', ' '], "_");
        let Some(arch) = tag.strip_prefix("linux_") else {
            return Platform::Single(tag);
        };
        let arch = match (self.bits, arch) {
            (32, "x86_64") => "i686",
            (32, "aarch64") => "armv8l",
            (_, arch) => arch,
        };
        let soft_float = matches!(arch, "armv7l" | "armv8l") && !self.hard_float;
        let arch = arch.to_owned();
        if let Some(musl) = self.musl.as_deref().and_then(pair) {
            return Platform::Musllinux { musl, arch };
        }
        match self.glibc.as_deref().and_then(pair) {
            Some(glibc) if !soft_float => Platform::Manylinux { glibc, arch },
            _ => Platform::Single(format!("linux_{arch}")),
        }
    }
}

/// `2.36` and what stands behind it, which some builds of glibc have (`2.20-2014.11`).
pub(super) fn pair(text: &str) -> Option<(u32, u32)> {
    let (major, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Some((major.parse().ok()?, rest.get(..digits)?.parse().ok()?))
}

/// A version as `platform.python_version()` gives it, made readable: a build of a development
/// branch ends in `+` (`packaging.markers` does the same).
pub(super) fn repaired(version: &str) -> String {
    if version.ends_with('+') {
        format!("{version}local")
    } else {
        version.to_owned()
    }
}
