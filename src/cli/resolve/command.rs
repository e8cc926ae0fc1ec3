//! The command line of a resolution, for the first lines of what it writes.

use std::path::Path;

use clap::ValueEnum;

use crate::cli::args_resolve::ResolveArgs;

/// The command that makes the file again. It names no source: a URL may hold a password, and the
/// next person may have other sources for the same packages.
pub(super) fn line(args: &ResolveArgs) -> String {
    let mut words = vec!["helper".to_owned(), "resolve".to_owned()];
    words.extend(args.requirements.iter().map(|text| quoted(&bare(text))));
    let mut option = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
    let path = |path: &Path| path.to_string_lossy().into_owned();
    for file in &args.files {
        option("-r", &path(file));
    }
    for file in &args.constraint {
        option("-c", &path(file));
    }
    for file in &args.r#override {
        option("--override", &path(file));
    }
    for extra in &args.extra {
        option("--extra", extra);
    }
    for group in &args.group {
        option("--group", group);
    }
    if let Some(version) = &args.python.python_version {
        option("--python-version", version);
    }
    if let Some(platform) = &args.python.python_platform {
        option("--python-platform", platform);
    }
    if let Some(strategy) = args.resolution.and_then(|one| one.to_possible_value()) {
        option("--resolution", strategy.get_name());
    }
    if let Some(when) = args.prerelease.and_then(|one| one.to_possible_value()) {
        option("--prerelease", when.get_name());
    }
    if let Some(time) = args.exclude_newer {
        option("--exclude-newer", &time.to_string());
    }
    if let Some(format) = args.format.and_then(|one| one.to_possible_value()) {
        option("--format", format.get_name());
    }
    if let Some(file) = &args.output_file {
        option("-o", &path(file));
    }
    for (name, given) in [
        ("--all-extras", args.all_extras),
        ("--universal", args.universal),
        ("--build-sdist", args.sources.build_sdist),
        ("--generate-hashes", args.generate_hashes),
        ("--no-annotate", args.no_annotate),
        ("--emit-index-annotation", args.emit_index_annotation),
        ("--emit-index-url", args.emit_index_url),
    ] {
        if given {
            words.push(name.to_owned());
        }
    }
    words.join(" ")
}

/// A requirement without what stands before the host of its URL.
fn bare(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{before}://{host}{path}")
}

/// A word as a shell reads it back, on one line whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@~^%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let line: String = word
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("'{}'", line.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::line;
    use crate::cli::args::{Cli, Command};

    fn of(words: &[&str]) -> String {
        let all = ["helper", "resolve"].iter().chain(words);
        match Cli::try_parse_from(all).unwrap().command {
            Command::Resolve(args) => line(&args),
            _ => unreachable!("the words are those of a resolution"),
        }
    }

    #[test]
    fn the_command_again_without_its_sources() {
        for (words, again) in [
            (
                &["requests>=2", "-r", "a b.in"][..],
                "'requests>=2' -r 'a b.in'",
            ),
            (
                &["foo @ https://u:hunter2@h/foo.whl#x=y@z"],
                "'foo @ https://h/foo.whl#x=y@z'",
            ),
            (
                &["--index-url", "https://u:hunter2@h/simple/", "-f", "x", "a"],
                "a",
            ),
            (
                &[
                    "--universal",
                    "-o",
                    "out.txt",
                    "--prerelease",
                    "allow",
                    "-U",
                ],
                "--prerelease allow -o out.txt --universal",
            ),
            (&["it's\n# a"], "'it'\\''s # a'"),
        ] {
            assert_eq!(of(words), format!("helper resolve {again}"));
        }
    }
}
