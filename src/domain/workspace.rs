//! Which folders are members of a uv workspace.

use std::path::Path;

use super::toml_text::{FileFailure, Item};

/// Where a workspace is declared in the `pyproject.toml` of its root.
pub const WORKSPACE: &[&str] = &["tool", "uv", "workspace"];

/// Whether the folder is one of the workspace's members and not left out again.
///
/// # Errors
/// Where the lists of members are none.
pub fn is_member(workspace: &Item<'_>, root: &Path, folder: &Path) -> Result<bool, FileFailure> {
    let Ok(below) = folder.strip_prefix(root) else {
        return Ok(false);
    };
    let below: Vec<String> = below
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    let listed = |key: &str| {
        let Some(list) = workspace.get(key)? else {
            return Ok(false);
        };
        for item in list.elements()? {
            let pattern: Vec<&str> = item
                .text()?
                .split('/')
                .filter(|part| !matches!(*part, "" | "."))
                .collect();
            if path_matches(&pattern, &below) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Ok(listed("members")? && !listed("exclude")?)
}

/// Whether a path fits a pattern: `**` is any number of folders, `*` and `?` stand within one.
/// Character classes, which uv also knows, are not: such a member is taken for a project alone.
fn path_matches(pattern: &[&str], path: &[String]) -> bool {
    let part_matches = |part: &&str, name: &String| {
        let part: Vec<char> = part.chars().collect();
        let name: Vec<char> = name.chars().collect();
        fits(&part, &name, |p| *p == '*', |p, c| *p == '?' || p == c)
    };
    fits(pattern, path, |part| *part == "**", part_matches)
}

/// Whether the items fit a pattern in which a star stands for any number of them. Only the last
/// star is tried again, which is enough; trying all would let a project's file keep us busy.
fn fits<P, T>(
    pattern: &[P],
    items: &[T],
    is_star: impl Fn(&P) -> bool,
    one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut taken, mut star) = (0, 0, None);
    while let Some(item) = items.get(taken) {
        match (pattern.get(at), star) {
            (Some(part), _) if is_star(part) => {
                star = Some((at, taken));
                at += 1;
            }
            (Some(part), _) if one(part, item) => {
                at += 1;
                taken += 1;
            }
            (_, Some((star_at, before))) => {
                star = Some((star_at, before + 1));
                at = star_at + 1;
                taken = before + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use super::path_matches;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("packages/*", "packages/a", true),
            ("packages/*", "packages/a/b", false),
            ("packages/**", "packages/a/b", true),
            ("**/x", "x", true),
            ("**/x/**/y", "a/x/b/x/c/y", true),
            ("**/x/**/y", "a/x/b/x/c", false),
            ("a*c?", "abbcd", true),
            ("a*c?", "abbc", false),
            ("*a*a*", "bab", false),
            ("x", "y", false),
        ] {
            let pattern: Vec<&str> = pattern.split('/').collect();
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            assert_eq!(
                path_matches(&pattern, &path),
                expected,
                "{pattern:?} {path:?}"
            );
        }
    }
}
