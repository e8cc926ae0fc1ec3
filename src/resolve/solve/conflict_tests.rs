//! What a person is told, case by case.

use std::str::FromStr;
use std::sync::Arc;

use credential_helper_protocol::ErrorCode;
use jiff::Timestamp;

use super::testing::{World, metadata, name, one, problem, sdist, solve, universal, wheel};
use super::{Names, Prerelease, Problem, Unsolved};
use crate::package::VersionSpecifiers;

/// The lines of a conflict, hints behind `try: `.
fn told(world: World, problem: Problem) -> Vec<String> {
    match solve(&Arc::new(world), problem) {
        Err(Unsolved::Conflict(conflict)) => {
            let fork = conflict.fork.and_then(|fork| fork.try_to_string());
            fork.map(|fork| format!("where {fork}"))
                .into_iter()
                .chain(conflict.reasons)
                .chain(conflict.offered)
                .chain(conflict.hints.iter().map(|hint| format!("try: {hint}")))
                .collect()
        }
        other => panic!("{other:?}"),
    }
}

fn world(packages: &[(&str, &str, &[&str])]) -> World {
    let mut world = World::new();
    for (project, version, needs) in packages {
        world.add(project, version, needs);
    }
    world
}

#[test]
fn cases() {
    let here = || one("3.12");
    let mut all: Vec<(&str, Vec<String>)> = Vec::new();

    all.push(("nothing", told(World::new(), problem(&["a"], here()))));

    let two = world(&[
        ("a", "1.0", &["c<2"]),
        ("b", "1.0", &["c>=2"]),
        ("c", "1.0", &[]),
        ("c", "2.0", &[]),
    ]);
    all.push(("two", told(two, problem(&["a", "b"], here()))));

    let direct = world(&[("a", "1.0", &[])]);
    all.push(("direct", told(direct, problem(&["a>=2", "a<2"], here()))));

    let mut old = World::new();
    let file = old.add("a", "1.0", &[]);
    file.requires_python = Some(VersionSpecifiers::from_str(">=3.13").unwrap());
    all.push(("python", told(old, problem(&["a"], here()))));

    let mut late = World::new();
    let mut about = metadata("a", "1.0", &[]);
    about.requires_python = Some(VersionSpecifiers::from_str(">=3.13").unwrap());
    late.put(wheel("a", "1.0", "py3-none-any"), Ok(about));
    all.push(("python of metadata", told(late, problem(&["a"], here()))));

    let mut tags = World::new();
    let file = wheel("a", "1.0", "cp312-cp312-win_amd64");
    tags.put(file, Ok(metadata("a", "1.0", &[])));
    all.push(("tags", told(tags, problem(&["a"], here()))));

    let mut yanked = World::new();
    yanked.add("a", "1.0", &[]).yanked = Some("bad build".to_owned());
    all.push(("yanked", told(yanked, problem(&["a"], here()))));

    let mut early = problem(&["a"], here());
    early.prerelease = Prerelease::Disallow;
    let pre = world(&[("a", "1.0rc1", &[])]);
    all.push(("pre-release", told(pre, early)));

    let mut cut = problem(&["a"], here());
    cut.exclude_newer = Some(Timestamp::from_str("2026-01-01T00:00:00Z").unwrap());
    let new = world(&[("a", "1.0", &[])]);
    all.push(("cutoff", told(new, cut)));

    let mut build = problem(&["a"], here());
    build.no_build = Names::These([name("a")].into());
    let mut source = World::new();
    source.put(sdist("a", "1.0"), Ok(metadata("a", "1.0", &[])));
    all.push(("build", told(source, build)));

    let mut broken = World::new();
    broken.broken(
        wheel("a", "1.0", "py3-none-any"),
        ErrorCode::Malformed,
        "the wheel a-1.0-py3-none-any.whl has no METADATA",
    );
    all.push(("broken", told(broken, problem(&["a"], here()))));

    let mut urls = world(&[
        (
            "a",
            "1.0",
            &["c @ https://files.test/c-1.0-py3-none-any.whl"],
        ),
        (
            "b",
            "1.0",
            &["c @ https://files.test/c-2.0-py3-none-any.whl"],
        ),
    ]);
    urls.behind(
        "https://files.test/c-1.0-py3-none-any.whl",
        metadata("c", "1.0", &[]),
    );
    urls.behind(
        "https://files.test/c-2.0-py3-none-any.whl",
        metadata("c", "2.0", &[]),
    );
    all.push(("urls", told(urls, problem(&["a", "b"], here()))));

    let extras = world(&[
        (
            "a",
            "1.0",
            &["b==1.0 ; extra == 'x'", "b==2.0 ; extra == 'y'"],
        ),
        ("b", "1.0", &[]),
        ("b", "2.0", &[]),
    ]);
    all.push(("extras", told(extras, problem(&["a[x,y]"], here()))));

    let mut pool = World::new();
    pool.add("a", "1.0", &["b>=3"]);
    pool.add("b", "1.0", &[]);
    pool.source("public", 0);
    for version in 10..20 {
        pool.add("b", &format!("1.{version}"), &[]);
    }
    all.push(("sources", told(pool, problem(&["a"], here()))));

    let part = world(&[
        ("a", "1.0", &["b", "c"]),
        ("a", "2.0", &[]),
        ("b", "1.0", &["d==1"]),
        ("c", "1.0", &["d==2"]),
        ("d", "1", &[]),
        ("d", "2", &[]),
    ]);
    let asked = [
        "a>=2 ; sys_platform == 'linux'",
        "a<2 ; sys_platform != 'linux'",
    ];
    all.push(("part", told(part, problem(&asked, universal(">=3.12")))));

    let got: Vec<String> = all
        .iter()
        .map(|(name, lines)| format!("# {name}\n{}\n", lines.join("\n")))
        .collect();
    let expected = include_str!("conflicts.txt");
    assert_eq!(got.join("\n"), expected, "\n{}", got.join("\n"));
}
