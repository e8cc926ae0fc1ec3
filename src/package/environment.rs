//! What a resolution for one environment is for: an interpreter on a platform.
//!
//! From an interpreter's own words, from `--python-version` and `--python-platform` (names and what
//! they stand for as with `uv pip compile` 0.13), or a default.

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, StringVersion};

use super::Version;
use super::platform::Platform;
use super::said::{Said, pair, repaired};
use super::tags::{Interpreter, Tags};

/// Run by an interpreter (`python -I -S -c`), this prints what [`Environment::of_interpreter`]
/// reads.
pub const ASK: &str = include_str!("environment.py");

/// The version of macOS that is taken for the names of platforms: the oldest that Apple supports.
const MACOS: (u32, u32) = (13, 0);

/// An interpreter on a platform.
#[derive(Clone, Debug)]
pub struct Environment {
    interpreter: Interpreter,
    platform: Platform,
    markers: MarkerEnvironment,
    python: Version,
    tags: Tags,
}

/// What a platform's name stands for: its wheels and its markers.
struct Target {
    platform: Platform,
    machine: &'static str,
    system: &'static str,
    sys: &'static str,
    os: &'static str,
    release: &'static str,
    version: &'static str,
}

impl Environment {
    /// Reads what [`ASK`] printed.
    ///
    /// # Errors
    /// A reason, if that cannot be what an interpreter said.
    pub fn of_interpreter(json: &[u8]) -> Result<Self, String> {
        let said: Said = serde_json::from_slice(json)
            .map_err(|_| "it is not the answer of an interpreter".to_owned())?;
        let full = repaired(&said.markers.python_full_version);
        let implementation = repaired(&said.markers.implementation_version);
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: &said.markers.implementation_name,
            implementation_version: &implementation,
            os_name: &said.markers.os_name,
            platform_machine: &said.markers.platform_machine,
            platform_python_implementation: &said.markers.platform_python_implementation,
            platform_release: &said.markers.platform_release,
            platform_system: &said.markers.platform_system,
            platform_version: &said.markers.platform_version,
            python_full_version: &full,
            python_version: &said.markers.python_version,
            sys_platform: &said.markers.sys_platform,
        })
        .map_err(|_| "its version cannot be read".to_owned())?;
        let interpreter = said.interpreter();
        let platform = said.platform();
        Ok(Self::new(interpreter, platform, &markers))
    }

    /// `CPython` 3.13 on this machine's platform, for where there is no interpreter to ask.
    ///
    /// # Errors
    /// Never: the versions in it can be read.
    pub fn fallback() -> Result<Self, String> {
        let target = target(here(), MACOS).unwrap_or_else(linux);
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: "3.13.0",
            os_name: target.os,
            platform_machine: target.machine,
            platform_python_implementation: "CPython",
            platform_release: target.release,
            platform_system: target.system,
            platform_version: target.version,
            python_full_version: "3.13.0",
            python_version: "3.13",
            sys_platform: target.sys,
        })
        .map_err(|_| "the version of Python cannot be read".to_owned())?;
        let interpreter = Interpreter::cpython((3, 13), false);
        Ok(Self::new(interpreter, target.platform, &markers))
    }

    fn new(interpreter: Interpreter, platform: Platform, markers: &MarkerEnvironment) -> Self {
        let tags = Tags::new(&interpreter, &platform);
        let python = markers.python_full_version().version.clone();
        let markers = release(markers);
        Self {
            interpreter,
            platform,
            markers,
            python,
            tags,
        }
    }

    /// The same with another version of Python, `X.Y` or `X.Y.Z`, with a `t` behind it for a
    /// build without the lock. The markers say `X.Y.0` for `X.Y`.
    ///
    /// # Errors
    /// A reason, if that is no version of Python.
    pub fn with_python(&self, text: &str) -> Result<Self, String> {
        let wrong = || "that is no version of Python, as 3.12 or 3.12.4 is".to_owned();
        let text = text.trim();
        let number = text.strip_suffix('t').unwrap_or(text);
        let free_threaded = number.len() < text.len();
        let version: Version = number.parse().map_err(|_| wrong())?;
        let [major, rest @ ..] = version.release() else {
            return Err(wrong());
        };
        let minor = rest.first().copied().unwrap_or(0);
        let patch = rest.get(1).copied().unwrap_or(0);
        if rest.len() > 2 || version.is_local() || version.is_post() || version.epoch() != 0 {
            return Err(wrong());
        }
        let language = match (u32::try_from(*major), u32::try_from(minor)) {
            (Ok(major @ 2..=9), Ok(minor @ 0..=999)) => (major, minor),
            _ => return Err(wrong()),
        };
        let short = Version::new([*major, minor]);
        let full = version.clone().with_release([*major, minor, patch]);
        let pypy = self.interpreter.name == "pp";
        let interpreter = if pypy {
            Interpreter::pypy(language)
        } else {
            Interpreter::cpython(language, free_threaded)
        };
        let mut markers = self
            .markers
            .clone()
            .with_python_full_version(full.clone())
            .with_python_version(short);
        // PyPy's own version is not that of the language.
        if !pypy {
            markers = markers.with_implementation_version(full);
        }
        Ok(Self::new(interpreter, self.platform.clone(), &markers))
    }

    /// The same on another platform, by the names that `uv pip compile` has. `macos` is the version
    /// of macOS for its names, from `MACOSX_DEPLOYMENT_TARGET`.
    ///
    /// # Errors
    /// A reason, if there is no platform of that name.
    pub fn with_platform(&self, name: &str, macos: Option<&str>) -> Result<Self, String> {
        let macos = macos.and_then(pair).unwrap_or(MACOS);
        let target = target(name, macos).ok_or_else(|| {
            format!(
                "there is no platform of that name; it is one of {}",
                platform_names()
            )
        })?;
        let markers = target.markers(self.markers.clone());
        Ok(Self::new(
            self.interpreter.clone(),
            target.platform,
            &markers,
        ))
    }

    /// The values of markers.
    pub fn markers(&self) -> &MarkerEnvironment {
        &self.markers
    }

    /// The wheels that fit.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// The version of Python, whole: a pre-release is one.
    pub fn python(&self) -> &Version {
        &self.python
    }

    /// The interpreter.
    pub fn interpreter(&self) -> &Interpreter {
        &self.interpreter
    }

    /// The platform.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }
}

/// The values of markers with versions of Python as `pep508_rs` compares them: it turns
/// `python_version` into `python_full_version` and knows releases alone, so that `3.14.0rc1` would
/// not be `>= "3.14"`. The spelling stays.
pub fn release(markers: &MarkerEnvironment) -> MarkerEnvironment {
    let of = |value: &StringVersion| StringVersion {
        string: value.string.clone(),
        version: value.version.only_release(),
    };
    markers
        .clone()
        .with_python_full_version(of(markers.python_full_version()))
        .with_implementation_version(of(markers.implementation_version()))
}

impl Target {
    fn markers(&self, markers: MarkerEnvironment) -> MarkerEnvironment {
        markers
            .with_os_name(self.os)
            .with_platform_machine(self.machine)
            .with_platform_system(self.system)
            .with_sys_platform(self.sys)
            .with_platform_release(self.release)
            .with_platform_version(self.version)
    }
}

/// Names of platforms that are not put together from an architecture and a version.
const NAMES: [&str; 18] = [
    "windows",
    "linux",
    "macos",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
    "i686-pc-windows-msvc",
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "riscv64-unknown-linux",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-linux-android",
    "aarch64-linux-android",
    "arm64-apple-ios",
    "wasm32-pyodide2024",
    "wasm32-pyodide2025",
];

/// The names of platforms, for messages and completions.
pub fn platform_names() -> String {
    format!(
        "{}, arm64-apple-ios-simulator, x86_64-apple-ios-simulator, and ARCH-manylinux_2_N",
        NAMES.join(", ")
    )
}

fn target(name: &str, macos: (u32, u32)) -> Option<Target> {
    let whole = match name {
        "linux" => "x86_64-unknown-linux-gnu",
        "windows" => "x86_64-pc-windows-msvc",
        "macos" => "aarch64-apple-darwin",
        "riscv64-unknown-linux" => "riscv64-manylinux_2_39",
        name => name,
    };
    let (arch, system) = whole.split_once('-')?;
    Some(match (arch, system) {
        ("x86_64", "pc-windows-msvc") => windows("win_amd64", "AMD64"),
        ("aarch64", "pc-windows-msvc") => windows("win_arm64", "ARM64"),
        ("i686", "pc-windows-msvc") => windows("win32", "x86"),
        ("x86_64", "apple-darwin") => darwin("x86_64", macos),
        ("aarch64", "apple-darwin") => darwin("arm64", macos),
        ("x86_64", "linux-android") => android("x86_64", "x86_64"),
        ("aarch64", "linux-android") => android("arm64_v8a", "aarch64"),
        ("arm64", "apple-ios") => phone("arm64", "arm64_iphoneos"),
        ("arm64", "apple-ios-simulator") => phone("arm64", "arm64_iphonesimulator"),
        ("x86_64", "apple-ios-simulator") => phone("x86_64", "x86_64_iphonesimulator"),
        ("wasm32", "pyodide2024") => pyodide("2024_0", "3.1.58"),
        ("wasm32", "pyodide2025") => pyodide("2025_0", "4.0.9"),
        (_, system) => {
            let arch = ["x86_64", "aarch64", "riscv64"]
                .into_iter()
                .find(|known| *known == arch)?;
            let manylinux = |glibc| Platform::Manylinux {
                glibc,
                arch: arch.to_owned(),
            };
            let platform = match system {
                "unknown-linux-gnu" => manylinux((2, 28)),
                "manylinux2014" => manylinux((2, 17)),
                "unknown-linux-musl" => Platform::Musllinux {
                    musl: (1, 2),
                    arch: arch.to_owned(),
                },
                other => {
                    let version = other.strip_prefix("manylinux_")?;
                    let version = pair(&version.replace('_', "."))?;
                    manylinux((version.0 == 2 && version.1 < 1000).then_some(version)?)
                }
            };
            unix(platform, arch, "Linux", "linux")
        }
    })
}

fn linux() -> Target {
    let platform = Platform::Manylinux {
        glibc: (2, 28),
        arch: "x86_64".to_owned(),
    };
    unix(platform, "x86_64", "Linux", "linux")
}

fn unix(
    platform: Platform,
    machine: &'static str,
    system: &'static str,
    sys: &'static str,
) -> Target {
    Target {
        platform,
        machine,
        system,
        sys,
        os: "posix",
        release: "",
        version: "",
    }
}

fn windows(tag: &str, machine: &'static str) -> Target {
    Target {
        os: "nt",
        ..unix(
            Platform::Single(tag.to_owned()),
            machine,
            "Windows",
            "win32",
        )
    }
}

fn darwin(arch: &'static str, version: (u32, u32)) -> Target {
    let platform = Platform::Macos {
        version,
        arch: arch.to_owned(),
    };
    unix(platform, arch, "Darwin", "darwin")
}

fn android(abi: &str, machine: &'static str) -> Target {
    let platform = Platform::Android {
        api: 24,
        abi: abi.to_owned(),
    };
    unix(platform, machine, "Android", "android")
}

fn phone(machine: &'static str, multiarch: &str) -> Target {
    let platform = Platform::Ios {
        version: (13, 0),
        multiarch: multiarch.to_owned(),
    };
    unix(platform, machine, "iOS", "ios")
}

/// The release is the version of Emscripten, the version what its own code gives for it.
fn pyodide(version: &str, emscripten: &'static str) -> Target {
    let platform = Platform::Pyodide {
        version: version.to_owned(),
        emscripten: emscripten.replace('.', "_"),
    };
    Target {
        release: emscripten,
        version: "#1",
        ..unix(platform, "wasm32", "Emscripten", "emscripten")
    }
}

/// The name of this machine's platform.
fn here() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", _) => "aarch64-apple-darwin",
        ("windows", "aarch64") => "aarch64-pc-windows-msvc",
        ("windows", _) => "x86_64-pc-windows-msvc",
        (_, "aarch64") => "aarch64-unknown-linux-gnu",
        (_, "riscv64") => "riscv64-unknown-linux",
        _ => "x86_64-unknown-linux-gnu",
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
