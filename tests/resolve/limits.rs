//! What limits the files that count: the digests of requirements, and the ages of each index.

use super::index::{index, release};
use super::{ACCOUNT, Place};
use crate::harness::sandbox::Sandbox;

fn place() -> Place {
    let public = vec![
        release("web", "1.0", &[]).uploaded("2026-01-01T00:00:00Z"),
        release("web", "2.0", &[]).uploaded("2026-02-01T00:00:00Z"),
    ];
    let private = vec![
        release("acme-core", "1.0", &["web"]).uploaded("2026-01-01T00:00:00Z"),
        release("acme-core", "2.0", &["web"]).uploaded("2026-02-01T00:00:00Z"),
    ];
    let place = Place {
        sandbox: Sandbox::new().without_keyring(),
        public: index(public, None),
        private: index(private, Some(ACCOUNT)),
    };
    place.store("sentinel");
    place
}

#[test]
fn digests_of_requirements_hold() {
    let place = place();
    place.project("dependencies = [\"acme-core\"]\n");
    let known = place.object(&["index", "files", "web==1.0"]);
    let known = known["files"][0]["hashes"]["sha256"]
        .as_str()
        .unwrap()
        .to_owned();
    let write = |text: String| place.sandbox.write("project/a.txt", &text);
    write(format!("web --hash=sha256:{known}\n"));
    let ended = place.resolve(&["-r", "a.txt", "--generate-hashes"]);
    let out = format!("web==1.0 \\\n    --hash=sha256:{known}\n");
    assert_eq!((ended.status, &*ended.stdout), (0, &*out), "{ended:?}");
    // Another file than the one that was meant.
    write(format!("web==2.0 --hash=sha256:{known}\n"));
    let ended = place.resolve(&["-r", "a.txt"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    assert!(
        ended
            .stderr
            .contains("web: left out: 2.0 (no file has one of the digests of --hash)"),
        "{ended:?}"
    );
    // Where only something else asks for it.
    write(format!("web==1.0 --hash=sha256:{known}\n"));
    let ended = place.resolve(&["acme-core", "-c", "a.txt"]);
    assert_eq!(ended.stdout, "acme-core==2.0\nweb==1.0\n", "{ended:?}");
    write(format!("web --hash=sha256:{}\n", "0".repeat(64)));
    let ended = place.resolve(&["acme-core", "-c", "a.txt"]);
    assert_eq!((ended.status, &*ended.stdout), (1, ""), "{ended:?}");
    // A URL is one file.
    let url = place.public.url("/files/web-1.0-py3-none-any.whl");
    for (digest, status) in [(known, 0), ("0".repeat(64), 3)] {
        write(format!("web @ {url} --hash=sha256:{digest}\n"));
        let ended = place.resolve(&["-r", "a.txt"]);
        assert_eq!(ended.status, status, "{ended:?}");
        assert_eq!(
            status == 3,
            ended.stderr.contains("its digest is not the one"),
            "{ended:?}"
        );
    }
}

/// As with uv: what an index says goes before what is said for all.
#[test]
fn ages_of_each_index() {
    let place = place();
    for (own, arguments, out) in [
        ("", &[][..], "acme-core==2.0\nweb==2.0\n"),
        (
            "",
            &["--exclude-newer", "2026-01-15"],
            "acme-core==1.0\nweb==1.0\n",
        ),
        (
            "exclude-newer = \"2026-01-15\"",
            &[],
            "acme-core==1.0\nweb==2.0\n",
        ),
        (
            "exclude-newer = false",
            &["--exclude-newer", "2026-01-15"],
            "acme-core==2.0\nweb==1.0\n",
        ),
        (
            "exclude-newer = \"10000 days\"",
            &["--exclude-newer", "2 days"],
            "",
        ),
    ] {
        place.project("dependencies = [\"acme-core\"]\n");
        let text = place.sandbox.read("project/pyproject.toml");
        let text = text.replace("name = \"acme\"\n", &format!("name = \"acme\"\n{own}\n"));
        place.sandbox.write("project/pyproject.toml", &text);
        let ended = place.resolve(arguments);
        assert_eq!(ended.stdout, out, "{own}: {ended:?}");
        if out.is_empty() {
            assert_eq!(ended.status, 1, "{ended:?}");
            assert!(
                ended.stderr.contains("uploaded after the cutoff"),
                "{ended:?}"
            );
        }
    }
}
