//! Whether what a resolver wrote is an answer at all: in each of many environments, by the rules of
//! requirements alone.

use std::collections::{BTreeMap, BTreeSet};

use credential_helper::package::metadata::Metadata;
use credential_helper::package::{ExtraName, PackageName, Version, requirement};
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, VersionOrUrl};

use super::graph::Package;

/// Each Python on each system, of each kind, that a marker of these tests can tell apart.
fn environments() -> impl Iterator<Item = MarkerEnvironment> {
    let pythons = ["3.11.7", "3.12.1", "3.13.0", "3.14.2"];
    let systems = [
        ("linux", "posix", "Linux"),
        ("darwin", "posix", "Darwin"),
        ("win32", "nt", "Windows"),
    ];
    let kinds = [("cpython", "CPython"), ("pypy", "PyPy")];
    pythons.into_iter().flat_map(move |full| {
        systems.into_iter().flat_map(move |(system, os, name)| {
            kinds.into_iter().map(move |(kind, implementation)| {
                MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
                    implementation_name: kind,
                    implementation_version: full,
                    os_name: os,
                    platform_machine: "x86_64",
                    platform_python_implementation: implementation,
                    platform_release: "",
                    platform_system: name,
                    platform_version: "",
                    python_full_version: full,
                    python_version: &full[..4],
                    sys_platform: system,
                })
                .unwrap()
            })
        })
    })
}

/// What is wrong with pins of these packages, where this is wanted; nothing of a solution. Nothing may
/// be missing or too much anywhere, and there are no lines that hold nowhere.
pub(super) fn problems(packages: &[Package], wanted: &str, written: &str) -> BTreeSet<String> {
    let lines: Vec<_> = written
        .lines()
        .filter(|line| line.contains("=="))
        .map(|line| requirement::parse(line).unwrap())
        .collect();
    let mut problems: BTreeSet<String> = lines
        .iter()
        .filter(|line| !environments().any(|here| line.marker.evaluate(&here, &[])))
        .map(|line| format!("{line} holds nowhere"))
        .collect();
    for here in environments() {
        let mut chosen = BTreeMap::<PackageName, Version>::new();
        for line in &lines {
            let Some(VersionOrUrl::VersionSpecifier(pin)) = &line.version_or_url else {
                panic!("{line}");
            };
            let version = pin.iter().next().unwrap().version().clone();
            if line.marker.evaluate(&here, &[])
                && chosen.insert(line.name.clone(), version).is_some()
            {
                problems.insert(format!("{} twice", line.name));
            }
        }
        let place = format!(
            "{} {} {}",
            here.python_full_version(),
            here.sys_platform(),
            here.implementation_name()
        );
        for problem in unfulfilled(packages, wanted, &chosen, &here) {
            problems.insert(format!("{place}: {problem}"));
        }
    }
    problems
}

fn unfulfilled(
    packages: &[Package],
    wanted: &str,
    chosen: &BTreeMap<PackageName, Version>,
    here: &MarkerEnvironment,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut todo: Vec<(_, Option<ExtraName>)> = wanted
        .lines()
        .map(|line| (requirement::parse(line).unwrap(), None))
        .collect();
    let mut seen = BTreeSet::<(PackageName, Option<ExtraName>)>::new();
    while let Some((need, asker)) = todo.pop() {
        let extras: Vec<ExtraName> = asker.into_iter().collect();
        if !need.marker.evaluate(here, &extras) {
            continue;
        }
        let Some(version) = chosen.get(&need.name) else {
            problems.push(format!("{need} is missing"));
            continue;
        };
        if let Some(VersionOrUrl::VersionSpecifier(range)) = &need.version_or_url
            && !range.contains(version)
        {
            problems.push(format!("{need} is not fulfilled by {version}"));
        }
        let package = packages.iter().find(|one| one.name == *need.name.as_ref());
        let mut releases = package.unwrap().releases.iter();
        let text = version.to_string();
        let release = releases.find(|one| one.version == text).unwrap();
        let about = Metadata::parse(&release.metadata).unwrap();
        if let Some(range) = &about.requires_python
            && !range.contains(&here.python_full_version().version)
        {
            problems.push(format!("{} {version} is not for this Python", need.name));
        }
        for extra in std::iter::once(None).chain(need.extras.into_iter().map(Some)) {
            if seen.insert((need.name.clone(), extra.clone())) {
                let needs = about.requires.iter().cloned();
                todo.extend(needs.map(|need| (need, extra.clone())));
            }
        }
    }
    for name in chosen.keys() {
        if !seen.iter().any(|(known, _)| known == name) {
            problems.push(format!("nothing asks for {name}"));
        }
    }
    problems
}
