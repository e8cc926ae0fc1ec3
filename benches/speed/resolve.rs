//! `helper resolve` beside `uv pip compile` and `poetry lock`, on an index that serves a recorded
//! graph: whoever answers otherwise than uv ends the benchmark.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::artifacts::done;
use crate::graph::{backtracking, recorded};
use crate::pins::pins;
use crate::report::{Report, median};
use crate::run::Options;
use crate::served::{Manner, Served};
use crate::stage::Stage;

/// Of each package.
const VERSIONS: usize = 40;
/// How many versions are tried before one fits.
const DEPTH: usize = 150;
/// `poetry lock` takes seconds; more rounds say nothing more.
const POETRY_ROUNDS: usize = 3;

const WANTED: [&str; 4] = ["requests", "pandas", "fastapi[standard]", "jupyter"];

#[derive(Clone, Copy, PartialEq)]
enum Tool {
    Ours,
    Uv,
    Poetry,
}

/// One way to ask, with all that it cost.
struct Case {
    name: &'static str,
    index: Served,
    wanted: &'static [&'static str],
    /// Whether the answers of a run before are still there.
    warm: bool,
    /// The most that our time may be of uv's.
    goal: f64,
    poetry: bool,
    ours: Vec<Cost>,
    uv: Vec<Cost>,
    theirs: Vec<Cost>,
}

#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    /// KiB.
    memory: f64,
    requests: f64,
}

struct Setting<'a> {
    stage: &'a Stage<'a>,
    python: PathBuf,
    folder: PathBuf,
}

pub(crate) fn measure(stage: &Stage<'_>, options: &Options, report: &mut Report) {
    let Some(setting) = setting(stage) else {
        eprintln!(
            "resolve: left out: CREDENTIAL_HELPER_TEST_PYTHON names no Python with uv beside it"
        );
        return;
    };
    eprintln!("resolve: {} rounds", options.rounds);
    let mut cases = cases();
    for case in &mut cases {
        for round in 0..=options.rounds {
            let mut tools = vec![Tool::Ours, Tool::Uv];
            if case.poetry && round <= POETRY_ROUNDS && setting.poetry().is_file() {
                tools.push(Tool::Poetry);
            }
            // Who comes first in a round changes: nobody always follows the same other.
            let count = tools.len();
            tools.rotate_left(round % count);
            let mut pins = Vec::new();
            for tool in tools {
                let (cost, found) = setting.run(case, tool);
                pins.push(found);
                if round > 0 {
                    match tool {
                        Tool::Ours => case.ours.push(cost),
                        Tool::Uv => case.uv.push(cost),
                        Tool::Poetry => case.theirs.push(cost),
                    }
                }
            }
            assert!(!pins[0].is_empty(), "{}: no answer", case.name);
            for other in &pins[1..] {
                assert_eq!(&pins[0], other, "{}: not the same versions", case.name);
            }
        }
    }
    tell(&cases, report);
}

fn cases() -> Vec<Case> {
    let graph = recorded(include_str!("../../tests/graphs/notebook.tsv"), VERSIONS);
    let deep = backtracking(DEPTH);
    let case = |name, index, goal| Case {
        name,
        index,
        wanted: &WANTED,
        warm: false,
        goal,
        poetry: false,
        ours: Vec::new(),
        uv: Vec::new(),
        theirs: Vec::new(),
    };
    let plain = || Served::start(&graph, Manner::default());
    let late = Manner {
        latency: Duration::from_millis(40),
        ..Manner::default()
    };
    let bare = Manner {
        no_metadata: true,
        ..Manner::default()
    };
    vec![
        Case {
            poetry: true,
            ..case("cold", plain(), 0.6)
        },
        Case {
            warm: true,
            poetry: true,
            ..case("warm", plain(), 0.8)
        },
        case("cold, 40 ms a request", Served::start(&graph, late), 0.7),
        case(
            "cold, no metadata beside wheels",
            Served::start(&graph, bare),
            1.0,
        ),
        Case {
            wanted: &["front", "base>=2"],
            ..case(
                "cold, 150 versions that do not fit",
                Served::start(&deep, Manner::default()),
                1.0,
            )
        },
    ]
}

fn setting<'a>(stage: &'a Stage<'a>) -> Option<Setting<'a>> {
    let python = PathBuf::from(std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")?);
    let folder = stage.home.join("resolve");
    std::fs::create_dir_all(&folder).unwrap();
    let setting = Setting {
        stage,
        python,
        folder,
    };
    setting.uv().is_file().then_some(setting)
}

impl Setting<'_> {
    fn beside(&self, program: &str) -> PathBuf {
        self.python.with_file_name(program)
    }

    fn uv(&self) -> PathBuf {
        self.beside("uv")
    }

    fn poetry(&self) -> PathBuf {
        self.beside("poetry")
    }

    /// What one run cost, and the versions that it found.
    fn run(&self, case: &Case, tool: Tool) -> (Cost, BTreeSet<String>) {
        let cache = self.folder.join(match tool {
            Tool::Ours => "cache-ours",
            Tool::Uv => "cache-uv",
            Tool::Poetry => "cache-poetry",
        });
        let project = self.folder.join("project");
        let _ = std::fs::remove_dir_all(&cache);
        if case.warm {
            self.once(case, tool, &cache, &project);
        }
        self.once(case, tool, &cache, &project)
    }

    fn once(
        &self,
        case: &Case,
        tool: Tool,
        cache: &Path,
        project: &Path,
    ) -> (Cost, BTreeSet<String>) {
        let _ = std::fs::remove_dir_all(project);
        std::fs::create_dir_all(project).unwrap();
        std::fs::write(project.join("wanted.txt"), case.wanted.join("\n")).unwrap();
        std::fs::write(project.join("pyproject.toml"), poetry_project(case)).unwrap();
        let agent = self.stage.agents.last();
        let mut command = self.stage.launched(agent, None);
        command
            .current_dir(project)
            .env("XDG_CACHE_HOME", cache)
            .env("UV_CACHE_DIR", cache)
            .env("POETRY_CACHE_DIR", cache)
            .env("POETRY_VIRTUALENVS_CREATE", "false")
            .env("POETRY_KEYRING_ENABLED", "false")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .env("PATH", self.path());
        let common = [
            "-o",
            "found.txt",
            "--python-version",
            "3.11.7",
            "--no-header",
            "--no-annotate",
        ];
        let url = case.index.url();
        let words: Vec<OsString> = match tool {
            Tool::Ours => {
                let helper = agent.unwrap().build.helper.clone();
                let words = ["resolve", "-r", "wanted.txt", "--index-url", &url];
                std::iter::once(helper.into())
                    .chain(words.into_iter().chain(common).map(Into::into))
                    .collect()
            }
            Tool::Uv => {
                let words = ["pip", "compile", "-q", "wanted.txt", "--index-url", &url];
                std::iter::once(self.uv().into())
                    .chain(words.into_iter().chain(common).map(Into::into))
                    .collect()
            }
            Tool::Poetry => vec![
                self.poetry().into(),
                "lock".into(),
                "--no-interaction".into(),
            ],
        };
        let before = case.index.requests.load(Ordering::Relaxed);
        let said = done(command.args(words));
        let after = case.index.requests.load(Ordering::Relaxed);
        let numbers: Vec<f64> = said
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        assert!(
            numbers[3] == 0.0,
            "{}: ended with {}",
            case.name,
            numbers[3]
        );
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        let cost = Cost {
            wall: numbers[0] / 1e6,
            cpu: numbers[1] / 1e6,
            memory: numbers[2],
            requests: (after - before) as f64,
        };
        let pins = match tool {
            Tool::Poetry => locked(&std::fs::read_to_string(project.join("poetry.lock")).unwrap()),
            _ => pins(&std::fs::read_to_string(project.join("found.txt")).unwrap()),
        };
        (cost, pins)
    }

    /// The interpreter that both ask is the first on the path.
    fn path(&self) -> OsString {
        let own = self.python.parent().map(Path::to_path_buf);
        let path = std::env::var_os("PATH").unwrap();
        std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap()
    }
}

fn poetry_project(case: &Case) -> String {
    let wanted: Vec<String> = case.wanted.iter().map(|one| format!("{one:?}")).collect();
    format!(
        "[project]\nname = \"a\"\nversion = \"1\"\nrequires-python = \">=3.11.7,<3.12\"\n\
         dependencies = [{}]\n[tool.poetry]\npackage-mode = false\n\
         [[tool.poetry.source]]\nname = \"here\"\nurl = \"{}\"\npriority = \"primary\"\n",
        wanted.join(", "),
        case.index.url()
    )
}

fn locked(text: &str) -> BTreeSet<String> {
    let packages = text.split("[[package]]").skip(1);
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key))?;
        Some(
            line.trim_start_matches([' ', '='])
                .trim_matches('"')
                .to_owned(),
        )
    };
    packages
        .filter_map(|package| {
            let (name, version) = (value(package, "name")?, value(package, "version")?);
            Some(format!("{name}=={version}"))
        })
        .collect()
}

fn tell(cases: &[Case], report: &mut Report) {
    let head = [
        "144 packages, 40 versions each",
        "tool",
        "wall, ms",
        "CPU, ms",
        "peak memory, MiB",
        "requests",
        "wall / uv",
    ];
    let mut table = vec![head.map(str::to_owned)];
    for case in cases {
        let tools = [
            ("`helper resolve`", &case.ours),
            ("`uv pip compile`", &case.uv),
            ("`poetry lock`", &case.theirs),
        ];
        for (tool, costs) in tools {
            if costs.is_empty() {
                continue;
            }
            let middle = |of: fn(&Cost) -> f64| median(costs.iter().map(of).collect());
            table.push([
                case.name.to_owned(),
                tool.to_owned(),
                format!("{:.0}", middle(|cost| cost.wall)),
                format!("{:.0}", middle(|cost| cost.cpu)),
                format!("{:.1}", middle(|cost| cost.memory) / 1024.0),
                format!("{:.0}", middle(|cost| cost.requests)),
                format!("{:.2}", ratio(costs, &case.uv, |cost| cost.wall)),
            ]);
        }
        let what = format!("`helper resolve` / `uv pip compile`, {}", case.name);
        report.at_most(
            &what,
            ratio(&case.ours, &case.uv, |cost| cost.wall),
            case.goal,
        );
        let memory = ratio(&case.ours, &case.uv, |cost| cost.memory);
        report.at_most(&format!("peak memory, {}", case.name), memory, 1.0);
        if !case.warm {
            let requests = ratio(&case.ours, &case.uv, |cost| cost.requests);
            report.at_most(&format!("requests, {}", case.name), requests, 1.05);
        }
    }
    report.table(&table);
}

/// The median of the ratios of each round.
fn ratio(ours: &[Cost], theirs: &[Cost], of: fn(&Cost) -> f64) -> f64 {
    let pairs = ours.iter().zip(theirs);
    median(pairs.map(|(ours, theirs)| of(ours) / of(theirs)).collect())
}
