//! Names, bindings, projects and questions in random order, held against a model of who may get what:
//! a stored secret leaves for an origin that its name is bound to, or binds it there, once.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Home, poetry_source, said, uv_index};

const NAMES: [&str; 2] = ["foo", "bar"];
/// Places; the last is one that secrets do not go to.
const PLACES: [&str; 5] = [
    "https://a.example/simple/",
    "https://a.example/other/simple/",
    "https://b.example/simple/",
    "https://a.example:8443/simple/",
    "http://a.example/simple/",
];

#[derive(Clone, Debug)]
enum Step {
    Trust(usize, usize),
    /// What the project declares from now on, in Poetry's words or in uv's.
    Declare(Vec<(usize, usize, bool)>),
    Get(Option<usize>, Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let (name, place) = (0..NAMES.len(), 0..PLACES.len());
    let declared = prop::collection::vec((name.clone(), place.clone(), any::<bool>()), 0..4);
    prop_oneof![
        1 => (name.clone(), place.clone()).prop_map(|(name, place)| Step::Trust(name, place)),
        2 => declared.prop_map(Step::Declare),
        4 => (prop::option::of(name), prop::option::of(place))
            .prop_filter("a question", |(name, place)| name.is_some() || place.is_some())
            .prop_map(|(name, place)| Step::Get(name, place)),
    ]
}

fn origin(place: usize) -> &'static str {
    let url = PLACES[place];
    let end = url[8..].find('/').map_or(url.len(), |at| at + 8);
    &url[..end]
}

/// What each name is bound to, and what the project declares.
#[derive(Default)]
struct Model {
    bound: BTreeMap<usize, BTreeSet<&'static str>>,
    declared: Vec<(usize, usize, bool)>,
    /// What the user bound by hand: the only way to somewhere in the clear.
    trusted: BTreeSet<(usize, &'static str)>,
}

impl Model {
    /// An answer goes to this origin.
    fn goes(&mut self, name: usize, origin: &'static str, what: &str) {
        assert!(
            origin.starts_with("https:") || self.trusted.contains(&(name, origin)),
            "in the clear: {what}"
        );
        let bound = self.bound.entry(name).or_default();
        if bound.is_empty() {
            bound.insert(origin);
        }
        assert!(bound.contains(origin), "to another origin: {what}");
    }

    fn answered(&mut self, name: Option<usize>, place: Option<usize>, secret: &str, what: &str) {
        let of = NAMES
            .iter()
            .position(|name| secret == format!("secret-of-{name}"))
            .expect("one of ours");
        assert!(name.is_none_or(|name| name == of), "another name's: {what}");
        let own: BTreeSet<&'static str> = self
            .declared
            .iter()
            .filter(|(name, ..)| *name == of)
            .map(|(_, place, _)| origin(*place))
            .collect();
        let bound = self.bound.get(&of).is_some_and(|bound| !bound.is_empty());
        if let Some(place) = place {
            let known = bound || own.contains(origin(place));
            assert!(
                name.is_some() || known,
                "of a name that nobody named: {what}"
            );
            self.goes(of, origin(place), what);
        } else {
            // Whoever asks by name alone may use any place that the project declares for it.
            assert!(own.len() < 2 || bound, "one of several origins: {what}");
            for origin in own {
                self.goes(of, origin, what);
            }
        }
    }

    /// Whether an answer is due.
    fn owes(&self, name: Option<usize>, place: Option<usize>) -> bool {
        let (Some(name), Some(place)) = (name, place) else {
            return false;
        };
        let bound = self.bound.get(&name);
        origin(place).starts_with("https:")
            && bound.is_none_or(|bound| bound.is_empty() || bound.contains(origin(place)))
    }
}

async fn run(steps: &[Step]) {
    let home = Home::new();
    let entry = |name: &&str| {
        format!("[http-basic.{name}]\nusername = \"u\"\npassword = \"secret-of-{name}\"\n")
    };
    let entries: String = NAMES.iter().map(entry).collect();
    home.write("poetry/auth.toml", &entries);
    let mut model = Model::default();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Trust(name, place) => {
                home.bind(NAMES[*name], PLACES[*place]).await;
                model.bound.entry(*name).or_default().insert(origin(*place));
                model.trusted.insert((*name, origin(*place)));
            }
            Step::Declare(declared) => {
                let text = |(name, place, uv): &(usize, usize, bool)| {
                    let declare = if *uv { uv_index } else { poetry_source };
                    declare(NAMES[*name], PLACES[*place])
                };
                let sources: String = declared.iter().map(text).collect();
                let text = format!("# {at}\n[project]\nname = \"x\"\n{sources}");
                home.write("project/pyproject.toml", &text);
                model.declared.clone_from(declared);
            }
            Step::Get(name, place) => {
                let mut question = json!({});
                if let Some(name) = name {
                    question["name"] = json!(NAMES[*name]);
                }
                if let Some(place) = place {
                    question["url"] = json!(PLACES[*place]);
                }
                let what = format!("{question} after {:?}", &steps[..at]);
                let reply: Value = home.call("Get", json!({ "question": question })).await;
                let said = said(&reply);
                if said.starts_with("secret-of-") {
                    model.answered(*name, *place, &said, &what);
                } else {
                    assert!(!model.owes(*name, *place), "{said} for {what}");
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_secret_leaves_for_an_equal_origin_only(steps in prop::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(&steps));
    }
}
