//! The same versions as `uv pip compile`, on indexes that serve recorded graphs (`tests/graphs`)
//! with invented older versions: for one environment and for all.
//!
//! uv is looked for beside the Python of the tests (`CREDENTIAL_HELPER_TEST_PYTHON`); without it the
//! test says so and passes.

#[path = "../../benches/speed/graph.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod graph;
#[path = "../../benches/speed/pins.rs"]
mod pins;
#[path = "../../benches/speed/served.rs"]
#[allow(dead_code, reason = "shared with the benchmark, which uses all of it")]
mod served;
mod solution;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::sandbox::{Ended, HELPER, Sandbox, end};
use pins::pins;
use served::{Manner, Served};

/// Of each package; the benchmark has more.
const VERSIONS: usize = 6;

/// Where uv answers otherwise and why, as `GRAPH HOW`.
const OTHERWISE: [(&str, &str); 0] = [];

/// How many invented graphs there are.
const INVENTED: u64 = 30;

fn uv() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")?);
    Some(python.with_file_name("uv")).filter(|uv| uv.is_file())
}

/// What both say to the same requirements.
fn both(uv: &Path, packages: &[graph::Package], wanted: &str, universal: bool) -> [Ended; 2] {
    let index = Served::start(packages, Manner::default());
    let mut sandbox = Sandbox::new().without_keyring();
    sandbox.set("UV_CACHE_DIR", sandbox.path("uv").to_str().unwrap());
    sandbox.set("UV_PYTHON_DOWNLOADS", "never");
    sandbox.write("project/wanted.txt", wanted);
    let url = index.url();
    let mut words = vec!["--index-url", &url];
    words.extend(["--python-version", "3.11.7", "--no-header", "--no-annotate"]);
    if universal {
        words.push("--universal");
    }
    let mut ours = sandbox.command(HELPER);
    ours.args(["resolve", "-r", "wanted.txt"]).args(&words);
    let mut theirs = sandbox.command(uv);
    theirs
        .args(["pip", "compile", "-q", "wanted.txt"])
        .args(&words);
    [end(&mut ours, ""), end(&mut theirs, "")]
}

/// The pins that one has and the other has not.
fn only(one: &BTreeSet<String>, other: &BTreeSet<String>) -> String {
    one.difference(other).cloned().collect::<Vec<_>>().join(" ")
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
    assert!(graphs.len() >= 20);
    let mut differences = Vec::new();
    for path in graphs {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let wanted = text.lines().next().unwrap().trim_start_matches("# ");
        let packages = graph::recorded(&text, VERSIONS);
        for how in ["one", "universal"] {
            let wanted = wanted.replace(' ', "\n");
            let [ours, theirs] = both(&uv, &packages, &wanted, how == "universal");
            assert_eq!(theirs.status, 0, "{name} {how}: {}", theirs.stderr);
            let (found, meant) = (pins(&ours.stdout), pins(&theirs.stdout));
            let what = format!("{name} {how}");
            if found != meant && !OTHERWISE.iter().any(|(case, _)| *case == what) {
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

/// Numbers that look random and are the same every time (the steps of Knuth's MMIX).
struct Dice(u64);

impl Dice {
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let place = (self.0 >> 33) % u64::try_from(all.len()).unwrap();
        all[usize::try_from(place).unwrap()]
    }
}

const NAMES: [&str; 8] = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"];
const INVENTED_VERSIONS: [&str; 6] = ["3.1rc1", "3.0", "2.1", "2.0", "1.1", "1.0"];

/// A requirement of an invented package.
fn need(dice: &mut Dice) -> String {
    let name = dice.pick(&NAMES);
    let extra = dice.pick(&["", "", "", "", "[x]"]);
    let range = dice.pick(&[
        "", "", "", ">=1.1", "<3", "<=2.1", "!=2.0", "~=1.0", ">=1.0,<3", "==2.*", ">=2.0",
        ">=3.1rc1", "==1.1",
    ]);
    let marker = dice.pick(&[
        "",
        "",
        "",
        "",
        "; sys_platform == 'win32'",
        "; sys_platform != 'win32'",
        "; python_version < '3.13'",
        "; python_version >= '3.13'",
        "; implementation_name == 'pypy'",
    ]);
    format!("{name}{extra}{range} {marker}").trim().to_owned()
}

/// Packages that need each other in every way, and what is wanted of them.
fn invented(seed: u64) -> (Vec<graph::Package>, String) {
    let mut dice = Dice(seed);
    let packages = NAMES.map(|name| {
        let releases = INVENTED_VERSIONS.iter().filter_map(|version| {
            let kept = dice.pick(&[true, true, false]);
            let count = dice.pick(&[0, 0, 1, 1, 2]);
            let mut needs: Vec<String> = (0..count).map(|_| need(&mut dice)).collect();
            if dice.pick(&[true, false, false]) {
                let text = need(&mut dice);
                let (before, marker) = text.split_once(';').unwrap_or((&text, ""));
                let marker = if marker.is_empty() {
                    String::new()
                } else {
                    format!("({}) and ", marker.trim())
                };
                needs.push(format!("{before}; {marker}extra == 'x'"));
            }
            let python = dice.pick(&[">=3.8", ">=3.8", ">=3.8", ">=3.12", ">=3.8,<4"]);
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            kept.then(|| graph::release(name, (*version).to_owned(), python, false, &needs))
        });
        graph::Package {
            name: name.to_owned(),
            releases: releases.collect(),
        }
    });
    let wanted: Vec<String> = (0..dice.pick(&[1, 2, 3]))
        .map(|_| need(&mut dice))
        .collect();
    (
        packages
            .into_iter()
            .filter(|one| !one.releases.is_empty())
            .collect(),
        wanted.join("\n"),
    )
}

const ANEW: &str = "a part of a universal resolution begins anew and keeps to the versions of the parts \
     before it, so that there are fewer versions; uv goes on from what was decided before the split";
const ORDER: &str = "uv decides last on what is wanted under a marker, whatever is named first";

/// Where uv answers otherwise to an invented graph, and why. Both are solutions; made small, these are
/// some of the differences below.
const INVENTED_OTHERWISE: [(u64, &str); 7] = [
    (96, ANEW),
    (212, ANEW),
    (220, ORDER),
    (270, ANEW),
    (310, ANEW),
    (330, ANEW),
    (414, ANEW),
];

/// Known differences, each as small as it gets: what is wanted, what there is (name, version, its
/// Pythons, what it needs), our versions, uv's, and why.
type Difference = (
    &'static str,
    &'static [(
        &'static str,
        &'static str,
        &'static str,
        &'static [&'static str],
    )],
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);

const ANY: &str = ">=3.8";

const DIFFERENCES: [Difference; 5] = [
    (
        "a",
        &[
            (
                "a",
                "1.0",
                ANY,
                &["c==0.9 ; implementation_name == 'pypy'", "c<3"],
            ),
            ("a", "0.5", ANY, &[]),
            ("c", "2.0", ANY, &[]),
        ],
        &["a==0.5"],
        &["a==0.5", "a==1.0", "c==2.0"],
        ANEW,
    ),
    (
        "a",
        &[
            ("a", "2.1", ANY, &["none ; python_version >= '3.13'"]),
            ("a", "1.1", ANY, &[]),
        ],
        &["a==1.1"],
        &["a==1.1", "a==2.1"],
        ANEW,
    ),
    (
        "a ; implementation_name == 'pypy'",
        &[
            ("a", "2.0", ANY, &["c>=1.1", "b"]),
            ("b", "3.0", ANY, &[]),
            ("b", "1.0", ANY, &[]),
            ("c", "3.0", ANY, &["b<3 ; sys_platform != 'win32'"]),
            ("c", "2.0", ">=3.12", &[]),
        ],
        &["a==2.0", "b==1.0", "c==3.0"],
        &["a==2.0", "b==1.0", "b==3.0", "c==2.0", "c==3.0"],
        ANEW,
    ),
    (
        "b ; sys_platform == 'win32'\na",
        &[
            ("a", "3.0", ANY, &["b<3 ; python_version < '3.13'"]),
            ("a", "1.1", ANY, &[]),
            ("b", "3.0", ANY, &[]),
            ("b", "1.1", ANY, &[]),
        ],
        &["a==1.1", "b==3.0"],
        &["a==3.0", "b==1.1"],
        ORDER,
    ),
    (
        "a",
        &[
            ("a", "2.1", ">=3.12", &["b"]),
            ("a", "1.1", ANY, &[]),
            ("b", "2.0", ">=3.12", &["c!=2.0"]),
            ("c", "3.0", ANY, &["none ; python_version >= '3.13'"]),
        ],
        &["a==1.1"],
        &["a==1.1", "a==2.1", "b==2.0", "c==3.0"],
        ANEW,
    ),
];

#[test]
fn known_differences_from_uv() {
    let Some(uv) = uv() else {
        eprintln!("left out: there is no uv beside the Python of the tests");
        return;
    };
    for (wanted, there, own, other, why) in DIFFERENCES {
        let mut packages: Vec<graph::Package> = Vec::new();
        for (name, version, python, needs) in there {
            let release = graph::release(name, (*version).to_owned(), python, false, needs);
            match packages.iter_mut().find(|one| one.name == *name) {
                Some(package) => package.releases.push(release),
                None => packages.push(graph::Package {
                    name: (*name).to_owned(),
                    releases: vec![release],
                }),
            }
        }
        let [ours, theirs] = both(&uv, &packages, wanted, true);
        // Each is an answer, so that it is a choice which of them is given.
        for one in [&ours, &theirs] {
            let problems = solution::problems(&packages, wanted, &one.stdout);
            assert!(problems.is_empty(), "{why}: {problems:?}: {one:?}");
        }
        let set = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        let meant: [BTreeSet<String>; 2] = [set(own), set(other)];
        assert_eq!([pins(&ours.stdout), pins(&theirs.stdout)], meant, "{why}");
    }
}

/// The same of graphs that nobody would make: either the same versions, or none.
#[test]
fn the_same_as_uv_of_invented_graphs() {
    let Some(uv) = uv() else {
        eprintln!("left out: there is no uv beside the Python of the tests");
        return;
    };
    let (mut differences, mut solved) = (Vec::new(), 0);
    let seeds = std::env::var("CREDENTIAL_HELPER_TEST_SEEDS")
        .ok()
        .and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(INVENTED) {
        let (packages, wanted) = invented(seed);
        let [ours, theirs] = both(&uv, &packages, &wanted, seed % 2 == 0);
        let (found, meant) = (pins(&ours.stdout), pins(&theirs.stdout));
        solved += usize::from(theirs.status == 0);
        if seed % 2 == 0 && ours.status == 0 {
            let problems = solution::problems(&packages, &wanted, &ours.stdout);
            assert!(problems.is_empty(), "{seed}: {problems:?}: {ours:?}");
        }
        let same = found == meant && (ours.status == 0) == (theirs.status == 0);
        let known = INVENTED_OTHERWISE.iter().any(|(known, _)| *known == seed);
        if same == known {
            let known = if known {
                ", and no longer otherwise"
            } else {
                ""
            };
            differences.push(format!(
                "{seed}{known}: {wanted:?}: only ours: {}; only uv's: {}; {} {}",
                only(&found, &meant),
                only(&meant, &found),
                ours.stderr,
                theirs.stderr
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(solved > 5, "{solved}");
}
