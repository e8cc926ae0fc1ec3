use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use credential_helper_protocol::{ErrorCode, Failure};
use jiff::Timestamp;

use super::testing::{
    World, lines, metadata, name, one, problem, requirement, sdist, solve, universal, wheel,
};
use super::{Asker, Names, Preference, Prerelease, Problem, Strategy, Unsolved};
use crate::package::{ExtraName, MarkerTree, Version, VersionSpecifiers};

fn solved(world: World, problem: Problem) -> Vec<String> {
    match solve(&Arc::new(world), problem) {
        Ok(resolution) => lines(&resolution),
        Err(unsolved) => panic!("{}", unsolved.failure()),
    }
}

fn preference(project: &str, version: &str) -> Preference {
    Preference {
        name: name(project),
        version: Version::from_str(version).unwrap(),
        marker: MarkerTree::TRUE,
    }
}

/// `a` needs `b`, both in three versions.
fn small() -> World {
    let mut world = World::new();
    for version in ["1.0", "2.0", "3.0"] {
        world.add("a", version, &["b"]);
        world.add("b", version, &[]);
    }
    world
}

#[test]
fn constraints_hold_for_what_is_needed_only() {
    let mut problem = problem(&["a"], one("3.12"));
    problem.constraints = vec![requirement("b<3"), requirement("c==1")];
    assert_eq!(solved(small(), problem), ["a==3.0", "b==2.0"]);
}

#[test]
fn overrides_replace_requirements() {
    let mut world = World::new();
    world.add("a", "1.0", &["b<2"]);
    world.add("b", "1.0", &[]);
    world.add("b", "2.0", &[]);
    let mut problem = problem(&["a"], one("3.12"));
    problem.overrides = vec![requirement("b>=2")];
    assert_eq!(solved(world, problem), ["a==1.0", "b==2.0"]);
}

#[test]
fn overrides_leave_what_is_optional_so() {
    let world = || {
        let mut world = World::new();
        world.add("a", "1.0", &["b<2 ; extra == 'x'"]);
        world.add("b", "2.0", &[]);
        world
    };
    for (asked, expected) in [("a", vec!["a==1.0"]), ("a[x]", vec!["a[x]==1.0", "b==2.0"])] {
        let mut problem = problem(&[asked], one("3.12"));
        problem.overrides = vec![requirement("b>=2")];
        assert_eq!(solved(world(), problem), expected);
    }
}

#[test]
fn pins_are_kept_unless_they_are_to_be_upgraded() {
    for (upgrade, expected) in [
        (Names::None, ["a==2.0", "b==1.0"]),
        (Names::All, ["a==3.0", "b==3.0"]),
        (
            Names::These(BTreeSet::from([name("b")])),
            ["a==2.0", "b==3.0"],
        ),
    ] {
        let mut problem = problem(&["a"], one("3.12"));
        problem.preferences = vec![preference("a", "2.0"), preference("b", "1.0")];
        problem.upgrade = upgrade;
        assert_eq!(solved(small(), problem), expected);
    }
    let mut problem = problem(&["a>2"], one("3.12"));
    problem.preferences = vec![preference("a", "2.0")];
    assert_eq!(solved(small(), problem), ["a==3.0", "b==3.0"]);
}

#[test]
fn strategies_choose_versions() {
    for (strategy, expected) in [
        (Strategy::Highest, ["a==3.0", "b==3.0"]),
        (Strategy::Lowest, ["a==2.0", "b==1.0"]),
        (Strategy::LowestDirect, ["a==2.0", "b==3.0"]),
    ] {
        let mut problem = problem(&["a>=2"], one("3.12"));
        problem.strategy = strategy;
        assert_eq!(solved(small(), problem), expected);
    }
}

#[test]
fn without_dependencies_only_what_is_asked_for() {
    let mut problem = problem(&["a"], one("3.12"));
    problem.no_deps = true;
    assert_eq!(solved(small(), problem), ["a==3.0"]);
}

#[test]
fn files_after_the_cutoff_do_not_exist() {
    let mut world = World::new();
    for (version, day) in [("1.0", Some("01")), ("2.0", Some("03")), ("3.0", None)] {
        world.add("a", version, &[]).uploaded =
            day.map(|day| Timestamp::from_str(&format!("2026-01-{day}T00:00:00Z")).unwrap());
    }
    let mut problem = problem(&["a"], one("3.12"));
    problem.exclude_newer = Some(Timestamp::from_str("2026-01-02T00:00:00Z").unwrap());
    assert_eq!(solved(world, problem), ["a==1.0"]);
}

#[test]
fn pre_releases_by_every_rule() {
    let world = || {
        let mut world = World::new();
        for version in ["1.0", "2.0a1"] {
            world.add("a", version, &[]);
        }
        world.add("b", "1.0a1", &[]);
        world
    };
    for (rule, asked, expected) in [
        (Prerelease::Disallow, "a", Some("a==1.0")),
        (Prerelease::Disallow, "b", None),
        (Prerelease::Allow, "a", Some("a==2.0a1")),
        (Prerelease::IfNecessary, "a>=0.1a1", Some("a==1.0")),
        (Prerelease::IfNecessary, "b", Some("b==1.0a1")),
        (Prerelease::Explicit, "a>=0.1a1", Some("a==2.0a1")),
        (Prerelease::Explicit, "b", None),
        (
            Prerelease::IfNecessaryOrExplicit,
            "a>=0.1a1",
            Some("a==2.0a1"),
        ),
        (Prerelease::IfNecessaryOrExplicit, "b", Some("b==1.0a1")),
    ] {
        let mut problem = problem(&[asked], one("3.12"));
        problem.prerelease = rule;
        let answer = solve(&Arc::new(world()), problem);
        match expected {
            Some(line) => assert_eq!(lines(&answer.unwrap()), [line], "{rule:?} {asked}"),
            None => assert!(
                matches!(answer, Err(Unsolved::Conflict(_))),
                "{rule:?} {asked}"
            ),
        }
    }
    let mut poetry = problem(&["a"], one("3.12"));
    poetry.wanted[0].prereleases = true;
    assert_eq!(solved(world(), poetry), ["a==2.0a1"]);
}

#[test]
fn a_direct_url_wins_wherever_it_is_asked_for() {
    let url = "https://files.test/b-9.0-py3-none-any.whl";
    let world = || {
        let mut world = small();
        world.behind(url, metadata("b", "9.0", &["c"]));
        world.add("c", "1.0", &[]);
        world.add("d", "1.0", &[&format!("b @ {url}")]);
        world
    };
    let direct = format!("b @ {url}");
    for asked in [["a", &direct], ["a", "d"], ["d", "a"]] {
        let answer = solve(&Arc::new(world()), problem(&asked, one("3.12"))).unwrap();
        let b = answer
            .packages
            .iter()
            .find(|one| *one.name.as_ref() == *"b");
        assert_eq!(b.unwrap().direct().unwrap().as_str(), url);
        assert!(lines(&answer).contains(&"b==9.0".to_owned()));
        assert!(lines(&answer).contains(&"c==1.0".to_owned()));
    }
    let unsolved = solve(&Arc::new(world()), problem(&["d", "b<9"], one("3.12"))).unwrap_err();
    assert!(matches!(unsolved, Unsolved::Conflict(_)));
    let other = "b @ https://files.test/b-8.0-py3-none-any.whl";
    let unsolved = solve(&Arc::new(world()), problem(&["d", other], one("3.12"))).unwrap_err();
    let text = unsolved.failure().message;
    assert!(
        text.contains("b-8.0") || text.contains("could not get"),
        "{text}"
    );
}

#[test]
fn a_pin_asks_one_source_only() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    world.source("public", 0);
    world.add("a", "9.0", &[]);
    let world = Arc::new(world);
    let free = solve(&world, problem(&["a"], one("3.12"))).unwrap();
    assert_eq!(lines(&free), ["a==9.0"]);
    assert_eq!(
        free.packages[0].source().map(|name| &**name),
        Some("public")
    );
    let mut pinned = problem(&["a"], one("3.12"));
    pinned.wanted[0].source = Some("corp".to_owned());
    let pinned = solve(&world, pinned).unwrap();
    assert_eq!(lines(&pinned), ["a==1.0"]);
    assert_eq!(
        pinned.packages[0].index().map(url::Url::as_str),
        Some("https://corp.test/simple/")
    );
    let mut both = problem(&["a", "a"], one("3.12"));
    both.wanted[0].source = Some("corp".to_owned());
    both.wanted[1].source = Some("public".to_owned());
    match solve(&world, both) {
        Err(Unsolved::Failed(failure)) => assert_eq!(failure.code, ErrorCode::Usage),
        other => panic!("{other:?}"),
    }
    let mut apart = problem(
        &["a ; sys_platform == 'win32'", "a ; sys_platform != 'win32'"],
        universal(">=3.12"),
    );
    apart.wanted[0].source = Some("corp".to_owned());
    apart.wanted[1].source = Some("public".to_owned());
    let apart = solve(&world, apart).unwrap();
    assert_eq!(
        lines(&apart),
        [
            "a==1.0 ; sys_platform == 'win32'",
            "a==9.0 ; sys_platform != 'win32'"
        ]
    );
}

#[test]
fn a_later_tier_is_for_what_the_first_has_no_candidate_for() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    world.source("more", 1);
    world.add("a", "2.0", &[]);
    let world = Arc::new(world);
    let first = solve(&world, problem(&["a"], one("3.12"))).unwrap();
    assert_eq!(lines(&first), ["a==1.0"]);
    let later = solve(&world, problem(&["a>1"], one("3.12"))).unwrap();
    assert_eq!(lines(&later), ["a==2.0"]);
}

#[test]
fn the_likelier_listing_has_a_version_that_both_have() {
    let mut world = World::new();
    world.add("a", "1.0", &[]).yanked = Some(String::new());
    world.add("b", "1.0", &[]);
    world.source("public", 0);
    world.add("a", "1.0", &[]);
    world.add("b", "1.0", &[]);
    let answer = solve(&Arc::new(world), problem(&["a", "b"], one("3.12"))).unwrap();
    let sources: Vec<_> = answer.packages.iter().map(|one| one.source()).collect();
    assert_eq!(sources, [Some(&"public".into()), Some(&"corp".into())]);
}

#[test]
fn a_source_that_cannot_be_asked_stops_the_resolution() {
    let mut world = small();
    world.fails("b", Failure::new(ErrorCode::Rejected, "corp refused it"));
    match solve(&Arc::new(world), problem(&["a"], one("3.12"))) {
        Err(Unsolved::Failed(failure)) => assert_eq!(failure.code, ErrorCode::Rejected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_only_guessed_at_stops_nothing() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    world.add("a", "2.0", &["gone"]);
    world.fails("gone", Failure::new(ErrorCode::Unavailable, "no answer"));
    world.add("b", "1.0", &["a<2"]);
    let answer = solved(world, problem(&["b", "a"], one("3.12")));
    assert_eq!(answer, ["a==1.0", "b==1.0"]);
}

#[test]
fn a_version_without_metadata_is_passed_over_and_named() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    let file = wheel("a", "2.0", "py3-none-any");
    world.broken(file, ErrorCode::Malformed, "a-2.0 has no METADATA");
    let answer = solve(&Arc::new(world), problem(&["a"], one("3.12"))).unwrap();
    assert_eq!(lines(&answer), ["a==1.0"]);
    assert_eq!(
        answer.warnings,
        ["a 2.0 was passed over: a-2.0 has no METADATA"]
    );
}

#[test]
fn a_wheel_for_elsewhere_tells_what_a_source_archive_needs() {
    let mut world = World::new();
    world.broken(
        wheel("a", "0.1", "py3-none-any"),
        ErrorCode::Malformed,
        "never read",
    );
    world.put(
        wheel("a", "1.0", "cp312-cp312-win_amd64"),
        Ok(metadata("a", "1.0", &["b"])),
    );
    world.put(sdist("a", "1.0"), Ok(metadata("a", "1.0", &["unread"])));
    world.add("b", "1.0", &[]);
    assert_eq!(
        solved(world, problem(&["a"], one("3.12"))),
        ["a==1.0", "b==1.0"]
    );
}

#[test]
fn yanked_files_leave_the_others() {
    let mut world = World::new();
    world.add("a", "1.0", &[]).yanked = Some("half".to_owned());
    world.put(sdist("a", "1.0"), Ok(metadata("a", "1.0", &[])));
    let answer = solve(&Arc::new(world), problem(&["a"], one("3.12"))).unwrap();
    assert_eq!(lines(&answer), ["a==1.0"]);
    assert!(answer.warnings.is_empty());

    let mut world = World::new();
    world.add("a", "1.0", &[]).yanked = Some("broken".to_owned());
    let answer = solve(&Arc::new(world), problem(&["a==1.0"], one("3.12"))).unwrap();
    assert_eq!(answer.packages[0].yanked.as_deref(), Some("broken"));
    assert_eq!(answer.warnings, ["a 1.0 was yanked: broken"]);
}

#[test]
fn requires_python_of_the_metadata_counts_too() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    let mut about = metadata("a", "2.0", &[]);
    about.requires_python = Some(VersionSpecifiers::from_str(">=3.13").unwrap());
    world.put(wheel("a", "2.0", "py3-none-any"), Ok(about));
    assert_eq!(solved(world, problem(&["a"], one("3.12"))), ["a==1.0"]);
}

#[test]
fn a_universal_resolution_splits_at_the_python_of_a_version() {
    let mut world = World::new();
    world.add("a", "1.0", &[]);
    let file = world.add("a", "2.0", &["b"]);
    file.requires_python = Some(VersionSpecifiers::from_str(">=3.12").unwrap());
    world.add("b", "1.0", &[]);
    let answer = solve(&Arc::new(world), problem(&["a"], universal(">=3.10"))).unwrap();
    assert_eq!(
        lines(&answer),
        [
            "a==1.0 ; python_full_version < '3.12'",
            "a==2.0 ; python_full_version >= '3.12'",
            "b==1.0 ; python_full_version >= '3.12'",
        ]
    );
    assert_eq!(answer.forks.len(), 2);
}

/// Each need on the way holds somewhere, and all of them nowhere.
#[test]
fn what_is_needed_nowhere_is_not_there() {
    let mut world = World::new();
    world.add("a", "1.0", &["b[x] ; sys_platform == 'win32'"]);
    let linux = "c ; sys_platform != 'win32'";
    let extra = "d ; sys_platform != 'win32' and extra == 'x'";
    world.add("b", "1.0", &[linux, extra, "e"]);
    world.add("c", "1.0", &["e"]);
    world.add("d", "1.0", &[]);
    world.add("e", "1.0", &[]);
    let answer = solve(&Arc::new(world), problem(&["a"], universal(">=3.12"))).unwrap();
    assert_eq!(
        lines(&answer),
        [
            "a==1.0",
            "b[x]==1.0 ; sys_platform == 'win32'",
            "e==1.0 ; sys_platform == 'win32'",
        ]
    );
    let b = &answer.packages[1];
    let needs: Vec<String> = b.requires.iter().map(|one| one.name.to_string()).collect();
    assert_eq!(needs, ["e"]);
    let e = &answer.packages[2];
    assert_eq!(e.from, [Asker::Package(b.name.clone())]);
}

#[test]
fn only_the_environments_that_are_named() {
    let mut world = World::new();
    world.add(
        "a",
        "1.0",
        &[
            "b ; sys_platform == 'linux'",
            "c ; sys_platform == 'darwin'",
        ],
    );
    world.add("b", "1.0", &[]);
    world.add("c", "1.0", &[]);
    let mut problem = problem(&["a"], universal(">=3.12"));
    if let super::Environment::Universal { environments, .. } = &mut problem.environment {
        environments.push(MarkerTree::from_str("sys_platform == 'linux'").unwrap());
    }
    let answer = solved(world, problem);
    assert_eq!(
        answer,
        [
            "a==1.0 ; sys_platform == 'linux'",
            "b==1.0 ; sys_platform == 'linux'"
        ]
    );
}

#[test]
fn extras_follow_their_project() {
    let mut world = World::new();
    for version in ["1.0", "2.0", "3.0"] {
        world.add(
            "a",
            version,
            &[
                "b ; extra == 'x'",
                "c ; extra == 'y'",
                "a[x,y] ; extra == 'all'",
            ],
        );
    }
    world.add("b", "1.0", &[]);
    world.add("c", "1.0", &["d"]);
    world.add("d", "1.0", &["a<3"]);
    let world = Arc::new(world);
    let answer = solve(&world, problem(&["a[x,y]"], one("3.12"))).unwrap();
    assert_eq!(
        lines(&answer),
        ["a[x,y]==2.0", "b==1.0", "c==1.0", "d==1.0"]
    );
    let a = &answer.packages[0];
    assert_eq!(
        a.from,
        [
            Asker::Input("the test".to_owned()),
            Asker::Package(name("d"))
        ]
    );
    let needs: Vec<&str> = a.requires.iter().map(|edge| edge.name.as_ref()).collect();
    assert_eq!(needs, ["b", "c"]);
    let all = solve(&world, problem(&["a[all]"], one("3.12"))).unwrap();
    let extras: Vec<&str> = all.packages[0]
        .extras
        .iter()
        .map(ExtraName::as_ref)
        .collect();
    assert_eq!(extras, ["all", "x", "y"]);
    assert_eq!(lines(&all)[1..], lines(&answer)[1..]);
    let none = solve(&world, problem(&["b[no]"], one("3.12"))).unwrap();
    assert_eq!(none.warnings, ["b 1.0 has no extra no"]);
}

#[test]
fn poetrys_alternatives_are_one_range() {
    let mut problem = problem(&["a>=1,<4"], one("3.12"));
    problem.wanted[0].any_of = [">=1,<2", ">=2.5,<2.9"]
        .iter()
        .map(|text| VersionSpecifiers::from_str(text).unwrap())
        .collect();
    assert_eq!(solved(small(), problem), ["a==1.0", "b==3.0"]);
}

#[test]
fn each_thing_is_asked_for_once() {
    let world = Arc::new(small());
    solve(&world, problem(&["a", "b"], one("3.12"))).unwrap();
    assert_eq!(world.asked.load(Ordering::Relaxed), 4);
}
