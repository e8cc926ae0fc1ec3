use std::path::PathBuf;

use credential_helper_protocol::ErrorCode;

use super::{CertValue, certificates, keyring_enabled, setting, settings};
use crate::domain::name::RepositoryName;
use crate::provider::poetry::tests::call;

const ON: &str = "[keyring]\nenabled = true\n";
const OFF: &str = "[keyring]\nenabled = false\n";

#[tokio::test]
async fn keyring_is_switched_by_the_user_alone() {
    for (auth, config, project, variable, expected) in [
        ("", "", "", None, true),
        ("", OFF, "", None, false),
        (ON, OFF, "", None, true),
        ("", "", OFF, None, true),
        ("", OFF, ON, None, false),
        ("", OFF, "", Some("1"), true),
        ("", OFF, "", Some("True"), true),
        ("", ON, "", Some("yes"), false),
        ("", ON, "", Some("on"), false),
        ("", ON, "", Some(""), false),
        ("", ON, "", Some("0"), false),
    ] {
        let files = [
            ("poetry/auth.toml", auth),
            ("poetry/config.toml", config),
            ("project/poetry.toml", project),
        ];
        let (_dir, call) = call(&files, &[]);
        let enabled = keyring_enabled(&call, variable, false).await.unwrap();
        assert_eq!(enabled, expected, "{files:?} {variable:?}");
    }
    let (_dir, call) = call(&[("poetry/config.toml", "keyring.enabled = 'no'")], &[]);
    assert!(keyring_enabled(&call, None, false).await.is_err());
}

fn example() -> (tempfile::TempDir, crate::provider::Call) {
    let files = [
        (
            "poetry/config.toml",
            "[repositories.foo]\nurl='https://u:hunter2@h/'\n[repositories.bad]\nurl='hunter2'\n",
        ),
        (
            "poetry/auth.toml",
            "[http-basic.foo]\nusername='u'\npassword='hunter2'\n[pypi-token]\npypi='hunter2'\n\
             [certificates.foo]\ncert=false\nclient-cert='/c.pem'\n[certificates.my.repo]\ncert='/ca'\n",
        ),
        (
            "project/poetry.toml",
            "[certificates.foo]\ncert='/evil.pem'\n[repositories.local]\nurl='https://local/'\n\
             [keyring]\nenabled=false\n",
        ),
    ];
    let variables = [
        ("POETRY_REPOSITORIES_FOO_URL", "https://u:hunter2@new/"),
        ("POETRY_HTTP_BASIC_FOO_PASSWORD", "hunter2"),
    ];
    call(&files, &variables)
}

#[tokio::test]
async fn the_list_holds_no_secret() {
    let (_dir, call) = example();
    let all = settings(&call, None).await.unwrap();
    assert_eq!(
        serde_json::to_string(&all).unwrap(),
        "{\"certificates.foo.cert\":\"/evil.pem\",\"certificates.foo.client-cert\":\"/c.pem\",\
         \"certificates.my.repo.cert\":\"/ca\",\"keyring.enabled\":true,\
         \"repositories.bad.url\":null,\"repositories.foo.url\":\"https://new/\",\
         \"repositories.local.url\":\"https://local/\"}"
    );
}

#[tokio::test]
async fn one_key() {
    let (_dir, call) = example();
    for (key, expected) in [
        ("repositories.foo.url", Ok("repositories.foo.url")),
        ("repo.foo", Ok("repositories.foo.url")),
        (
            "repos",
            Ok("repositories.bad.url repositories.foo.url repositories.local.url"),
        ),
        ("repositories.fo", Err(ErrorCode::NotFound)),
        ("certificates.my", Err(ErrorCode::NotFound)),
        (
            "certificates.foo",
            Ok("certificates.foo.cert certificates.foo.client-cert"),
        ),
        ("certificates.my.repo.cert", Ok("certificates.my.repo.cert")),
        ("keyring.enabled", Ok("keyring.enabled")),
        ("http-basic.foo", Err(ErrorCode::Usage)),
        ("pypi-token.pypi", Err(ErrorCode::Usage)),
        ("virtualenvs.create", Err(ErrorCode::Usage)),
    ] {
        let found = setting(&call, key, None).await;
        let keys = found.map(|all| all.into_keys().collect::<Vec<_>>().join(" "));
        let keys = keys.map_err(|failure| failure.code);
        assert_eq!(keys, expected.map(str::to_owned), "{key}");
    }
}

#[tokio::test]
async fn certificates_are_the_users() {
    let (_dir, call) = example();
    let name = |text: &str| RepositoryName::parse(text).unwrap();
    let foo = certificates(&call, &name("foo")).await.unwrap();
    assert_eq!(foo.cert, Some(CertValue::Verify(false)));
    assert_eq!(foo.client_cert, Some(PathBuf::from("/c.pem")));
    let dotted = certificates(&call, &name("my.repo")).await.unwrap();
    assert_eq!(dotted.cert, Some(CertValue::Path(PathBuf::from("/ca"))));
    let other = certificates(&call, &name("bar")).await.unwrap();
    assert_eq!(other, super::Certificates::default());
}
