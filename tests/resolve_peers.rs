//! The same versions as `uv pip compile`, on indexes that serve recorded graphs (`tests/graphs`)
//! with invented older versions: for one environment and for all.
//!
//! uv is looked for beside the Python of the tests (`CREDENTIAL_HELPER_TEST_PYTHON`); without it the
//! test says so and passes.

#[path = "../benches/speed/graph.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod graph;
#[path = "../benches/speed/served.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod served;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::sandbox::{HELPER, Sandbox, end};
use served::{Manner, Served};

/// Of each package; the benchmark has more.
const VERSIONS: usize = 6;

/// Where uv answers otherwise and why, as `GRAPH HOW`.
const OTHERWISE: [(&str, &str); 0] = [];

fn uv() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")?);
    Some(python.with_file_name("uv")).filter(|uv| uv.is_file())
}

/// What follows is pinned, without markers: these two write them in their own words.
fn pins(text: &str) -> BTreeSet<String> {
    let words = text
        .lines()
        .filter_map(|line| line.split([' ', ';']).next());
    words
        .filter(|word| word.contains("=="))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_same_versions_as_uv() {
    let Some(uv) = uv() else {
        eprintln!("left out: there is no uv beside the Python of the tests");
        return;
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/graphs");
    let mut graphs: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "tsv"))
        .collect();
    graphs.sort();
    assert!(!graphs.is_empty());
    let mut differences = Vec::new();
    for path in graphs {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let wanted = text.lines().next().unwrap().trim_start_matches("# ");
        let index = Served::start(&graph::recorded(&text, VERSIONS), Manner::default());
        let mut sandbox = Sandbox::new().without_keyring();
        sandbox.set("UV_CACHE_DIR", sandbox.path("uv").to_str().unwrap());
        sandbox.set("UV_PYTHON_DOWNLOADS", "never");
        sandbox.write("project/wanted.txt", &wanted.replace(' ', "\n"));
        let url = index.url();
        for how in ["one", "universal"] {
            let mut words = vec!["--index-url", &url];
            words.extend(["--python-version", "3.11.7", "--no-header", "--no-annotate"]);
            if how == "universal" {
                words.push("--universal");
            }
            let ours = end(
                sandbox
                    .command(HELPER)
                    .args(["resolve", "-r", "wanted.txt"])
                    .args(&words),
                "",
            );
            let theirs = end(
                sandbox
                    .command(&uv)
                    .args(["pip", "compile", "-q", "wanted.txt"])
                    .args(&words),
                "",
            );
            assert_eq!(theirs.status, 0, "{name} {how}: {}", theirs.stderr);
            let (found, meant) = (pins(&ours.stdout), pins(&theirs.stdout));
            let what = format!("{name} {how}");
            if found != meant && !OTHERWISE.iter().any(|(case, _)| *case == what) {
                let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                    one.difference(other).cloned().collect::<Vec<_>>().join(" ")
                };
                differences.push(format!(
                    "{what}: only ours: {}; only uv's: {}; {}",
                    only(&found, &meant),
                    only(&meant, &found),
                    ours.stderr
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
