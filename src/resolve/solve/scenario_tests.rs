//! The resolution scenarios of the uv project (after packse), read from the folder beside the
//! checkout, or from `CREDENTIAL_HELPER_TEST_SCENARIOS`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::Deserialize;

use super::testing::{self, World, linux, metadata, name, requirement, sdist, wheel};
use super::{Names, Prerelease, Problem, Resolution, Strategy, Unsolved};
use crate::package::{ExtraName, VersionSpecifiers};

/// Scenarios that do not apply, and why.
const SKIPPED: [(&str, &str); 1] = [(
    "preferences-dependent-forking-conflicting",
    "fails for a resolver that does not split at the first package; uv 0.13 solves it, as we do",
)];

#[derive(Deserialize)]
struct Scenario {
    name: String,
    root: Root,
    #[serde(default)]
    packages: BTreeMap<String, Package>,
    expected: Expected,
    #[serde(default)]
    environment: Settings,
    #[serde(default)]
    resolver_options: Options,
}

#[derive(Deserialize)]
struct Root {
    requires: Vec<String>,
    requires_python: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    versions: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    requires: Vec<String>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    requires_python: Option<String>,
    #[serde(default)]
    yanked: bool,
    #[serde(default = "yes")]
    sdist: bool,
    #[serde(default = "yes")]
    wheel: bool,
    #[serde(default)]
    wheel_tags: Vec<String>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Expected {
    satisfiable: bool,
    #[serde(default)]
    packages: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Settings {
    python: Option<String>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    universal: bool,
    #[serde(default)]
    prereleases: bool,
    resolution: Option<String>,
    python: Option<String>,
    #[serde(default)]
    no_build: Vec<String>,
    #[serde(default)]
    no_binary: Vec<String>,
}

fn folder() -> PathBuf {
    std::env::var_os("CREDENTIAL_HELPER_TEST_SCENARIOS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/scenarios"),
        PathBuf::from,
    )
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for group in std::fs::read_dir(folder).unwrap() {
        let group = group.unwrap().path();
        if !group.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(group).unwrap() {
            let file = file.unwrap().path();
            if file
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                files.push(file);
            }
        }
    }
    files.sort();
    files
}

impl Scenario {
    fn world(&self) -> World {
        let mut world = World::new();
        for (project, package) in &self.packages {
            for (version, release) in &package.versions {
                let mut about = metadata(project, version, &[]);
                let mut requires: Vec<_> =
                    release.requires.iter().map(|r| requirement(r)).collect();
                for (extra, more) in &release.extras {
                    let extra = ExtraName::from_str(extra).unwrap();
                    requires.extend(
                        more.iter()
                            .map(|text| requirement(text).with_extra_marker(&extra)),
                    );
                    about.extras.push(extra);
                }
                about.requires = requires;
                let python = release.requires_python.as_deref().unwrap_or(">=3.12");
                about.requires_python = Some(VersionSpecifiers::from_str(python).unwrap());
                let tags = if release.wheel_tags.is_empty() {
                    vec!["py3-none-any".to_owned()]
                } else {
                    release.wheel_tags.clone()
                };
                let mut files = Vec::new();
                if release.wheel {
                    files.extend(tags.iter().map(|tags| wheel(project, version, tags)));
                }
                if release.sdist {
                    files.push(sdist(project, version));
                }
                for mut file in files {
                    file.requires_python.clone_from(&about.requires_python);
                    file.yanked = release.yanked.then(String::new);
                    world.put(file, Ok(about.clone()));
                }
            }
        }
        world
    }

    fn python(&self) -> &str {
        let chosen = self.resolver_options.python.as_deref();
        chosen
            .or(self.environment.python.as_deref())
            .unwrap_or("3.12")
    }

    fn problem(&self) -> Problem {
        let environment = if self.resolver_options.universal {
            let asked = self.root.requires_python.clone();
            let python = match asked {
                Some(python) if python != ">=0" => python,
                _ => format!(">={}", self.python()),
            };
            testing::universal(&python)
        } else {
            testing::one(self.python())
        };
        let requires: Vec<&str> = self.root.requires.iter().map(String::as_str).collect();
        let mut problem = testing::problem(&requires, environment);
        if self.resolver_options.prereleases {
            problem.prerelease = Prerelease::Allow;
        }
        problem.strategy = match self.resolver_options.resolution.as_deref() {
            Some("lowest") => Strategy::Lowest,
            Some("lowest-direct") => Strategy::LowestDirect,
            _ => Strategy::Highest,
        };
        let names = |list: &[String]| match list {
            [] => Names::None,
            _ => Names::These(list.iter().map(|one| name(one)).collect()),
        };
        problem.no_build = names(&self.resolver_options.no_build);
        problem.no_binary = names(&self.resolver_options.no_binary);
        problem
    }

    /// What is wrong with an answer.
    fn wrong(&self, answer: &Result<Resolution, Unsolved>) -> Option<String> {
        match answer {
            Err(Unsolved::Failed(failure)) => Some(format!("failed: {failure}")),
            Err(Unsolved::Conflict(_)) if !self.expected.satisfiable => None,
            Err(unsolved) => Some(format!("unsolved: {}", unsolved.failure())),
            Ok(resolution) if !self.expected.satisfiable => {
                Some(format!("solved: {:?}", testing::lines(resolution)))
            }
            Ok(_) if self.expected.packages.is_empty() => None,
            Ok(resolution) => {
                let here = linux(self.python());
                let got: BTreeMap<String, String> = resolution
                    .packages
                    .iter()
                    .filter(|package| package.marker.evaluate(&here, &[]))
                    .map(|package| (package.name.to_string(), package.version.to_string()))
                    .collect();
                (got != self.expected.packages).then(|| {
                    format!(
                        "{:?} instead of {:?}",
                        testing::lines(resolution),
                        self.expected.packages
                    )
                })
            }
        }
    }
}

/// What `uv pip compile --universal` (0.13.9) says to the universal scenarios, where their files do
/// not say which versions are right.
fn peers() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut peers = BTreeMap::<_, Vec<_>>::new();
    let mut name = "";
    for line in include_str!("universal.txt").lines() {
        if let Some(next) = line.strip_prefix("# ") {
            name = next;
            peers.insert(name, Vec::new());
        } else if !line.is_empty() {
            peers.entry(name).or_default().push(line);
        }
    }
    peers
}

fn without_extras(resolution: &Resolution) -> Vec<String> {
    let mut resolution = resolution.clone();
    for package in &mut resolution.packages {
        package.extras.clear();
    }
    testing::lines(&resolution)
}

#[test]
fn scenarios_end_as_expected() {
    let folder = folder();
    if !folder.is_dir() {
        eprintln!("no scenarios beside the checkout: nothing was tested");
        return;
    }
    let peers = peers();
    let mut run = 0;
    let mut wrong = Vec::new();
    for path in files(&folder) {
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario: Scenario =
            toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if SKIPPED.iter().any(|(name, _)| *name == scenario.name) {
            continue;
        }
        run += 1;
        let world = Arc::new(scenario.world());
        let answer = testing::solve(&world, scenario.problem());
        if std::env::var_os("CREDENTIAL_HELPER_TEST_SHOW").is_some() {
            let shown = match &answer {
                Ok(resolution) => testing::lines(resolution).join("\n"),
                Err(unsolved) => {
                    let failure = unsolved.failure();
                    format!("{}\n{}", failure.message, failure.hint.unwrap_or_default())
                }
            };
            eprintln!("== {}\n{shown}\n", scenario.name);
        }
        if let Some(words) = scenario.wrong(&answer) {
            wrong.push(format!("{}: {words}", scenario.name));
        }
        if let (Some(lines), Ok(resolution)) = (peers.get(&*scenario.name), &answer) {
            let ours = without_extras(resolution);
            if ours != *lines {
                wrong.push(format!("{}: {ours:?} instead of {lines:?}", scenario.name));
            }
        }
    }
    assert!(run > 0, "no scenario in {}", folder.display());
    assert!(wrong.is_empty(), "{run} run:\n{}", wrong.join("\n"));
}
