//! What limits the files and the Pythons: ages, digests, the project's own last Python.

use std::sync::Arc;

use super::testing::{World, lines, one, problem, requirement, solve, universal};
use super::{Problem, Unsolved};
use crate::index::source::{Cutoff, cutoff};

fn solved(world: World, problem: Problem) -> Vec<String> {
    lines(&solve(&Arc::new(world), problem).unwrap())
}

fn refused(world: World, problem: Problem) -> String {
    match solve(&Arc::new(world), problem) {
        Err(unsolved @ Unsolved::Conflict(_)) => {
            let failure = unsolved.failure();
            format!("{} {}", failure.message, failure.hint.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

/// `a` in three versions, a day each; the last has no time.
fn aged(own: Option<Cutoff>) -> World {
    let mut world = World::new();
    world.limit(own);
    for (version, day) in [("1.0", Some("01")), ("2.0", Some("03")), ("3.0", None)] {
        world.add("a", version, &[]).uploaded =
            day.map(|day| format!("2026-01-{day}T00:00:00Z").parse().unwrap());
    }
    world
}

#[test]
fn a_source_has_its_own_limit() {
    let at = |text| Some(Cutoff::At(cutoff(text).unwrap()));
    for (own, all, version) in [
        (None, None, "3.0"),
        (None, Some("2026-01-01"), "1.0"),
        (at("2026-01-01"), None, "1.0"),
        (at("2026-01-03"), Some("2026-01-01"), "2.0"),
        (at("2026-01-01"), Some("2026-01-03"), "1.0"),
        (Some(Cutoff::Off), Some("2026-01-01"), "3.0"),
    ] {
        let mut problem = problem(&["a"], one("3.12"));
        problem.exclude_newer = all.map(|text| cutoff(text).unwrap());
        assert_eq!(
            solved(aged(own), problem),
            [format!("a=={version}")],
            "{own:?} {all:?}"
        );
    }
    let conflict = refused(aged(at("2025-01-01")), problem(&["a"], one("3.12")));
    assert!(conflict.contains("uploaded after the cutoff"), "{conflict}");
}

const KNOWN: &str = "sha256:aa";
const OTHER: &str = "sha256:bb";

/// `a` in two versions with digests, and `b`, whose page has none; `c` needs `a`.
fn digested() -> World {
    let mut world = World::new();
    for (version, digest) in [("1.0", "aa"), ("2.0", "cc")] {
        let file = world.add("a", version, &[]);
        file.hashes.insert("sha256".to_owned(), digest.to_owned());
    }
    world.add("b", "1.0", &[]);
    world.add("c", "1.0", &["a"]);
    world
}

#[test]
fn digests_that_are_asked_for_hold() {
    let wanted = |text: &str, digests: &[&str]| {
        let mut problem = problem(&[text], one("3.12"));
        problem.wanted[0].hashes = digests.iter().map(|one| (*one).to_owned()).collect();
        problem
    };
    assert_eq!(solved(digested(), wanted("a", &[])), ["a==2.0"]);
    // The newest version is another file.
    assert_eq!(solved(digested(), wanted("a", &[OTHER, KNOWN])), ["a==1.0"]);
    let conflict = refused(digested(), wanted("a==2.0", &[KNOWN]));
    assert!(
        conflict.contains("a: left out: 2.0 (no file has one of the digests"),
        "{conflict}"
    );
    assert!(conflict.contains("helper index files a==2.0"), "{conflict}");
    // Another algorithm, and no digest at all.
    for (text, digests) in [("a==1.0", "sha512:aa"), ("b", KNOWN)] {
        let conflict = refused(digested(), wanted(text, &[digests]));
        assert!(
            conflict.contains("its page has no digest to hold against"),
            "{conflict}"
        );
    }
    // What a constraint says holds for what is needed.
    let mut constrained = problem(&["c"], one("3.12"));
    constrained.digests = vec![
        (requirement("a==1.0"), vec![KNOWN.to_owned()]),
        (requirement("a==2.0"), vec![OTHER.to_owned()]),
    ];
    assert_eq!(
        solved(digested(), constrained.clone()),
        ["a==1.0", "c==1.0"]
    );
    constrained.digests.push((
        requirement("a ; sys_platform == 'win32'"),
        vec![OTHER.to_owned()],
    ));
    assert_eq!(
        solved(digested(), constrained.clone()),
        ["a==1.0", "c==1.0"]
    );
    // For all environments at once, each may have its own file.
    constrained.environment = universal(">=3.12");
    assert_eq!(solved(digested(), constrained), ["a==1.0", "c==1.0"]);
}

#[test]
fn only_files_with_the_digest_are_told() {
    let mut world = digested();
    let mut other = super::testing::wheel("a", "1.0", "cp312-none-any");
    other.hashes.insert("sha256".to_owned(), "dd".to_owned());
    world.put(other, Ok(super::testing::metadata("a", "1.0", &[])));
    let mut problem = problem(&["a==1.0"], one("3.12"));
    problem.wanted[0].hashes = vec![KNOWN.to_owned()];
    let answer = solve(&Arc::new(world), problem).unwrap();
    let files: Vec<&str> = answer.packages[0]
        .files()
        .map(|file| &*file.filename)
        .collect();
    assert_eq!(files, ["a-1.0-py3-none-any.whl"]);
}

/// What the project says of its own last Python is a limit (uv, `RequiresPython::to_marker_tree`);
/// what a package says is none.
#[test]
fn the_projects_last_python() {
    let world = || {
        let mut world = World::new();
        let needs = [
            "b ; python_version >= '3.13'",
            "c ; python_version < '3.13'",
            "d ; python_version >= '3.12'",
        ];
        world.add("a", "1.0", &needs).requires_python = Some(">=3.8,<3.12".parse().unwrap());
        world.add("b", "1.0", &[]);
        world.add("c", "1.0", &[]);
        world.add("d", "1.0", &[]);
        world
    };
    for (range, packages) in [
        (
            ">=3.11",
            &[
                "a==1.0",
                "b==1.0 ; python_full_version >= '3.13'",
                "c==1.0 ; python_full_version < '3.13'",
                "d==1.0 ; python_full_version >= '3.12'",
            ][..],
        ),
        (
            ">=3.11,<3.13",
            &["a==1.0", "c==1.0", "d==1.0 ; python_full_version >= '3.12'"],
        ),
        ("==3.11.*", &["a==1.0", "c==1.0"]),
        ("~=3.12.0", &["a==1.0", "c==1.0", "d==1.0"]),
        (
            "<3.13",
            &["a==1.0", "c==1.0", "d==1.0 ; python_full_version >= '3.12'"],
        ),
    ] {
        let found = solved(world(), problem(&["a"], universal(range)));
        assert_eq!(found, packages, "{range}");
    }
}

/// A file that could not be read is named, with its source.
#[test]
fn what_could_not_be_read_is_told() {
    let mut world = World::new();
    let mut known = super::testing::metadata("a", "1.0", &[]);
    known.doubts.push("Requires-Dist: none".to_owned());
    world.put(super::testing::wheel("a", "1.0", "py3-none-any"), Ok(known));
    world.doubt("a", "a-x.whl: no version");
    let world = Arc::new(world);
    let answer = solve(&world, problem(&["a"], one("3.12"))).unwrap();
    assert_eq!(answer.doubts, ["a: a-x.whl: no version (corp)"]);
    let told = "a 1.0: Requires-Dist: none, and is left out";
    assert_eq!(answer.warnings, [told]);
    let Err(unsolved) = solve(&world, problem(&["a>1"], one("3.12"))) else {
        panic!("there is no such version");
    };
    let message = unsolved.failure().message;
    assert!(
        message.contains("a: left out: a-x.whl: no version (corp)"),
        "{message}"
    );
}

/// What `--universal` says of a package that asks for this.
fn universally(needs: &[String]) -> Result<Vec<String>, String> {
    let mut world = World::new();
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    world.add("a", "1.0", &needs);
    world.add("b", "100.0", &[]);
    for at in 0..20 {
        let needs = [
            format!("d{at}>=1 ; 'p{at}' in platform_version"),
            format!("d{at}<1 ; 'p{at}' not in platform_version"),
        ];
        world.add(&format!("c{at}"), "1.0", &[&*needs[0], &*needs[1]]);
        world.add(&format!("d{at}"), "0.5", &[]);
        world.add(&format!("d{at}"), "1.0", &[]);
    }
    match solve(&Arc::new(world), problem(&["a"], universal(">=3.12"))) {
        Ok(answer) => Ok(lines(&answer)),
        Err(Unsolved::Failed(failure)) => Err(failure.message),
        Err(other) => panic!("{other:?}"),
    }
}

/// Each marker that has nothing to do with the others doubles the parts; a package may have any number.
#[test]
fn too_many_parts() {
    let needs =
        |count: usize, need: &dyn Fn(usize) -> String| (0..count).map(need).collect::<Vec<_>>();
    let different = |at: usize| format!("b>={at} ; 'p{at}' in platform_version");
    assert!(universally(&needs(5, &different)).is_ok());
    let told = universally(&needs(40, &different)).unwrap_err();
    assert!(told.contains("a 1.0 asks for b under too many"), "{told}");
    // One range, so that nothing is cut: but where it is needed cannot be told.
    let same =
        |at: usize| format!("b ; 'p{at}' in platform_version and 'q{at}' in platform_version");
    assert!(universally(&needs(5, &same)).is_ok());
    let told = universally(&needs(25, &same)).unwrap_err();
    assert!(told.contains("a 1.0 asks for b under too many"), "{told}");
    let chain = |at: usize| format!("b ; 'p{at}' in platform_version");
    let told = universally(&needs(300, &chain)).unwrap_err();
    assert!(told.contains("a 1.0 asks for b under too many"), "{told}");
    // Each of them cuts in two what the others have left.
    let several = |at: usize| format!("c{at}");
    let told = universally(&needs(20, &several)).unwrap_err();
    assert!(
        told.contains("in too many ways") && told.contains("of what asks for d"),
        "{told}"
    );
}
