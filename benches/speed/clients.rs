//! pip and uv, with one package from a private index: what a credential from each place costs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;

use crate::artifacts::done;
use crate::index::Index;
use crate::report::{Report, median};
use crate::run::Options;
use crate::stage::{PASSWORD, Stage, USER};

/// Where a run gets the credential from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Netrc,
    Python,
    Bridge,
}

impl From {
    const ALL: [Self; 3] = [Self::Netrc, Self::Python, Self::Bridge];

    fn word(self) -> &'static str {
        match self {
            Self::Netrc => "netrc",
            Self::Python => "Python's `keyring`",
            Self::Bridge => "our `keyring`",
        }
    }
}

struct Row {
    tool: &'static str,
    from: From,
    /// Wall and processor time of each round, in ms.
    costs: Vec<[f64; 2]>,
}

/// The programs that are compared, and what they work on.
struct Setting<'a> {
    stage: &'a Stage<'a>,
    index: Index,
    pip: PathBuf,
    uv: PathBuf,
    keyring: PathBuf,
    bridges: PathBuf,
    python: PathBuf,
    folder: PathBuf,
}

pub(crate) fn measure(stage: &Stage<'_>, options: &Options, report: &mut Report) {
    let Some(setting) = setting(stage) else {
        eprintln!(
            "clients: left out: `tests/clients/venvs.py pip uv` makes them, and CREDENTIAL_HELPER_TEST_PYTHON names a Python with keyring"
        );
        return;
    };
    eprintln!("clients: {} rounds", options.rounds);
    let mut rows: Vec<Row> = ["pip download", "uv pip install"]
        .into_iter()
        .flat_map(|tool| {
            From::ALL.map(|from| Row {
                tool,
                from,
                costs: Vec::new(),
            })
        })
        .collect();
    for round in 0..=options.rounds {
        // Who comes first in a round changes: nobody always follows the same other.
        let count = rows.len();
        for place in 0..count {
            let row = &mut rows[(place + round) % count];
            let cost = setting.run(row.tool, row.from);
            if round > 0 {
                row.costs.push(cost);
            }
        }
    }
    tell(&rows, report);
}

fn setting<'a>(stage: &'a Stage<'a>) -> Option<Setting<'a>> {
    let given = std::env::var_os("CREDENTIAL_HELPER_TEST_CLIENTS");
    let clients = given.map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/clients"),
        PathBuf::from,
    );
    if !clients.join("pip/bin/python").is_file() || !clients.join("uv/bin/uv").is_file() {
        return None;
    }
    let python = PathBuf::from(std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")?);
    let keyring = python.parent()?.join("keyring");
    let folder = stage.home.join("clients");
    let bridges = folder.join("bridges");
    std::fs::create_dir_all(&bridges).unwrap();
    let agent = stage.agents.last()?;
    std::os::unix::fs::symlink(&agent.build.helper, bridges.join("keyring")).unwrap();
    let setting = Setting {
        pip: clients.join("pip/bin/python"),
        uv: clients.join("uv/bin/uv"),
        index: Index::start(&python, &folder, USER, PASSWORD),
        stage,
        keyring,
        bridges,
        python,
        folder,
    };
    setting.prepare();
    Some(setting)
}

impl Setting<'_> {
    /// The same entry for both, and the files that the tools read.
    fn prepare(&self) {
        let url = self.index.url();
        let host = self.index.host.split(':').next().unwrap();
        let netrc = format!("machine {host} login {USER} password {PASSWORD}\n");
        std::fs::write(self.folder.join("netrc"), netrc).unwrap();
        let indexes = |more: &str| format!("[[index]]\nurl = \"{url}\"\ndefault = true\n{more}");
        std::fs::write(self.folder.join("plain.toml"), indexes("")).unwrap();
        let always = indexes("authenticate = \"always\"\n");
        std::fs::write(self.folder.join("always.toml"), always).unwrap();
        let mut set = self.stage.keyring.command(&self.keyring);
        crate::stage::fed(set.args(["set", &url, USER]), PASSWORD);
    }

    /// What one run costs, in ms of wall and processor time.
    fn run(&self, tool: &str, from: From) -> [f64; 2] {
        let output = self.folder.join("output");
        let _ = std::fs::remove_dir_all(&output);
        let words: Vec<OsString> = if tool.starts_with("pip") {
            self.pip_words(from, &output)
        } else {
            self.uv_words(from, &output)
        };
        let before = self.index.served.load(Ordering::Relaxed);
        let mut command = self.stage.launched(self.stage.agents.last(), None);
        self.surround(&mut command, from);
        let said = done(command.args(words));
        let numbers: Vec<f64> = said
            .split_whitespace()
            .map(|number| number.parse().unwrap())
            .collect();
        let after = self.index.served.load(Ordering::Relaxed);
        assert!(
            numbers[3] == 0.0 && after > before,
            "{tool} with {} ended with {}",
            from.word(),
            numbers[3]
        );
        [numbers[0] / 1e6, numbers[1] / 1e6]
    }

    fn surround(&self, command: &mut Command, from: From) {
        let first = match from {
            From::Netrc => None,
            From::Python => self.keyring.parent(),
            From::Bridge => Some(self.bridges.as_path()),
        };
        let path = std::env::var_os("PATH").unwrap();
        let folders = first.map(Path::to_path_buf).into_iter();
        let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
        command.env("PATH", path);
        let netrc = self.folder.join("netrc");
        if from == From::Netrc {
            command.env("NETRC", netrc);
        }
    }

    fn pip_words(&self, from: From, output: &Path) -> Vec<OsString> {
        let provider = if from == From::Netrc {
            "disabled"
        } else {
            "subprocess"
        };
        let mut words: Vec<OsString> = vec![self.pip.clone().into()];
        words.extend(
            [
                "-I",
                "-m",
                "pip",
                "--isolated",
                "download",
                "--quiet",
                "--no-input",
            ]
            .map(Into::into),
        );
        words
            .extend(["--disable-pip-version-check", "--no-cache-dir", "--no-deps"].map(Into::into));
        words.extend(["--keyring-provider", provider, "--index-url"].map(Into::into));
        words.push(self.index.url().into());
        words.extend(["--dest".into(), output.into(), "pkg".into()]);
        words
    }

    fn uv_words(&self, from: From, output: &Path) -> Vec<OsString> {
        let (provider, settings) = match from {
            From::Netrc => ("disabled", "plain.toml"),
            From::Python | From::Bridge => ("subprocess", "always.toml"),
        };
        let mut words: Vec<OsString> = vec![self.uv.clone().into()];
        words.extend(["pip", "install", "--quiet", "--no-cache", "--no-deps"].map(Into::into));
        words.extend(["--keyring-provider", provider, "--config-file"].map(Into::into));
        words.push(self.folder.join(settings).into());
        words.extend(["--python".into(), self.python.clone().into()]);
        words.extend(["--target".into(), output.into(), "pkg".into()]);
        words
    }
}

fn tell(rows: &[Row], report: &mut Report) {
    let mut table = vec![[
        "one package from a private index".to_owned(),
        "credential from".to_owned(),
        "wall, ms".to_owned(),
        "CPU, ms".to_owned(),
        "wall / netrc".to_owned(),
        "CPU / netrc".to_owned(),
    ]];
    let column = |row: &Row, index: usize| row.costs.iter().map(|cost| cost[index]).collect();
    for group in rows.chunks(From::ALL.len()) {
        let netrc = &group[0];
        for row in group {
            table.push([
                format!("`{}`", row.tool),
                row.from.word().to_owned(),
                format!("{:.1}", median(column(row, 0))),
                format!("{:.1}", median(column(row, 1))),
                format!("{:.3}", ratio(row, netrc, 0)),
                format!("{:.3}", ratio(row, netrc, 1)),
            ]);
        }
        let (python, bridge) = (&group[1], &group[2]);
        let goal = if netrc.tool.starts_with("pip") {
            1.03
        } else {
            1.05
        };
        let what = format!("`{}` with our `keyring` / with netrc", netrc.tool);
        report.at_most(&what, ratio(bridge, netrc, 0), goal);
        if !netrc.tool.starts_with("pip") {
            let what = format!("`{}` with Python's `keyring` / with ours", netrc.tool);
            report.at_least(&what, ratio(python, bridge, 0), 3.0);
        }
    }
    report.table(&table);
}

/// The median of the ratios of each round.
fn ratio(row: &Row, to: &Row, index: usize) -> f64 {
    let pairs = row.costs.iter().zip(&to.costs);
    median(pairs.map(|(row, to)| row[index] / to[index]).collect())
}
