//! Small random graphs against a search through all choices; and the order of answers, which must
//! not matter.

use std::collections::BTreeMap;
use std::sync::Arc;

use pep508_rs::{MarkerEnvironment, VersionOrUrl};
use proptest::prelude::*;

use super::testing::{World, lines, linux, name, one, problem, requirement, solve, universal};
use super::{Environment, Resolution, Unsolved};
use crate::package::{ExtraName, PackageName, Requirement, Version};

const PROJECTS: [&str; 5] = ["a", "b", "c", "d", "e"];
const VERSIONS: [&str; 3] = ["1.0", "2.0", "3.0"];
const RANGES: [&str; 8] = [
    "", "==1.0", "==2.0", "==3.0", ">=2.0", "<3.0", "!=2.0", "<2.0",
];
const EXTRAS: [&str; 4] = ["", "", "", "[x]"];
const MARKERS: [&str; 4] = ["", "", "sys_platform == 'linux'", "sys_platform != 'linux'"];

/// What each version of each project needs, as text, and what is asked for.
#[derive(Clone, Debug)]
struct Graph {
    needs: BTreeMap<(&'static str, &'static str), Vec<String>>,
    roots: Vec<String>,
}

fn need(markers: bool) -> impl Strategy<Value = String> {
    (
        0..PROJECTS.len(),
        0..RANGES.len(),
        0..EXTRAS.len(),
        0..MARKERS.len(),
    )
        .prop_map(move |(project, range, extra, marker)| {
            let marker = if markers { MARKERS[marker] } else { "" };
            let marker = if marker.is_empty() {
                String::new()
            } else {
                format!(" ; {marker}")
            };
            format!(
                "{}{}{}{marker}",
                PROJECTS[project], EXTRAS[extra], RANGES[range]
            )
        })
}

/// A need of an extra: with its marker.
fn optional(text: &str) -> String {
    match text.split_once(" ; ") {
        None => format!("{text} ; extra == 'x'"),
        Some((need, marker)) => format!("{need} ; ({marker}) and extra == 'x'"),
    }
}

fn graph(markers: bool) -> impl Strategy<Value = Graph> {
    let one = proptest::collection::vec((need(markers), 0..4_u8), 0..3);
    let all = proptest::collection::vec(one, PROJECTS.len() * VERSIONS.len());
    let roots = proptest::collection::vec(need(markers), 1..4);
    (all, roots).prop_map(|(all, roots)| {
        let mut all = all.into_iter();
        let mut needs = BTreeMap::new();
        for project in PROJECTS {
            for version in VERSIONS {
                let list = all.next().unwrap();
                let list = list
                    .into_iter()
                    .map(|(text, kind)| if kind == 0 { optional(&text) } else { text })
                    .collect();
                needs.insert((project, version), list);
            }
        }
        Graph { needs, roots }
    })
}

impl Graph {
    fn world(&self, seed: u64) -> Arc<World> {
        let mut world = World::new();
        for ((project, version), needs) in &self.needs {
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            world.add(project, version, &needs);
        }
        world.seed = seed;
        Arc::new(world)
    }

    fn solve(&self, seed: u64, environment: Environment) -> Result<Resolution, Unsolved> {
        let roots: Vec<&str> = self.roots.iter().map(String::as_str).collect();
        solve(&self.world(seed), problem(&roots, environment))
    }

    /// Whether these versions fulfil all that is asked for, and which of them are needed at all.
    fn fulfilled(
        &self,
        chosen: &BTreeMap<PackageName, Version>,
        here: &MarkerEnvironment,
    ) -> Option<Vec<PackageName>> {
        let mut todo: Vec<(Requirement, Option<ExtraName>)> = self
            .roots
            .iter()
            .map(|text| (requirement(text), None))
            .collect();
        let mut seen: Vec<(PackageName, Option<ExtraName>)> = Vec::new();
        while let Some((wanted, asker)) = todo.pop() {
            let extras: Vec<ExtraName> = asker.into_iter().collect();
            if !wanted.marker.evaluate(here, &extras) {
                continue;
            }
            let version = chosen.get(&wanted.name)?;
            if let Some(VersionOrUrl::VersionSpecifier(specifiers)) = &wanted.version_or_url
                && !specifiers.contains(version)
            {
                return None;
            }
            for extra in std::iter::once(None).chain(wanted.extras.into_iter().map(Some)) {
                let key = (wanted.name.clone(), extra.clone());
                if seen.contains(&key) {
                    continue;
                }
                seen.push(key);
                let known = PROJECTS
                    .iter()
                    .find(|one| ***one == *wanted.name.as_ref())?;
                let text = version.to_string();
                let version = VERSIONS.iter().find(|one| **one == text)?;
                for need in &self.needs[&(*known, *version)] {
                    todo.push((requirement(need), extra.clone()));
                }
            }
        }
        let mut names: Vec<PackageName> = seen.into_iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        Some(names)
    }

    /// Whether any choice of versions fulfils what is asked for.
    fn possible(&self, here: &MarkerEnvironment) -> bool {
        let count = VERSIONS.len().pow(5);
        (0..count).any(|mut number| {
            let chosen = PROJECTS
                .iter()
                .map(|project| {
                    let version = VERSIONS[number % VERSIONS.len()];
                    number /= VERSIONS.len();
                    (name(project), version.parse().unwrap())
                })
                .collect();
            self.fulfilled(&chosen, here).is_some()
        })
    }
}

fn chosen(resolution: &Resolution, here: &MarkerEnvironment) -> BTreeMap<PackageName, Version> {
    let mut all = BTreeMap::new();
    for package in &resolution.packages {
        if package.marker.evaluate(here, &[]) {
            let twice = all.insert(package.name.clone(), package.version.clone());
            assert!(twice.is_none(), "{} twice", package.name);
        }
    }
    all
}

/// All that there is to an answer, as text.
fn whole(answer: &Result<Resolution, Unsolved>) -> String {
    match answer {
        Ok(resolution) => format!(
            "{:?} {:?} {:?} {:?}",
            lines(resolution),
            resolution
                .packages
                .iter()
                .map(|one| (&one.requires, &one.from))
                .collect::<Vec<_>>(),
            resolution.forks,
            resolution.warnings
        ),
        Err(unsolved) => format!("{:?}", unsolved.failure()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_right_and_there_is_one_where_one_can_be(graph in graph(true)) {
        let here = linux("3.12");
        match graph.solve(0, one("3.12")) {
            Ok(resolution) => {
                let chosen = chosen(&resolution, &here);
                let needed = graph.fulfilled(&chosen, &here);
                prop_assert_eq!(needed, Some(chosen.into_keys().collect::<Vec<_>>()));
            }
            Err(Unsolved::Conflict(_)) => prop_assert!(!graph.possible(&here)),
            Err(Unsolved::Failed(failure)) => prop_assert!(false, "{failure}"),
        }
    }

    #[test]
    fn a_universal_answer_is_right_everywhere(graph in graph(true)) {
        if let Ok(resolution) = graph.solve(0, universal(">=3.12")) {
            let linux = linux("3.12");
            let windows = linux.clone().with_sys_platform("win32");
            for here in [linux, windows] {
                let chosen = chosen(&resolution, &here);
                let needed = graph.fulfilled(&chosen, &here);
                prop_assert_eq!(needed, Some(chosen.into_keys().collect::<Vec<_>>()));
            }
        }
    }

    #[test]
    fn the_order_of_answers_does_not_matter(graph in graph(true), seed in 1..u64::MAX) {
        for universally in [false, true] {
            let environment = || if universally { universal(">=3.12") } else { one("3.12") };
            let one = whole(&graph.solve(0, environment()));
            prop_assert_eq!(&one, &whole(&graph.solve(seed, environment())));
            prop_assert_eq!(&one, &whole(&graph.solve(seed.rotate_left(13) | 1, environment())));
        }
    }
}

/// As many packages as a large set of tools, in as many versions as they have.
fn large(width: usize) -> World {
    let mut world = World::new();
    for project in 0..width {
        for version in 0..40 {
            let mut needs = Vec::new();
            for step in [1, 2, 3, 7] {
                let other = project + step * (1 + project % 3);
                if other < width && needs.len() < 4 {
                    let low = if version > 10 { version - 10 } else { 0 };
                    needs.push(format!("p{other}>=1.{low},<3"));
                }
            }
            let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
            world.add(&format!("p{project}"), &format!("1.{version}"), &needs);
        }
    }
    world
}

#[test]
fn a_large_graph_asks_for_each_page_and_one_version_of_each() {
    let world = Arc::new(large(144));
    let asked = &["p0", "p1", "p2", "p3"];
    // The first answer builds the pages.
    solve(&world, problem(asked, one("3.12"))).unwrap();
    world.asked.store(0, std::sync::atomic::Ordering::Relaxed);
    let start = std::time::Instant::now();
    let answer = solve(&world, problem(asked, one("3.12"))).unwrap();
    eprintln!("one environment: {:?}", start.elapsed());
    let start = std::time::Instant::now();
    let everywhere = solve(&world, problem(asked, universal(">=3.12"))).unwrap();
    eprintln!("universal: {:?}", start.elapsed());
    assert_eq!(lines(&answer), lines(&everywhere));
    let count = u64::try_from(answer.packages.len()).unwrap();
    assert_eq!(
        world.asked.load(std::sync::atomic::Ordering::Relaxed),
        4 * count
    );
}
