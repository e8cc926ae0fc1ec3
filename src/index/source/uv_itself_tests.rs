//! Held against uv itself: in generated projects, both ask the same indexes in the same order.

#![expect(clippy::format_push_string, reason = "a table of a test")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr as _;

use credential_helper_protocol::surroundings::{Platform, Surroundings};

use super::poetry_itself::Dice;
use super::{Kind, Options, PYPI, Sources};
use crate::http::test_server::{Server, reply};
use crate::package::PackageName;

/// Cases that are compared at least.
const LEAST: usize = 60;

/// uv beside the Python of the tests, or on the PATH.
fn uv() -> Option<PathBuf> {
    let beside = std::env::var_os("CREDENTIAL_HELPER_TEST_PYTHON")
        .map(|python| Path::new(&python).with_file_name("uv"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = beside
        .into_iter()
        .chain(std::env::split_paths(&path).map(|folder| folder.join("uv")));
    let found = all.find(|path| path.is_file());
    if found.is_none() {
        eprintln!("uv is not installed: its order is not compared");
    }
    found
}

/// A project, its user, its variables and the options of the command line.
#[derive(Debug, Default)]
struct Case {
    project: String,
    user: String,
    variables: Vec<(&'static str, String)>,
    options: Vec<String>,
}

fn url(dice: &mut Dice, base: &str) -> String {
    let name = dice.pick(&["k", "l", "m", "n", "o/simple", "p/simple/"]);
    format!("{base}/{name}")
}

fn index(dice: &mut Dice, base: &str, named: &[&str]) -> String {
    let name = match *dice.pick(named) {
        "" => String::new(),
        name => format!("name = \"{name}\", "),
    };
    let rest = dice.pick(&[
        "",
        "",
        "",
        ", default = true",
        ", explicit = true",
        ", explicit = true, default = true",
        ", authenticate = \"always\", ignore-error-codes = [401]",
    ]);
    // Nothing would be sent without a credential.
    let rest = rest.replace(", authenticate = \"always\"", "");
    format!("{{ {name}url = \"{}\"{rest} }}", url(dice, base))
}

fn table(dice: &mut Dice, base: &str, named: &[&str]) -> String {
    let mut text = String::new();
    let count = *dice.pick(&[0, 1, 2, 2, 3]);
    if count > 0 {
        let all: Vec<String> = (0..count).map(|_| index(dice, base, named)).collect();
        text.push_str(&format!("index = [{}]\n", all.join(", ")));
    }
    if *dice.pick(&[true, false, false]) {
        let (one, two) = (url(dice, base), url(dice, base));
        text.push_str(&format!("extra-index-url = [\"{one}\", \"{two}\"]\n"));
    }
    if *dice.pick(&[true, false]) {
        text.push_str(&format!("index-url = \"{}\"\n", url(dice, base)));
    }
    text
}

fn case(dice: &mut Dice, base: &str) -> Case {
    let mut case = Case::default();
    let own = table(dice, base, &["a", "b", "c", ""]);
    let mut project = format!("[tool.uv]\n{own}");
    if *dice.pick(&[true, false, false, false]) {
        let own = url(dice, base);
        project.push_str(&format!("[tool.uv.pip]\nindex-url = \"{own}\"\n"));
    }
    if *dice.pick(&[true, false, false]) {
        let pin = dice.pick(&["a", "b"]);
        project.push_str(&format!(
            "[tool.uv.sources]\nfoo = {{ index = \"{pin}\" }}\n"
        ));
    }
    case.project = format!(
        "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.8\"\ndependencies = [\"foo\"]\n{project}"
    );
    if *dice.pick(&[true, false]) {
        case.user = table(dice, base, &["u", "v", "c", ""]);
    }
    let some = |dice: &mut Dice| *dice.pick(&[true, false, false, false]);
    if some(dice) {
        let (name, place) = (dice.pick(&["a", "e"]), url(dice, base));
        let other = url(dice, base);
        case.variables
            .push(("UV_INDEX", format!("{name}={place} {other}")));
    }
    if some(dice) {
        case.variables.push(("UV_DEFAULT_INDEX", url(dice, base)));
    }
    if some(dice) {
        case.variables.push(("UV_INDEX_URL", url(dice, base)));
    }
    if some(dice) {
        let (one, two) = (url(dice, base), url(dice, base));
        case.variables
            .push(("UV_EXTRA_INDEX_URL", format!("{one} {two}")));
    }
    // With `--index` uv reads no UV_INDEX.
    if some(dice) && !case.variables.iter().any(|(name, _)| *name == "UV_INDEX") {
        case.options.push(url(dice, base));
    }
    case
}

/// The paths that are asked for `foo`, in order; `None` where PyPI is among them, which no test asks.
fn ours(case: &Case, work: &Path, around: &Surroundings) -> Result<Option<Vec<String>>, String> {
    let options = Options {
        extra_index_urls: case.options.clone(),
        ..Options::default()
    };
    let sources = Sources::of(work, &options, around).map_err(|failure| failure.message)?;
    let project = PackageName::from_str("foo").unwrap();
    let pin = sources.pins_of(&project).next();
    let pin = pin.map(|pin| pin.source.as_str());
    let tiers = sources
        .tiers(&project, pin)
        .map_err(|failure| failure.message)?;
    assert_eq!(tiers.len(), 1);
    let mut paths = Vec::new();
    for source in &tiers[0] {
        assert_eq!(source.kind, Kind::Index);
        if source.url.as_str() == PYPI {
            return Ok(None);
        }
        paths.push(source.url.path().trim_end_matches('/').to_owned());
    }
    Ok(Some(paths))
}

/// The same of uv; an error where it did not come to ask.
fn theirs(
    uv: &Path,
    cache: &Path,
    case: &Case,
    dir: &Path,
    server: &Server,
) -> Result<Vec<String>, String> {
    let before = server.heads().len();
    let mut command = Command::new(uv);
    command
        .args(["pip", "compile", "pyproject.toml", "--no-python-downloads"])
        .args(["--python-version", "3.11", "--no-build"])
        // What it found out about the Python here; that a package is not there is not kept.
        .arg("--cache-dir")
        .arg(cache)
        .current_dir(dir.join("work"))
        .env_clear()
        .env("HOME", dir.join("home"))
        .env("XDG_CONFIG_DIRS", dir.join("etc"))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(
            case.variables
                .iter()
                .map(|(name, value)| (*name, value.as_str())),
        );
    for option in &case.options {
        command.args(["--index", option]);
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() != Some(1) {
        return Err(errors);
    }
    let heads = server.heads();
    let paths = heads[before..].iter().map(|head| {
        let path = head.split(' ').nth(1).unwrap();
        path.trim_end_matches("/foo/")
            .trim_end_matches('/')
            .to_owned()
    });
    let paths: Vec<String> = paths.collect();
    if paths.is_empty() {
        return Err(errors);
    }
    Ok(paths)
}

#[test]
fn generated_projects_are_asked_in_the_same_order() {
    let Some(uv) = uv() else {
        return;
    };
    let server = Server::start(None, |_| Some(reply("404 Not Found", "")));
    let base = server.url("");
    let cache = tempfile::tempdir().unwrap();
    let mut dice = Dice::new(0xFEED);
    let (mut same, mut refused, mut tried) = (0, 0, 0);
    while same < LEAST {
        tried += 1;
        assert!(tried < 1000, "{same} {refused}");
        let case = case(&mut dice, &base);
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        std::fs::create_dir_all(dir.path().join("home/.config/uv")).unwrap();
        std::fs::create_dir_all(&work).unwrap();
        std::fs::write(work.join("pyproject.toml"), &case.project).unwrap();
        std::fs::write(dir.path().join("home/.config/uv/uv.toml"), &case.user).unwrap();
        let mut variables = vec![
            ("HOME", dir.path().join("home").to_str().unwrap().to_owned()),
            (
                "XDG_CONFIG_DIRS",
                dir.path().join("etc").to_str().unwrap().to_owned(),
            ),
        ];
        variables.extend(case.variables.iter().cloned());
        let around = Surroundings::given(variables, Platform::Xdg, 7, "host");
        let ours = match ours(&case, &work, &around) {
            Ok(None) => continue,
            Ok(Some(paths)) => Ok(paths),
            Err(why) => Err(why),
        };
        let theirs = theirs(&uv, cache.path(), &case, dir.path(), &server);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) if ours == theirs => same += 1,
            (Err(_), Err(_)) => refused += 1,
            _ => panic!("{case:#?}\nours: {ours:?}\nuv's: {theirs:?}"),
        }
    }
    assert!(refused > 2, "{refused}");
}
