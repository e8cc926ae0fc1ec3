use super::{Meaning, ROWS, meaning, words};
use crate::http::Answer;

/// What real servers were seen to answer, or are known to.
#[test]
fn the_table() {
    for (server, status, says, wanted) in [
        ("PyPI", 200, "", Meaning::Taken),
        (
            "GitLab",
            201,
            "{\"message\":\"201 Created\"}",
            Meaning::Taken,
        ),
        ("Azure", 202, "", Meaning::Taken),
        (
            "PyPI",
            400,
            "400 File already exists ('a-1.tar.gz', with blake2_256 hash 'x').",
            Meaning::There,
        ),
        (
            "PyPI",
            400,
            "This filename has already been used, use a different version.",
            Meaning::Used,
        ),
        (
            "PyPI",
            400,
            "Only one sdist may be uploaded per release.",
            Meaning::Refused,
        ),
        (
            "PyPI",
            400,
            "The description failed to render",
            Meaning::Refused,
        ),
        (
            "PyPI",
            403,
            "Invalid or non-existent authentication information.",
            Meaning::Unauthorized,
        ),
        (
            "PyPI",
            403,
            "The user 'u' isn't allowed to upload to project 'p'.",
            Meaning::Forbidden,
        ),
        ("PyPI", 405, "", Meaning::NotForUploads),
        (
            "devpi",
            409,
            "a-1.tar.gz already exists in non-volatile index",
            Meaning::There,
        ),
        (
            "devpi",
            401,
            "invalid authentication",
            Meaning::Unauthorized,
        ),
        (
            "devpi",
            403,
            "cannot submit to mirror index",
            Meaning::NotForUploads,
        ),
        (
            "pypiserver",
            409,
            "Package 'a-1.tar.gz' already exists!",
            Meaning::There,
        ),
        ("pypiserver", 403, "", Meaning::Forbidden),
        (
            "Nexus",
            400,
            "Repository does not allow updating assets: pypi",
            Meaning::There,
        ),
        ("Nexus", 400, "asset cannot be updated", Meaning::There),
        (
            "Artifactory",
            403,
            "Not enough permissions to delete/overwrite all artifacts under 'a'",
            Meaning::There,
        ),
        (
            "Artifactory",
            403,
            "Not enough permissions to overwrite artifact 'a'",
            Meaning::There,
        ),
        (
            "GitLab",
            400,
            "Validation failed: File name has already been taken",
            Meaning::There,
        ),
        (
            "Google",
            400,
            "Requested entity already exists",
            Meaning::There,
        ),
        ("CodeArtifact", 409, "", Meaning::There),
        ("Azure", 409, "TF400", Meaning::There),
        (
            "Azure",
            403,
            "The feed already contains file 'a-1.tar.gz'",
            Meaning::There,
        ),
        (
            "PEP 752",
            409,
            "The namespace 'acme' is reserved",
            Meaning::Reserved,
        ),
        ("any", 301, "", Meaning::NotForUploads),
        ("any", 413, "", Meaning::TooLarge),
        ("any", 429, "", Meaning::Later),
        ("any", 422, "", Meaning::Refused),
        ("any", 500, "", Meaning::Later),
        ("any", 503, "", Meaning::Later),
        ("any", 501, "", Meaning::Refused),
        ("any", 999, "", Meaning::Refused),
    ] {
        assert_eq!(meaning(status, says), wanted, "{server} {status} {says}");
    }
    // Every server of the table stands in the documents by the same name.
    let page = include_str!("../../docs/publish.md");
    for row in ROWS.iter().filter(|row| row.server != "any") {
        assert!(page.contains(row.server), "{}", row.server);
    }
}

fn said(text: &str) -> String {
    words(&Answer {
        content: text.as_bytes().to_vec(),
        ..Answer::default()
    })
}

#[test]
fn words_of_answers() {
    for (text, wanted) in [
        ("plain\r\n  text\u{1b}[2J", "plain text\\u{1b}[2J"),
        (
            r#"{"message": "The server could not comply.", "code": "400 File already exists ('a'). See the help.", "title": "Bad Request"}"#,
            "400 File already exists ('a'). See the help.",
        ),
        (r#"{"error": {"code": 400, "message": "exists"}}"#, "exists"),
        (r#"{"errors": [{"message": "no"}]}"#, "no"),
        (r#"{"other": 1}"#, ""),
        (
            "<!DOCTYPE html><html><head><title>t</title><style>a{}</style></head><body><h1>Error: 409</h1><p>&#x27;a&#x27; exists</body>",
            "Error: 409 'a' exists",
        ),
        ("<", ""),
        ("", ""),
    ] {
        assert_eq!(said(text), wanted, "{text}");
    }
    assert_eq!(said(&"x".repeat(400)).len(), 303);
}
