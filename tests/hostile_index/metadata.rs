//! Metadata that no package has.

use serde_json::json;

use super::archives::plain;
use super::measured::{resolve, resolve_all};
use super::server::{BYTES, Index};
use super::{page, refused, wheel, within};

/// An index whose metadata of `a` stand beside the file.
fn beside(raw: Vec<u8>) -> Index {
    let name = "a-1.0-py3-none-any.whl";
    let entry = json!({ "filename": name, "url": format!("/files/{name}"), "hashes": {}, "core-metadata": true });
    Index::new(move |asked, answer| match &*asked.path {
        "/simple/a/" => answer.json(&page("a", std::slice::from_ref(&entry))),
        path if path.ends_with(".metadata") => answer.say("200 OK", BYTES, &raw),
        _ => answer.say("404 Not Found", "", b""),
    })
}

fn text(more: &str) -> Vec<u8> {
    format!("Metadata-Version: 2.1\nName: a\nVersion: 1.0\n{more}\n").into_bytes()
}

#[test]
fn absurd_metadata() {
    let line = "Requires-Dist: b; python_version > '3'\n";
    let deep = format!(
        "Requires-Dist: b; {}os_name == 'x'{}\n",
        "(".repeat(100_000),
        ")".repeat(100_000)
    );
    let long = format!(
        "Requires-Dist: b; {}\n",
        vec!["os_name == 'x'"; 50_000].join(" or ")
    );
    let many = format!("Requires-Dist: b{}\n", vec![" !=1.0"; 100_000].join(","));
    let number = format!("Requires-Dist: b >={}\n", "9".repeat(100_000));
    let parts = format!("Requires-Dist: b >={}\n", vec!["9"; 100_000].join("."));
    let name = format!("Requires-Dist: {}\n", "b".repeat(1_000_000));
    let pairs = |first: &str, second: &str| {
        let pair = |at: usize| format!("({first}{at}' and {second}{at}')");
        let pairs: Vec<String> = (0..25).map(pair).collect();
        format!("Requires-Dist: b; {}\n", pairs.join(" or "))
    };
    let looked = pairs("os_name not in 'a", "platform_version in 'b");
    let extras = pairs("extra == 'a", "extra == 'b");
    let keys = pairs("os_name >= 'a", "sys_platform >= 'b").replace(
        "b0'",
        "b0' and platform_machine >= 'x' and platform_release >= 'y' and platform_system >= 'z'",
    );
    for (what, raw) in [
        ("nothing", Vec::new()),
        ("no text", vec![0xff; 5000]),
        (
            "another name",
            b"Metadata-Version: 2.1\nName: c\nVersion: 1.0\n\n".to_vec(),
        ),
        (
            "another version",
            b"Metadata-Version: 2.1\nName: a\nVersion: 2.0\n\n".to_vec(),
        ),
        (
            "no version",
            b"Metadata-Version: 2.1\nName: a\nVersion: x\n\n".to_vec(),
        ),
        ("20 MiB", text(&"x".repeat(20 * 1024 * 1024))),
        ("no requirement", text("Requires-Dist: [b]\n")),
        ("no specifier", text("Requires-Dist: b <=>4\n")),
        ("many lines", text(&line.repeat(250_000))),
        ("deep", text(&deep)),
        ("long", text(&long)),
        ("many", text(&many)),
        ("number", text(&number)),
        ("parts", text(&parts)),
        ("name", text(&name)),
        ("looked", text(&looked)),
        ("extras", text(&extras)),
        ("keys", text(&keys)),
    ] {
        let index = beside(raw);
        let measured = resolve(&index.url(), &["a"]);
        if measured.ended.status == 0 {
            // A line that cannot be read is left out and named.
            within(what, &measured);
            let told = &measured.ended.stderr;
            assert!(told.contains("a 1.0: its Requires-Dist"), "{what}: {told}");
            assert!(told.len() < 1024, "{what}: {told}");
        } else {
            refused(what, &measured, &["a"]);
        }
    }
    // In the wheel itself.
    let index = wheel(plain("a", "1.0", &line.repeat(250_000)), true);
    refused("wheel", &resolve(&index.url(), &["a"]), &["a"]);
}

/// For all platforms, what one line may not do, many lines do: each marker doubles the parts of the
/// answer, or its conditions.
#[test]
fn markers_that_double() {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| {
        let lines: Vec<String> = (0..count)
            .map(|at| format!("Requires-Dist: {}\n", line(at)))
            .collect();
        text(&lines.concat())
    };
    let parts = lines(25, &|at| format!("b>={at}; 'p{at}' in platform_version"));
    let measured = resolve_all(&beside(parts).url(), &["a"]);
    refused("parts", &measured, &["a 1.0 asks for b under too many"]);
    let conditions = lines(25, &|at| {
        format!("b; 'p{at}' in platform_version and 'q{at}' in platform_version")
    });
    let index = Index::new(move |asked, answer| {
        let name = match &*asked.path {
            path if path.contains("a-1.0") || path == "/simple/a/" => "a",
            _ => "b",
        };
        let file = format!("{name}-1.0-py3-none-any.whl");
        let entry = json!({ "filename": file, "url": format!("/files/{file}"), "hashes": {}, "core-metadata": true });
        match &*asked.path {
            path if path.starts_with("/simple/") => answer.json(&page(name, &[entry])),
            _ if name == "a" => answer.say("200 OK", BYTES, &conditions),
            _ => answer.say(
                "200 OK",
                BYTES,
                b"Metadata-Version: 2.1\nName: b\nVersion: 1.0\n\n",
            ),
        }
    });
    let measured = resolve_all(&index.url(), &["a"]);
    refused(
        "conditions",
        &measured,
        &["a 1.0 asks for b under too many"],
    );
}

/// A version that cannot be read is no reason to do without the others; it is named.
#[test]
fn an_older_version_is_taken() {
    let index = Index::new(move |asked, answer| {
        let entry = |version: &str| {
            let name = format!("a-{version}-py3-none-any.whl");
            json!({ "filename": name, "url": format!("/files/{name}"), "hashes": {}, "core-metadata": true })
        };
        match &*asked.path {
            "/simple/a/" => answer.json(&page("a", &[entry("1.0"), entry("2.0")])),
            "/files/a-1.0-py3-none-any.whl.metadata" => answer.say("200 OK", BYTES, &text("")),
            _ => answer.say("200 OK", BYTES, b"rubbish"),
        }
    });
    let measured = resolve(&index.url(), &["a"]);
    within("older", &measured);
    let ended = &measured.ended;
    assert_eq!((ended.status, &*ended.stdout), (0, "a==1.0\n"), "{ended:?}");
    assert!(ended.stderr.contains("a 2.0 was passed over"), "{ended:?}");
    let measured = resolve(&index.url(), &["a==2.0"]);
    refused(
        "alone",
        &measured,
        &["a-2.0-py3-none-any.whl", &index.url()],
    );
}
