//! Poetry's language of dependencies, as we read it and as real Poetry does: the cases and Poetry's
//! answers come from `tests/poetry/language.py`.

mod projects;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use credential_helper::package::{Version, VersionSpecifiers};
use credential_helper::resolve::input::{Around, Asked, Chosen, Files, Wanted};
use credential_helper_protocol::Failure;
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder, VersionOrUrl};
use serde_json::Value;
use version_ranges::Ranges;
use zeroize::Zeroizing;

const ENTRIES: usize = 3000;
const PROJECTS: usize = 400;

/// A difference, and whether a case shows it.
type Difference = (&'static str, fn(&Case<'_>) -> bool);

/// What we do otherwise, on purpose.
const DIFFERENCES: [Difference; 5] = [
    ("a local version stands behind `==` alone", |case| {
        case.toml.contains('+')
    }),
    // Poetry takes `<>1` for `==1`; elsewhere it was `!=`, while it was anything.
    ("`<>` is `!=`", |case| case.toml.contains("<>")),
    // Poetry's `!=1` lets 1.post1 pass when it stands alone, and not beside other parts.
    ("`!=1` is no word about 1.post1", |case| {
        case.toml.contains("!=") && case.told.contains(".post")
    }),
    // Alone, `==4.0` is every 4.0.*; Poetry forgets that where it joins it with what touches it.
    ("`python = \"==4.0 || <=4.0\"` has 4.0.1", |case| {
        let python = case.toml.split_once("python = ").map(|(_, text)| text);
        case.told.starts_with("marker") && python.is_some_and(|text| text.contains('|'))
    }),
    // Poetry makes `>=1` of `>1 || 1`, and so lets 1.post1 in, which neither allows.
    ("`>1 || 1` is not `>=1`", |case| {
        case.toml.contains('|') && case.toml.contains('>') && case.told.contains(".post")
    }),
];

struct Case<'a> {
    toml: &'a str,
    told: &'a str,
}

/// One file that is not on any disk.
struct One(PathBuf, String);

impl Files for One {
    fn text(&self, path: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
        Ok((path == self.0).then(|| Zeroizing::new(self.1.clone())))
    }

    fn is_file(&self, _: &Path) -> bool {
        false
    }

    fn folders(&self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
}

#[test]
fn dependencies_mean_what_they_mean_to_poetry() {
    let Some(python) = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON") else {
        eprintln!("CREDENTIAL_HELPER_TEST_PYTHON is not set: Poetry's language is not compared");
        return;
    };
    let seed = std::env::var("CREDENTIAL_HELPER_TEST_SEED").unwrap_or_else(|_| "1".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/poetry/language.py");
    let output = Command::new(python)
        .arg(script)
        .args([&seed, &ENTRIES.to_string(), &PROJECTS.to_string()])
        .current_dir(&folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let (maps, versions): (Vec<BTreeMap<String, String>>, Vec<String>) =
        serde_json::from_str(lines.next().unwrap()).unwrap();
    let environments: Vec<MarkerEnvironment> = maps.iter().map(environment).collect();
    let mut compared = 0;
    let mut by_name = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines {
        let case: Value = serde_json::from_str(line).unwrap();
        compared += 1;
        if let Some(text) = case["project"].as_str() {
            if let Some(told) = projects::differs(&case, text, &folder, &environments, &versions) {
                wrong.push(format!("{text}    {told}"));
            }
            continue;
        }
        let toml = case["toml"].as_str().unwrap();
        let ours = ours(toml, &folder);
        let told = match (&ours, case["error"].as_bool().unwrap()) {
            (Err(_), true) => None,
            (Err(failure), false) => Some(format!("refused: {failure}")),
            (Ok(_), true) => Some("taken, and Poetry refuses it".to_owned()),
            (Ok(wanted), false) => differs(&case, wanted, &environments),
        };
        if let Some(told) = told {
            let about = Case { toml, told: &told };
            match DIFFERENCES.iter().find(|(_, holds)| holds(&about)) {
                Some((name, _)) => *by_name.entry(*name).or_insert(0) += 1,
                None => wrong.push(format!("{toml}\n    {}\n    {told}", case["pep508"])),
            }
        }
    }
    assert_eq!(compared, ENTRIES + PROJECTS);
    eprintln!("seed {seed}: {compared} cases; differences: {by_name:?}");
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {compared} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

fn ours(toml: &str, folder: &Path) -> Result<Vec<Wanted>, Failure> {
    let text = format!("[tool.poetry.dependencies]\n\"Some.Name\" = {toml}\n");
    read(text, folder).map(|asked| asked.requirements)
}

fn read(text: String, folder: &Path) -> Result<Asked, Failure> {
    let around = Around {
        files: &One(folder.join("pyproject.toml"), text),
        variable: &|_| None,
        folder,
    };
    let mut asked = Asked::default();
    let path = Path::new("pyproject.toml");
    asked.project(path, &Chosen::everything(), &around)?;
    Ok(asked)
}

/// In what our reading differs from Poetry's.
fn differs(case: &Value, wanted: &[Wanted], environments: &[MarkerEnvironment]) -> Option<String> {
    let [wanted] = wanted else {
        return Some(format!("{} requirements", wanted.len()));
    };
    let requirement = &wanted.requirement;
    let url = match &requirement.version_or_url {
        Some(VersionOrUrl::Url(url)) => Some(url.to_string()),
        _ => None,
    };
    if url.as_deref() != case["url"].as_str() {
        return Some(format!("leads to {url:?}"));
    }
    let mut extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
    extras.sort();
    if serde_json::json!(extras) != case["extras"] {
        return Some(format!("extras {extras:?}"));
    }
    if wanted.source.as_deref() != case["source"].as_str() {
        return Some(format!("source {:?}", wanted.source));
    }
    if url.is_none() && case["prereleases"] != wanted.prereleases {
        return Some("other pre-releases".to_owned());
    }
    for (at, environment) in environments.iter().enumerate() {
        let holds = requirement.marker.evaluate(environment, &[]);
        if case["markers"][at] != holds {
            let marker = requirement.marker.try_to_string();
            let (python, system) = (
                environment.python_full_version(),
                environment.sys_platform(),
            );
            return Some(format!("marker {marker:?}: {holds} for {python} {system}"));
        }
    }
    let ranges = ranges(wanted);
    for (text, allowed) in case["versions"].as_object().unwrap() {
        let version: Version = text.parse().unwrap();
        let ours = ranges.contains(&version);
        if *allowed != ours {
            let any: Vec<String> = wanted.any_of.iter().map(ToString::to_string).collect();
            return Some(format!("{requirement} {any:?}: {text} is {ours}"));
        }
    }
    None
}

/// The versions that are allowed: in the bounds, and in one of the alternatives.
fn ranges(wanted: &Wanted) -> Ranges<Version> {
    let of = |specifiers: &VersionSpecifiers| Ranges::from(specifiers.clone());
    let bounds = match &wanted.requirement.version_or_url {
        Some(VersionOrUrl::VersionSpecifier(specifiers)) => of(specifiers),
        _ => Ranges::full(),
    };
    if wanted.any_of.is_empty() {
        return bounds;
    }
    let mut any = Ranges::empty();
    for one in &wanted.any_of {
        any = any.union(&of(one));
    }
    bounds.intersection(&any)
}

fn environment(map: &BTreeMap<String, String>) -> MarkerEnvironment {
    MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
        implementation_name: &map["implementation_name"],
        implementation_version: &map["implementation_version"],
        os_name: &map["os_name"],
        platform_machine: &map["platform_machine"],
        platform_python_implementation: &map["platform_python_implementation"],
        platform_release: &map["platform_release"],
        platform_system: &map["platform_system"],
        platform_version: &map["platform_version"],
        python_full_version: &map["python_full_version"],
        python_version: &map["python_version"],
        sys_platform: &map["sys_platform"],
    })
    .unwrap()
}
