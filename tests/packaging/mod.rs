//! The language of packages against PyPI's `packaging`: the same questions, the same answers.
//!
//! `differential.py` makes the cases. `CREDENTIAL_HELPER_TEST_SEED` and
//! `CREDENTIAL_HELPER_TEST_CASES` change which and how many; without a Python that has `packaging`
//! (`CREDENTIAL_HELPER_TEST_PYTHON`) the test says so and passes.

mod known;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr as _;

use credential_helper::package::environment::Environment;
use credential_helper::package::filename::{Filename, WheelName};
use credential_helper::package::{
    ExtraName, MarkerTree, PackageName, Requirement, Version, VersionSpecifiers, order, repair,
    requirement,
};
use pep508_rs::{MarkerEnvironment, VersionOrUrl};
use serde_json::Value;

/// How the helper answered.
enum Answer {
    Same,
    /// In another way, in words.
    Other(String),
}

/// Compares what can be shown.
fn same<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T) -> Answer {
    if ours == theirs {
        Answer::Same
    } else {
        Answer::Other(format!("{ours:?}, packaging: {theirs:?}"))
    }
}

/// What earlier cases left for later ones.
#[derive(Default)]
struct State {
    environments: Vec<MarkerEnvironment>,
    asked: Option<Environment>,
}

#[test]
fn the_same_answers_as_packaging() {
    let python = std::env::var("CREDENTIAL_HELPER_TEST_PYTHON").unwrap_or("python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packaging/differential.py");
    let has = Command::new(&python)
        .args(["-c", "from packaging.markers import prepare_environment"])
        .stderr(Stdio::null())
        .status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("left out: {python} has no packaging of the version in tests/requirements.txt");
        return;
    }
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let seed = number("CREDENTIAL_HELPER_TEST_SEED", 20_261_127);
    let cases = number("CREDENTIAL_HELPER_TEST_CASES", 100_000);
    let mut child = Command::new(&python)
        .arg(&script)
        .args([seed.to_string(), cases.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut state = State::default();
    let mut counts = BTreeMap::<String, u64>::new();
    let mut reasons = BTreeMap::<&'static str, u64>::new();
    let mut differences = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let case: Vec<Value> = serde_json::from_str(&line.unwrap()).unwrap();
        let kind = case[0].as_str().unwrap();
        *counts.entry(kind.to_owned()).or_default() += 1;
        if let Answer::Other(words) = state.answer(kind, &case) {
            match known::reason(kind, &case) {
                Some(reason) => *reasons.entry(reason).or_default() += 1,
                None => differences.push(format!("{kind} {}: {words}", case[1])),
            }
        }
    }
    assert!(child.wait().unwrap().success());
    let all: u64 = counts.values().sum();
    eprintln!("seed {seed}: {all} cases {counts:?}; known differences: {reasons:#?}");
    let shown = differences.iter().take(20).cloned().collect::<Vec<_>>();
    assert!(
        differences.is_empty(),
        "seed {seed}: {} of {all} cases differ, such as\n{}",
        differences.len(),
        shown.join("\n")
    );
    assert!(all >= cases * 99 / 100, "{all} cases");
}

impl State {
    fn answer(&mut self, kind: &str, case: &[Value]) -> Answer {
        match kind {
            "environments" => {
                self.environments = serde_json::from_value(case[1].clone()).unwrap();
                for environment in &mut self.environments {
                    *environment = credential_helper::package::environment::release(environment);
                }
                Answer::Same
            }
            "tags" => self.tags(case),
            "rank" => self.rank(case),
            "marker" => self.marker(case),
            "requirement" => requirement(case),
            "version" => version(case),
            "order" => ordering(case),
            "specifiers" => specifiers(case),
            "wheel" => wheel(case),
            "sdist" => sdist(case),
            _ => unreachable!("{kind}"),
        }
    }

    fn tags(&mut self, case: &[Value]) -> Answer {
        let said = case[1].as_str().unwrap();
        let environment = Environment::of_interpreter(said.as_bytes()).unwrap();
        let ours: Vec<String> = environment.tags().iter().collect();
        self.asked = Some(environment);
        let theirs: Vec<String> = serde_json::from_value(case[2].clone()).unwrap();
        if ours == theirs {
            return Answer::Same;
        }
        let place = ours
            .iter()
            .zip(&theirs)
            .position(|(one, other)| one != other);
        let at = place.unwrap_or(ours.len().min(theirs.len()));
        same(&ours.get(at), &theirs.get(at))
    }

    fn rank(&self, case: &[Value]) -> Answer {
        let mut parts = case[1].as_str().unwrap().split('-');
        let mut next = || {
            let set = parts.next().unwrap();
            set.split('.').map(str::to_owned).collect::<Vec<_>>()
        };
        let wheel = WheelName {
            project: PackageName::from_str("a").unwrap(),
            version: Version::new([1]),
            build: None,
            python: next(),
            abi: next(),
            platform: next(),
        };
        let ours = self.asked.as_ref().unwrap().tags().rank(&wheel);
        same(&ours.map(u64::from), &case[2].as_u64())
    }

    fn marker(&self, case: &[Value]) -> Answer {
        let text = case[1].as_str().unwrap();
        let place = usize::try_from(case[2].as_u64().unwrap()).unwrap();
        let extras: Vec<ExtraName> = serde_json::from_value(case[3].clone()).unwrap();
        let ours = requirement::marker(text).ok();
        let ours = ours.map(|marker| marker.evaluate(&self.environments[place], &extras));
        same(&ours, &case[5].as_bool())
    }
}

fn requirement(case: &[Value]) -> Answer {
    let text = case[1].as_str().unwrap();
    let Some(theirs) = case[2].as_array() else {
        return same(&requirement::parse(text).is_ok(), &false);
    };
    let Some(ours) = repair::requirement(text).map(|read| read.value) else {
        return Answer::Other("is none".to_owned());
    };
    // One that never holds is written as a comparison that never does.
    let again = requirement::parse(&ours.to_string());
    if again.as_ref() != Ok(&ours) && !ours.marker.is_false() {
        return Answer::Other(format!("{ours} is read as {again:?}"));
    }
    let marker = theirs[4].as_str().map(requirement::marker);
    let marker = marker.map_or(Ok(MarkerTree::TRUE), |marker| marker);
    if marker.ok().as_ref() != Some(&ours.marker) {
        let written = ours.marker.try_to_string();
        return Answer::Other(format!("{written:?}, packaging: {}", theirs[4]));
    }
    same(&parts(&ours), &theirs[..4].to_vec())
}

/// A requirement as the script tells it.
fn parts(requirement: &Requirement) -> Vec<Value> {
    let mut extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
    extras.sort();
    extras.dedup();
    let (mut specifiers, url) = match &requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(all)) => {
            (all.iter().map(ToString::to_string).collect(), None)
        }
        Some(VersionOrUrl::Url(url)) => (Vec::new(), Some(url.given().unwrap_or(url.as_str()))),
        None => (Vec::<String>::new(), None),
    };
    specifiers.sort();
    specifiers.dedup();
    vec![
        requirement.name.to_string().into(),
        extras.into(),
        specifiers.into(),
        url.into(),
    ]
}

fn version(case: &[Value]) -> Answer {
    let ours = Version::from_str(case[1].as_str().unwrap()).ok();
    let ours = ours.map(|version| {
        let release: Vec<String> = version.release().iter().map(u64::to_string).collect();
        let pre = version
            .pre()
            .map(|pre| [pre.kind.to_string(), pre.number.to_string()]);
        serde_json::json!([version.to_string(), release, pre])
    });
    same(&ours.unwrap_or_default(), &case[2])
}

fn ordering(case: &[Value]) -> Answer {
    let read = |value: &Value| Version::from_str(value.as_str().unwrap());
    let (Ok(one), Ok(other)) = (read(&case[1]), read(&case[2])) else {
        return Answer::Other("is none".to_owned());
    };
    let ours = i64::from(one > other) - i64::from(one < other);
    if (one == other) != (ours == 0) {
        return Answer::Other("equality and order disagree".to_owned());
    }
    same(&Some(ours), &case[3].as_i64())
}

fn specifiers(case: &[Value]) -> Answer {
    let text = case[1].as_str().unwrap();
    let read = repair::specifiers(text).map(|read| read.value);
    let strict = VersionSpecifiers::from_str(text);
    let Some(asked) = case[2].as_array() else {
        return same(&strict.is_ok(), &false);
    };
    let Some(read) = read else {
        return Answer::Other("is none".to_owned());
    };
    let range = order::range(&read);
    for one in asked {
        let version = Version::from_str(one[0].as_str().unwrap());
        let Ok(version) = version else {
            return Answer::Other(format!("{} is none", one[0]));
        };
        let ours = [true, false].map(|pre| order::contains(&read, &version, pre));
        let theirs = [1, 2].map(|place| one[place].as_bool().unwrap());
        if ours != theirs {
            return Answer::Other(format!("{version}: {ours:?}, packaging: {theirs:?}"));
        }
        if range.contains(&version) != theirs[0] {
            return Answer::Other(format!("{version}: not as its range {range}"));
        }
    }
    Answer::Same
}

fn wheel(case: &[Value]) -> Answer {
    let Ok(project) = PackageName::from_str(case[2].as_str().unwrap()) else {
        return same(&Value::Null, &case[3]);
    };
    let ours = match Filename::parse(case[1].as_str().unwrap(), &project) {
        Ok(Filename::Wheel(wheel)) => {
            let mut tags = Vec::new();
            for python in &wheel.python {
                for abi in &wheel.abi {
                    for platform in &wheel.platform {
                        tags.push(format!("{python}-{abi}-{platform}"));
                    }
                }
            }
            tags.sort();
            tags.dedup();
            let build = wheel.build.map(|(number, rest)| [number.to_string(), rest]);
            serde_json::json!([wheel.version.to_string(), build, tags])
        }
        Ok(Filename::Sdist(_)) | Err(_) => Value::Null,
    };
    same(&ours, &case[3])
}

fn sdist(case: &[Value]) -> Answer {
    let Ok(project) = PackageName::from_str(case[2].as_str().unwrap()) else {
        return same(&Value::Null, &case[3]);
    };
    let ours = match Filename::parse(case[1].as_str().unwrap(), &project) {
        Ok(Filename::Sdist(version)) => version.to_string().into(),
        Ok(Filename::Wheel(_)) | Err(_) => Value::Null,
    };
    same(&ours, &case[3])
}
