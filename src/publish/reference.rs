//! What PyPI's own libraries say, where they are installed: `readme_renderer` of descriptions,
//! `trove_classifiers` of classifiers that are not in our list.
//!
//! PyPI refuses a file whose description cannot be shown (warehouse, `forklift/legacy.py`). What a
//! renderer takes only that renderer knows. Who runs it is not known here: there is a question, and
//! what an answer means for the files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::classifiers;
use super::distribution::Distribution;
use super::rules::{Finding, kind_of};
use crate::domain::text::shown;

/// Asks the libraries; reads a question as JSON and writes an answer.
pub const SCRIPT: &str = include_str!("reference.py");

/// Of a renderer's message as much as helps.
const LONGEST: usize = 200;

/// What is asked: everything once, in however many files it is.
#[derive(Debug, Default, Serialize)]
pub struct Question {
    descriptions: Vec<Description>,
    classifiers: Vec<String>,
}

/// A description that can fail to be shown: plain text cannot.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Description {
    markdown: bool,
    text: String,
}

impl Description {
    fn of(one: &Distribution) -> Option<Self> {
        let text = one.metadata.one("description")?;
        let markdown = match &*kind_of(&one.metadata).1 {
            // What is not said is reStructuredText.
            "" | "text/x-rst" => false,
            "text/markdown" => true,
            _ => return None,
        };
        (!text.is_empty()).then(|| Self {
            markdown,
            text: text.to_owned(),
        })
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    /// The renderer's version, where it is installed.
    renderer: Option<String>,
    /// Of each description whether it is shown, and why not.
    rendered: Vec<Option<(bool, String)>>,
    classifiers: Option<Classifiers>,
}

/// What `trove_classifiers` says.
#[derive(Debug, Deserialize)]
pub(super) struct Classifiers {
    pub(super) version: String,
    pub(super) all: BTreeMap<String, (Standing, String)>,
}

/// What a classifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    Known,
    Unknown,
    Retired,
}

impl Question {
    /// What these files have to ask; `None` where everything is known without.
    pub fn of(all: &[Distribution]) -> Option<Self> {
        let mut question = Self::default();
        for one in all {
            if let Some(description) = Description::of(one)
                && !question.descriptions.contains(&description)
            {
                question.descriptions.push(description);
            }
            for classifier in classifiers::not_listed(&one.metadata) {
                if !question.classifiers.iter().any(|known| known == classifier) {
                    question.classifiers.push(classifier.to_owned());
                }
            }
        }
        let something = !question.descriptions.is_empty() || !question.classifiers.is_empty();
        something.then_some(question)
    }

    /// As the script reads it.
    pub fn json(&self) -> Vec<u8> {
        // Strings alone: there is nothing that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Adds to each file what the answer finds; what should be told where no answer was to be had.
    pub fn answered(&self, all: &mut [Distribution], answer: &[u8]) -> Option<String> {
        let answer: Option<Answer> = serde_json::from_slice(answer).ok();
        let fits = |answer: &Answer| answer.rendered.len() == self.descriptions.len();
        let Some(answer) = answer.filter(fits) else {
            return self.unknown("the interpreter's answer cannot be read");
        };
        let mut untold = None;
        for one in &mut *all {
            if let Some(said) = &answer.classifiers {
                classifiers::held(&one.metadata, said, &mut one.findings);
            }
            let Some(description) = Description::of(one) else {
                continue;
            };
            let mut pairs = self.descriptions.iter().zip(&answer.rendered);
            let found = pairs.find(|(asked, _)| **asked == description);
            match found.and_then(|(_, said)| said.as_ref()) {
                Some((true, _)) => {}
                Some((false, why)) => one.findings.push(unrendered(&description, why)),
                None => untold = Some(description.markdown),
            }
        }
        match (untold?, answer.renderer) {
            (true, Some(_)) => {
                self.unknown("install readme_renderer[md] for the Python here to see it")
            }
            (false, Some(_)) => self.unknown("readme_renderer failed"),
            (_, None) => self.unknown("install readme_renderer for the Python here to see it"),
        }
    }

    /// That the descriptions are not looked at, and why; nothing where there is none.
    pub fn unknown(&self, why: &str) -> Option<String> {
        (!self.descriptions.is_empty())
            .then(|| format!("whether PyPI can show the description was not looked at: {why}"))
    }
}

fn unrendered(description: &Description, why: &str) -> Finding {
    let what = if description.markdown {
        "Markdown"
    } else {
        "reStructuredText"
    };
    // `<string>:4: (WARNING/2) words`; they quote the description, which is for everybody.
    let line = why.lines().find(|line| !line.trim().is_empty());
    let why: String = line.unwrap_or_default().chars().take(LONGEST).collect();
    let why = why.trim_start_matches("<string>:").trim();
    let why = match why.split_once(": (") {
        Some((line, rest)) if line.bytes().all(|byte| byte.is_ascii_digit()) => {
            let words = rest.split_once(") ").map_or(rest, |(_, words)| words);
            format!("line {line}: {}", words.trim_end_matches('.'))
        }
        _ => why.trim_end_matches('.').to_owned(),
    };
    let why = if why.is_empty() {
        "nothing of it is left to show".to_owned()
    } else {
        shown(&why)
    };
    Finding {
        message: format!("its description cannot be shown as {what}: {why}"),
        refused: true,
    }
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
