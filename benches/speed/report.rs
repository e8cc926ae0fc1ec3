//! The tables, as they stand in the README.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::artifacts::{Artifacts, done};

const BEGIN: &str = "<!-- speed -->";
const END: &str = "<!-- speed: end -->";

/// The goals that are shown first; the rest is for who wants to know more.
const FIRST: [&str; 11] = [
    "`helper get` / C client, packaged",
    "`keyring get` / `helper get`, packaged",
    "read from the Secret Service / `secret-tool lookup`, packaged",
    "round trip, p50, packaged / ssh-agent",
    "PSS at rest, KiB, packaged",
    "`uv pip install` with our `keyring` / with netrc",
    "`helper exec`, direct, with a netrc in memory, packaged, ms",
    "`helper resolve` / `uv pip compile`, cold",
    "`helper resolve` / `uv pip compile`, warm",
    "upload, `helper publish`, packaged / uv",
    "first byte, `helper publish`, packaged / uv",
];

/// What was found.
pub(crate) struct Report {
    head: String,
    tables: String,
    goals: Vec<[String; 4]>,
}

impl Report {
    pub(crate) fn new(artifacts: &Artifacts, rounds: usize) -> Self {
        let date = done(Command::new("date").args(["-u", "+%Y-%m-%d"]));
        let kernel = done(Command::new("uname").arg("-sr"));
        let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu
            .lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(": "))
            .map_or("unknown CPU", |(_, model)| model.trim());
        let virtual_machine = if cpu.contains(" hypervisor") {
            ", virtual machine"
        } else {
            ""
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().unwrap_or_default();
        let head = format!(
            "{}, {model}, {cores} cores{virtual_machine}, {}, load {load}; {rounds} rounds; packaged: {}. \
             By `cargo bench --bench speed -- --write-readme`; a ratio is the median of the ratios of each round.\n",
            date.trim(),
            kernel.split('-').next().unwrap_or_default().trim(),
            artifacts.packaged.linked,
        );
        Self {
            head,
            tables: String::new(),
            goals: Vec::new(),
        }
    }

    /// A table; its first row is its head.
    pub(crate) fn table<R: AsRef<[String]>>(&mut self, rows: &[R]) {
        self.tables.push_str(&table(rows));
    }

    pub(crate) fn at_most(&mut self, what: &str, found: f64, goal: f64) {
        self.goal(what, found, format!("<= {goal}"), found <= goal);
    }

    pub(crate) fn at_least(&mut self, what: &str, found: f64, goal: f64) {
        self.goal(what, found, format!(">= {goal}"), found >= goal);
    }

    fn goal(&mut self, what: &str, found: f64, goal: String, met: bool) {
        let (found, met) = if found.is_nan() {
            ("-".to_owned(), "not here")
        } else if found.abs() < 100.0 {
            (format!("{found:.2}"), if met { "yes" } else { "**no**" })
        } else {
            (format!("{found:.0}"), if met { "yes" } else { "**no**" })
        };
        self.goals
            .push([what.to_owned(), found, goal, met.to_owned()]);
    }

    /// A few goals, and everything behind a click.
    pub(crate) fn finish(mut self) -> String {
        let goals = std::mem::take(&mut self.goals);
        let met = goals.iter().filter(|goal| goal[3] == "yes").count();
        let first = goals.iter().filter(|goal| FIRST.contains(&&*goal[0]));
        let first = table(&with_head(first));
        let all = table(&with_head(&goals));
        format!(
            "{}{first}\n<details>\n<summary>All tables; {met} of {} goals are met</summary>\n{}{all}\n</details>\n",
            self.head,
            goals.len(),
            self.tables,
        )
    }
}

fn with_head<'a>(goals: impl IntoIterator<Item = &'a [String; 4]>) -> Vec<[String; 4]> {
    let head = ["target", "measured", "goal", "met"].map(str::to_owned);
    std::iter::once(head)
        .chain(goals.into_iter().cloned())
        .collect()
}

/// Lines of a table; its first row is its head.
fn table<R: AsRef<[String]>>(rows: &[R]) -> String {
    let mut lines = "\n".to_owned();
    for (index, row) in rows.iter().enumerate() {
        let row = row.as_ref();
        let _ = writeln!(lines, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(lines, "|---|{}", "---:|".repeat(row.len() - 1));
        }
    }
    lines
}

/// The middle one; not a number where there is none.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match numbers.len() {
        0 => f64::NAN,
        even if even % 2 == 0 => f64::midpoint(numbers[half - 1], numbers[half]),
        _ => numbers[half],
    }
}

/// Puts the tables between the markers of the README.
pub(crate) fn write_readme(text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let after = rest.split_once(END).map_or(rest, |(_, after)| after);
    std::fs::write(&path, format!("{before}{BEGIN}\n{text}{END}{after}")).unwrap();
}
