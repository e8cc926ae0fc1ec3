//! The protocol as another implementation of Varlink understands it (zlink).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zlink::Call;
use zlink::idl::Interface;
use zlink::tokio::unix::connect;
use zlink::varlink_service::Proxy as _;

use crate::harness::sandbox::Sandbox;

const INTERFACE: &str = "io.credentialhelper.Agent1";

/// Any call, as zlink writes it.
#[derive(Debug, Serialize)]
struct Method {
    method: &'static str,
    parameters: Value,
}

/// An error of ours, as zlink reads it.
#[derive(Debug, Deserialize)]
struct Refused {
    error: String,
    parameters: Told,
}

/// What every one of them has.
#[derive(Debug, Deserialize)]
struct Told {
    message: String,
    hint: Option<String>,
    #[serde(default)]
    providers: Vec<Answer>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    name: String,
    answer: String,
}

#[derive(Debug, Deserialize)]
struct Got {
    credential: Credential,
}

#[derive(Debug, Deserialize)]
struct Credential {
    username: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Info {
    product: String,
}

fn definition(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("protocol");
    std::fs::read_to_string(folder.join(format!("{name}.varlink"))).unwrap()
}

fn get(name: &str, secret: Option<&str>) -> Call<Method> {
    let mut context = json!({"keyring_enabled": "false"});
    if let Some(secret) = secret {
        context["variables"] = json!({
            "POETRY_HTTP_BASIC_FOO_USERNAME": "alice",
            "POETRY_HTTP_BASIC_FOO_PASSWORD": secret,
        });
    }
    Call::new(Method {
        method: "io.credentialhelper.Agent1.Get",
        parameters: json!({"question": {"name": name, "context": context}}),
    })
}

fn run(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work);
}

#[test]
fn the_definitions_are_varlink() {
    let text = definition(INTERFACE);
    let interface = Interface::try_from(text.as_str()).unwrap();
    assert_eq!(interface.name(), INTERFACE);
    let methods: Vec<&str> = interface
        .methods()
        .map(|method| method.name().as_str())
        .collect();
    assert!(methods.contains(&"Get") && methods.contains(&"Report"));
    // The closed list of section 4 of the specification.
    let errors: Vec<&str> = interface
        .errors()
        .map(|error| error.name().as_str())
        .collect();
    assert_eq!(errors.len(), 13);
    let text = definition("org.varlink.service");
    let service = Interface::try_from(text.as_str()).unwrap();
    assert_eq!(service.methods().count(), 2);
}

#[test]
fn a_foreign_client_is_answered() {
    let sandbox = Sandbox::new().without_keyring();
    let _agent = sandbox.run_agent(&[]);
    run(async {
        let mut connection = connect(sandbox.socket()).await.unwrap();
        let info = connection.get_info().await.unwrap().unwrap();
        assert_eq!(info.vendor, "credential-helper");
        assert!(
            info.interfaces
                .iter()
                .any(|name| name.as_str() == INTERFACE)
        );
        for name in [INTERFACE, "org.varlink.service"] {
            let asked = name.try_into().unwrap();
            let description = connection.get_interface_description(asked).await;
            let description = description.unwrap().unwrap();
            assert_eq!(description.as_raw(), Some(definition(name).as_str()));
            assert_eq!(description.parse().unwrap().name(), name);
        }
        let unknown = "org.example.Unknown".try_into().unwrap();
        // zlink gives the errors of the standard interface as its own.
        let refused = connection.get_interface_description(unknown).await;
        let text = refused.map(|_| ()).unwrap_err().to_string();
        assert!(text.contains("org.example.Unknown"), "{text}");
        let call = get("foo", Some("s3cret"));
        let (reply, _) = connection
            .call_method::<_, Got, Refused>(&call, Vec::new())
            .await
            .unwrap();
        let credential = reply.unwrap().into_parameters().unwrap().credential;
        assert_eq!(credential.username.as_deref(), Some("alice"));
        assert_eq!(credential.password.as_deref(), Some("s3cret"));
    });
}

#[test]
fn an_error_has_its_parameters() {
    let sandbox = Sandbox::new().without_keyring();
    let _agent = sandbox.run_agent(&[]);
    run(async {
        let mut connection = connect(sandbox.socket()).await.unwrap();
        let call = get("foo", None);
        let (reply, _) = connection
            .call_method::<_, Got, Refused>(&call, Vec::new())
            .await
            .unwrap();
        let refused = reply.unwrap_err();
        assert_eq!(refused.error, "io.credentialhelper.Agent1.NotFound");
        let told = refused.parameters;
        assert_eq!(told.message, "no credential for \"foo\"");
        assert!(
            told.hint
                .is_some_and(|hint| hint.contains("helper set foo"))
        );
        let asked = |answer: &Answer| answer.name == "environment" && answer.answer == "not-found";
        assert!(told.providers.iter().any(asked));
    });
}

#[test]
fn calls_in_one_write_are_answered_in_order_and_oneway_ones_not_at_all() {
    let sandbox = Sandbox::new().without_keyring();
    let _agent = sandbox.run_agent(&[]);
    run(async {
        let mut connection = connect(sandbox.socket()).await.unwrap();
        let silent = Call::new(Method {
            method: "io.credentialhelper.Agent1.Reload",
            parameters: json!({}),
        })
        .set_oneway(true);
        let info = Call::new(Method {
            method: "org.varlink.service.GetInfo",
            parameters: json!({}),
        });
        connection.enqueue_call(&get("foo", Some("one"))).unwrap();
        connection.enqueue_call(&silent).unwrap();
        connection.enqueue_call(&get("foo", Some("two"))).unwrap();
        connection.enqueue_call(&info).unwrap();
        connection.flush().await.unwrap();
        for secret in ["one", "two"] {
            let (reply, _) = connection.receive_reply::<Got, Refused>().await.unwrap();
            let credential = reply.unwrap().into_parameters().unwrap().credential;
            assert_eq!(credential.password.as_deref(), Some(secret));
        }
        let (reply, _) = connection.receive_reply::<Info, Refused>().await.unwrap();
        let info = reply.unwrap().into_parameters().unwrap();
        assert_eq!(info.product, "credential-helper agent");
    });
}
