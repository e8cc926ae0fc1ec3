use pep508_rs::MarkerTree;

use super::{Environment, NAMES};
use crate::package::platform::Platform;

fn linux() -> Environment {
    Environment::fallback()
        .and_then(|environment| environment.with_platform("linux", None))
        .unwrap()
}

fn holds(environment: &Environment, marker: &str) -> bool {
    let marker: MarkerTree = marker.parse().unwrap();
    marker.evaluate(environment.markers(), &[])
}

/// What `uv pip compile --python-platform` 0.13.9 takes for these names, found by asking it for
/// wheels and markers of every kind.
#[test]
fn the_names_stand_for_what_uv_takes_them_for() {
    for (name, best, last, machine, sys, system, os) in [
        (
            "linux",
            "linux_x86_64",
            "manylinux_2_28_x86_64",
            "x86_64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "windows",
            "win_amd64",
            "win_amd64",
            "AMD64",
            "win32",
            "Windows",
            "nt",
        ),
        (
            "macos",
            "macosx_13_0_arm64",
            "macosx_10_4_universal2",
            "arm64",
            "darwin",
            "Darwin",
            "posix",
        ),
        (
            "i686-pc-windows-msvc",
            "win32",
            "win32",
            "x86",
            "win32",
            "Windows",
            "nt",
        ),
        (
            "aarch64-pc-windows-msvc",
            "win_arm64",
            "win_arm64",
            "ARM64",
            "win32",
            "Windows",
            "nt",
        ),
        (
            "x86_64-apple-darwin",
            "macosx_13_0_x86_64",
            "macosx_10_4_universal",
            "x86_64",
            "darwin",
            "Darwin",
            "posix",
        ),
        (
            "aarch64-unknown-linux-gnu",
            "linux_aarch64",
            "manylinux_2_28_aarch64",
            "aarch64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "aarch64-unknown-linux-musl",
            "linux_aarch64",
            "musllinux_1_2_aarch64",
            "aarch64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "riscv64-unknown-linux",
            "linux_riscv64",
            "manylinux_2_39_riscv64",
            "riscv64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "x86_64-manylinux2014",
            "linux_x86_64",
            "manylinux1_x86_64",
            "x86_64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "x86_64-manylinux_2_40",
            "linux_x86_64",
            "manylinux_2_40_x86_64",
            "x86_64",
            "linux",
            "Linux",
            "posix",
        ),
        (
            "aarch64-linux-android",
            "android_24_arm64_v8a",
            "android_16_arm64_v8a",
            "aarch64",
            "android",
            "Android",
            "posix",
        ),
        (
            "x86_64-linux-android",
            "android_24_x86_64",
            "android_16_x86_64",
            "x86_64",
            "android",
            "Android",
            "posix",
        ),
        (
            "arm64-apple-ios",
            "ios_13_0_arm64_iphoneos",
            "ios_12_0_arm64_iphoneos",
            "arm64",
            "ios",
            "iOS",
            "posix",
        ),
        (
            "x86_64-apple-ios-simulator",
            "ios_13_0_x86_64_iphonesimulator",
            "ios_12_0_x86_64_iphonesimulator",
            "x86_64",
            "ios",
            "iOS",
            "posix",
        ),
        (
            "wasm32-pyodide2024",
            "pyemscripten_2024_0_wasm32",
            "pyodide_2024_0_wasm32",
            "wasm32",
            "emscripten",
            "Emscripten",
            "posix",
        ),
    ] {
        let environment = linux().with_platform(name, None).unwrap();
        let tags = environment.platform().tags();
        assert_eq!(tags[0], best, "{name}");
        assert!(tags.iter().any(|tag| tag == last), "{name}: {tags:?}");
        let markers = environment.markers();
        assert_eq!(markers.platform_machine(), machine, "{name}");
        assert_eq!(markers.sys_platform(), sys, "{name}");
        assert_eq!(markers.platform_system(), system, "{name}");
        assert_eq!(markers.os_name(), os, "{name}");
    }
    let pyodide = linux().with_platform("wasm32-pyodide2025", None).unwrap();
    assert!(holds(
        &pyodide,
        "platform_release == '4.0.9' and platform_version == '#1'"
    ));
    assert!(holds(
        &linux(),
        "platform_release == '' and platform_version == ''"
    ));
}

#[test]
fn every_name_in_the_message_is_one() {
    for name in NAMES {
        assert!(linux().with_platform(name, None).is_ok(), "{name}");
    }
    for name in [
        "",
        "linux-x86_64",
        "sparc-unknown-linux-gnu",
        "x86_64-manylinux_3_1",
        "x86_64-manylinux_2_5000",
        "x86_64-manylinux_2_x",
    ] {
        let reason = linux().with_platform(name, None).unwrap_err();
        assert!(reason.contains("aarch64-apple-darwin"), "{name}: {reason}");
    }
}

#[test]
fn the_version_of_macos_may_be_said() {
    let environment = linux().with_platform("macos", Some("11.3")).unwrap();
    let expected = Platform::Macos {
        version: (11, 3),
        arch: "arm64".to_owned(),
    };
    assert_eq!(environment.platform(), &expected);
}

#[test]
fn a_version_of_python_may_be_said() {
    for (text, full, short, abi) in [
        ("3.12", "3.12.0", "3.12", "cp312"),
        ("3.12.4", "3.12.4", "3.12", "cp312"),
        ("3", "3.0.0", "3.0", "cp30mu"),
        ("3.14.0rc1", "3.14.0rc1", "3.14", "cp314"),
        ("3.13t", "3.13.0", "3.13", "cp313t"),
        ("3.7", "3.7.0", "3.7", "cp37m"),
    ] {
        let environment = linux().with_python(text).unwrap();
        assert_eq!(environment.python().to_string(), full, "{text}");
        let markers = environment.markers();
        assert_eq!(markers.python_full_version().string, full, "{text}");
        assert_eq!(markers.python_version().string, short, "{text}");
        assert_eq!(markers.implementation_version().string, full, "{text}");
        assert_eq!(environment.interpreter().abis, [abi], "{text}");
    }
    for text in [
        "",
        "x",
        "3.12.4.1",
        "1.0",
        "3.12+local",
        "1!3.12",
        "99999999999.1",
        "3.99999999999999999999",
        "-3.1",
        "3.12.post1",
    ] {
        assert!(linux().with_python(text).is_err(), "{text}");
    }
}

const SAID: &str = r##"{"markers": {"implementation_name": "NAME", "implementation_version": "7.3.13",
 "os_name": "posix", "platform_machine": "x86_64", "platform_python_implementation": "PyPy",
 "platform_release": "6.1.0-13-amd64", "platform_system": "SYSTEM", "platform_version": "#1 SMP",
 "python_full_version": "FULL", "python_version": "3.10", "sys_platform": "linux"},
 "version": [3, 10], "platform": "PLATFORM", "bits": 64, "ext_suffix": "SUFFIX",
 "free_threaded": false, "debug": DEBUG, "pymalloc": true, "hard_float": false, "glibc": "2.36",
 "musl": null, "macos": "14.2.1", "ios": "17.4", "multiarch": "arm64-iphonesimulator",
 "android": 34, "pyemscripten": null}"##;

fn said(changes: &[(&str, &str)]) -> Environment {
    let mut text = SAID.to_owned();
    let common = [
        ("NAME", "cpython"),
        ("SYSTEM", "Linux"),
        ("FULL", "3.10.13"),
        ("PLATFORM", "linux-x86_64"),
        ("SUFFIX", ".cpython-310-x86_64-linux-gnu.so"),
        ("DEBUG", "false"),
    ];
    for (from, to) in changes.iter().chain(&common) {
        text = text.replace(from, to);
    }
    Environment::of_interpreter(text.as_bytes()).unwrap()
}

#[test]
fn an_interpreter_says_what_it_is() {
    let common = said(&[]);
    assert_eq!(common.interpreter().abis, ["cp310"]);
    assert_eq!(common.platform().tags()[1], "manylinux_2_36_x86_64");

    let pypy = said(&[
        ("NAME", "pypy"),
        ("SUFFIX", ".pypy310-pp73-x86_64-linux-gnu.so"),
    ]);
    assert_eq!(
        pypy.tags().iter().next().unwrap(),
        "pp310-pypy310_pp73-linux_x86_64"
    );
    assert!(pypy.tags().iter().any(|tag| tag == "pp3-none-any"));
    let other = pypy.with_python("3.11").unwrap();
    assert_eq!(other.interpreter().abis, ["pypy311_pp73"]);
    assert_eq!(other.markers().implementation_version().string, "7.3.13");

    let graal = said(&[
        ("NAME", "graalpy"),
        ("SUFFIX", ".graalpy-38-native-x86_64-darwin.so"),
    ]);
    assert_eq!(graal.interpreter().abis, ["graalpy_38_native"]);

    let debug = said(&[("DEBUG", "true")]);
    assert_eq!(debug.interpreter().abis, ["cp310d", "cp310"]);

    let development = said(&[("FULL", "3.10.13+")]);
    assert_eq!(development.python().to_string(), "3.10.13+local");

    let narrow = said(&[(r#""bits": 64"#, r#""bits": 32"#)]);
    assert_eq!(narrow.platform().tags()[0], "linux_i686");
    let soft = said(&[("linux-x86_64", ""), ("PLATFORM", "linux-armv7l")]);
    assert_eq!(soft.platform().tags(), ["linux_armv7l"]);

    let mac = said(&[("SYSTEM", "Darwin"), ("PLATFORM", "macosx-10.9-universal2")]);
    assert_eq!(mac.platform().tags()[0], "macosx_14_0_x86_64");
    let phone = said(&[("SYSTEM", "iOS")]);
    assert_eq!(phone.platform().tags()[0], "ios_17_4_arm64_iphonesimulator");
    let android = said(&[("SYSTEM", "Android"), ("PLATFORM", "android-24-arm64_v8a")]);
    assert_eq!(android.platform().tags()[0], "android_34_arm64_v8a");
    let bsd = said(&[
        ("SYSTEM", "FreeBSD"),
        ("PLATFORM", "freebsd-14.1-RELEASE-amd64"),
    ]);
    assert_eq!(bsd.platform().tags(), ["freebsd_14_1_release_amd64"]);
}

#[test]
fn what_is_no_interpreter_is_told() {
    for text in ["", "{}", "null", "Python 3.11.2"] {
        let reason = Environment::of_interpreter(text.as_bytes()).unwrap_err();
        assert_eq!(reason, "it is not the answer of an interpreter");
    }
    let text = SAID.replace("FULL", "three").replace("DEBUG", "false");
    assert!(Environment::of_interpreter(text.as_bytes()).is_err());
}

/// The script itself, run by a real interpreter.
#[test]
fn the_script_runs() {
    let python = std::env::var("CREDENTIAL_HELPER_TEST_PYTHON").unwrap_or("python3".to_owned());
    let asked = |words: &[&str]| {
        let mut command = std::process::Command::new(&python);
        command.args(["-I", "-S", "-c", super::ASK]).args(words);
        let output = command.output().ok()?;
        assert!(output.status.success(), "{output:?}");
        Some(output.stdout)
    };
    let Some(said) = asked(&[]) else {
        return;
    };
    let environment = Environment::of_interpreter(&said).unwrap();
    assert!(holds(&environment, "implementation_name == 'cpython'"));
    assert!(environment.tags().iter().count() > 50);
    // In short as at length.
    let read = |json: &[u8]| serde_json::from_slice::<serde_json::Value>(json).unwrap();
    assert_eq!(read(&said), read(&asked(&["whole"]).unwrap()));
}
