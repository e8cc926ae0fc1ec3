//! The lines that end a finding.

use super::rules::Kind;
use super::{Said, Subject};

/// Whose project it is: in whose words a fix is written, and whose choice counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// Requirements and pip's settings.
    Pip,
    /// A project of Poetry.
    Poetry,
    /// Any other project.
    Uv,
}

/// What to write, and where.
pub(super) fn lines(kind: Kind, subject: &Subject, target: Option<&Said>, tool: Tool) -> String {
    let Some(target) = target else {
        return format!(
            "make sure that {} is whose you take it for, before it is installed again",
            subject.name
        );
    };
    let look = match kind {
        Kind::OtherBytes | Kind::LockedBytes => {
            "find out which files are the right ones, then tie the name to their source:\n"
        }
        Kind::Unclaimed => "register the name on the public index too, or tie it to its source:\n",
        _ => "",
    };
    format!("{look}{}", pin(subject, target, tool))
}

fn pin(subject: &Subject, target: &Said, tool: Tool) -> String {
    let name = &subject.name;
    let source = &target.source;
    let url = source.canonical.as_str();
    let declared = source.name.as_deref();
    let source_name = declared.map_or_else(|| invented(url), str::to_owned);
    let range = subject
        .range
        .as_ref()
        .map(ToString::to_string)
        .filter(|range| !range.is_empty());
    match tool {
        Tool::Uv => {
            let mut text = String::new();
            if declared.is_none() {
                text = format!("[[tool.uv.index]]\nname = \"{source_name}\"\nurl = \"{url}\"\n\n");
            }
            if !subject.direct {
                // uv takes sources for what the project itself names.
                let line = format!("[project]\ndependencies = [..., \"{name}\"]\n\n");
                text.push_str(&line);
            }
            format!("{text}[tool.uv.sources]\n{name} = {{ index = \"{source_name}\" }}")
        }
        Tool::Poetry => {
            let range = range.unwrap_or_else(|| "*".to_owned());
            format!(
                "[tool.poetry.dependencies]\n{name} = {{ version = \"{range}\", source = \"{source_name}\" }}"
            )
        }
        Tool::Pip => {
            let digest = subject
                .locked
                .iter()
                .flat_map(|locked| &locked.files)
                .find_map(|file| file.hashes.get("sha256"));
            let version = subject
                .locked
                .iter()
                .find_map(|locked| locked.version.as_ref())
                .map(|version| format!("{name}=={version}"));
            match (version, digest) {
                (Some(pin), Some(digest)) => format!(
                    "--require-hashes\n{pin} --hash=sha256:{digest}\n(pip cannot tie a name to an index, only to digests)"
                ),
                _ => format!(
                    "--index-url {url}\n(pip cannot tie a name to an index: give it this one alone, and let it serve the rest)"
                ),
            }
        }
    }
}

/// A name for a source that has none: its host's first label.
fn invented(url: &str) -> String {
    let host = url.split("://").nth(1).unwrap_or(url);
    let labels: Vec<&str> = host
        .split(['/', ':'])
        .next()
        .unwrap_or(host)
        .split('.')
        .collect();
    let label = match labels.as_slice() {
        [.., name, _] => name,
        other => other.first().unwrap_or(&"private"),
    };
    label.to_ascii_lowercase()
}
