//! Projects in folders: a workspace of uv, and one of Poetry required by its path.

use super::{Place, Server};

fn asked(server: &Server, name: &str) -> bool {
    let all = server.requests();
    all.iter()
        .any(|request| request.line.contains(&format!("/simple/{name}/")))
}

#[test]
fn what_is_in_a_folder_is_not_looked_for_elsewhere() {
    let place = Place::new();
    place.project(
        "dependencies = [\"one\", \"old\"]\n[tool.uv.sources]\none = { workspace = true }\n\
         old = { path = \"old\" }\n[tool.uv.workspace]\nmembers = [\"packages/*\"]",
    );
    let member = |name: &str, rest: &str| {
        let path = format!("project/packages/{name}/pyproject.toml");
        let text = format!("[project]\nname = \"{name}\"\nversion = \"0.1\"\n{rest}");
        place.sandbox.write(&path, &text);
    };
    // Its dependency has the name of a package on the public index.
    member(
        "one",
        "dependencies = [\"extra\", \"base\"]\n[tool.uv.sources]\nextra = { workspace = true }",
    );
    member("extra", "dependencies = []");
    place.sandbox.write(
        "project/old/pyproject.toml",
        "[tool.poetry]\nname = \"old\"\nversion = \"3\"\n[tool.poetry.dependencies]\npython = \"^3.9\"\nweb = \"^1\"\n",
    );
    let ended = place.resolve(&[]);
    assert_eq!(ended.status, 0, "{ended:?}");
    let names: Vec<&str> = ended
        .stdout
        .lines()
        .map(|line| line.split(" @ ").next().unwrap())
        .collect();
    assert_eq!(
        names,
        ["base==2.0", "extra", "old", "one", "web==1.0"],
        "{ended:?}"
    );
    for name in ["one", "extra", "old"] {
        assert!(
            !asked(&place.public, name) && !asked(&place.private, name),
            "{name}"
        );
    }
}
