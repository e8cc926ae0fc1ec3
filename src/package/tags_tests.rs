use super::{Interpreter, Misfit, Tags};
use crate::package::filename::WheelName;
use crate::package::platform::Platform;

fn wheel(tags: &str) -> WheelName {
    let mut parts = tags
        .split('-')
        .map(|part| part.split('.').map(str::to_owned).collect());
    WheelName {
        project: "a".parse().unwrap(),
        version: "1".parse().unwrap(),
        build: None,
        python: parts.next().unwrap(),
        abi: parts.next().unwrap(),
        platform: parts.next().unwrap(),
    }
}

fn linux() -> Platform {
    Platform::Manylinux {
        glibc: (2, 28),
        arch: "x86_64".to_owned(),
    }
}

/// In the order of `packaging.tags.sys_tags`: the order here is the order of the ranks.
#[test]
fn better_wheels_have_lower_ranks() {
    let tags = Tags::new(&Interpreter::cpython((3, 12), false), &linux());
    let ranks: Vec<u32> = [
        "cp312-cp312-linux_x86_64",
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp312-cp312-manylinux2014_x86_64",
        "cp312-abi3-manylinux_2_28_x86_64",
        "cp312-none-manylinux1_x86_64",
        "cp39-abi3-manylinux_2_17_x86_64",
        "cp32-abi3-linux_x86_64",
        "py312-none-linux_x86_64",
        "py2.py3-none-linux_x86_64",
        "py30-none-manylinux_2_5_x86_64",
        "cp312-none-any",
        "py312-none-any",
        "py3-none-any",
        "py311-none-any",
    ]
    .iter()
    .map(|name| tags.rank(&wheel(name)).expect(name))
    .collect();
    let mut sorted = ranks.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ranks, sorted);
    assert_eq!(ranks[0], 0);
}

#[test]
fn a_rank_is_the_place_among_the_tags() {
    for interpreter in [
        Interpreter::cpython((3, 12), false),
        Interpreter::cpython((3, 14), true),
        Interpreter::cpython((2, 7), false),
        Interpreter::pypy((3, 10)),
    ] {
        let tags = Tags::new(&interpreter, &linux());
        for (place, tag) in (0..).zip(tags.iter()) {
            assert_eq!(tags.rank(&wheel(&tag)), Some(place), "{tag}");
        }
    }
}

#[test]
fn what_does_not_fit_is_told_why() {
    let tags = Tags::new(&Interpreter::cpython((3, 12), false), &linux());
    for (name, misfit) in [
        ("cp313-cp313-manylinux_2_28_x86_64", Misfit::Python),
        ("cp313-abi3-manylinux_2_28_x86_64", Misfit::Python),
        ("pp310-pypy310_pp73-linux_x86_64", Misfit::Python),
        ("py2-none-any", Misfit::Python),
        ("py313-none-any", Misfit::Python),
        ("cp312-cp312t-manylinux_2_28_x86_64", Misfit::Abi),
        ("cp39-cp39-manylinux_2_28_x86_64", Misfit::Abi),
        ("cp312-cp312-manylinux_2_29_x86_64", Misfit::Platform),
        ("cp312-cp312-musllinux_1_2_x86_64", Misfit::Platform),
        ("cp312-cp312-win_amd64", Misfit::Platform),
        ("cp39.cp312-cp39.cp312-win_amd64", Misfit::Platform),
        ("cp312-cp312-any", Misfit::Platform),
    ] {
        assert_eq!(tags.rank(&wheel(name)), None, "{name}");
        assert_eq!(tags.misfit(&wheel(name)), misfit, "{name}");
    }
}

#[test]
fn tags_are_compared_in_lower_case() {
    let tags = Tags::new(&Interpreter::cpython((3, 12), false), &linux());
    assert_eq!(tags.rank(&wheel("CP312-Cp312-LINUX_X86_64")), Some(0));
    assert!(tags.rank(&wheel("PY3-NONE-ANY")).is_some());
}

#[test]
fn without_the_lock_other_stable_abis_count() {
    let tags = Tags::new(&Interpreter::cpython((3, 15), true), &linux());
    for (name, fits) in [
        ("cp315-cp315t-linux_x86_64", true),
        ("cp315-cp315-linux_x86_64", false),
        ("cp315-abi3t-linux_x86_64", true),
        ("cp315-abi3.abi3t-linux_x86_64", true),
        ("cp315-abi3-linux_x86_64", false),
        ("cp313-abi3-linux_x86_64", false),
        ("cp313-none-linux_x86_64", false),
        ("py3-none-any", true),
    ] {
        assert_eq!(tags.rank(&wheel(name)).is_some(), fits, "{name}");
    }
}

#[test]
fn universal_takes_what_an_interpreter_within_the_bounds_takes() {
    let at_least = |text: &str| Tags::universal(Some(&text.parse().unwrap()));
    for (requires, name, fits) in [
        (">=3.9", "py3-none-any", true),
        (">=3.9", "py2.py3-none-any", true),
        (">=3.9", "py2-none-any", false),
        (">=3.9", "py27-none-any", false),
        (">=3.9", "cp38-cp38-win_amd64", false),
        (">=3.9", "cp39-cp39-win_amd64", true),
        (">=3.9.2", "cp39-cp39-win_amd64", true),
        (">=3.9", "cp38-abi3-win_amd64", true),
        (">=3.9,<3.12", "cp312-abi3-win_amd64", false),
        (">=3.9,<3.12", "cp312-cp312-win_amd64", false),
        (">=3.9,<3.12", "py312-none-any", false),
        (">=3.9,<3.12", "cp311-none-macosx_11_0_arm64", true),
        (">=3.9", "cp314-cp314t-musllinux_1_2_s390x", true),
        (">=3.15", "cp315-abi3.abi3t-linux_x86_64", true),
        (">=3.9", "pp310-pypy310_pp73-linux_x86_64", true),
        (">=3.11", "pp310-pypy310_pp73-linux_x86_64", false),
        (">=3.9", "pp3-none-any", true),
        (
            ">=3.9",
            "graalpy311-graalpy242_311_native-linux_x86_64",
            true,
        ),
        (">=3.9", "cp39-cp310-linux_x86_64", false),
        (">=3.9", "py3-abi3-linux_x86_64", false),
        ("==3.10.*", "cp310-cp310-linux_x86_64", true),
        ("==3.10.*", "cp311-cp311-linux_x86_64", false),
        (">=2.7,<3", "py2-none-any", true),
        (">=2.7,<3", "py3-none-any", false),
    ] {
        let tags = at_least(requires);
        assert_eq!(tags.rank(&wheel(name)).is_some(), fits, "{requires} {name}");
    }
    let every = Tags::universal(None);
    assert!(every.rank(&wheel("cp38-cp38-win_amd64")).is_some());
    assert!(every.rank(&wheel("py3-none-any")) < every.rank(&wheel("py3-none-win32")));
}
