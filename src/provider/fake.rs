//! What the tests of providers share.

use std::collections::BTreeMap;
use std::time::Duration;

use super::files::Files;
use super::{Call, Folders};
use crate::domain::credential::{Answer, Halves, Why};

/// A request of a client that sends nothing along.
pub(super) fn call(time: Duration) -> Call {
    Call {
        variables: BTreeMap::default(),
        folders: Folders::default(),
        files: Files::default().view(),
        bus: None,
        prompt: false,
        time,
    }
}

/// What was found.
#[track_caller]
pub(super) fn found(answer: Answer) -> Halves {
    match answer {
        Answer::Found(halves) => halves,
        Answer::Failed(_, detail) => panic!("{detail}"),
        other => panic!("{}", other.word()),
    }
}

/// Why it failed.
#[track_caller]
pub(super) fn failed(answer: Answer) -> (Why, String) {
    match answer {
        Answer::Failed(why, detail) => (why, detail),
        other => panic!("{}", other.word()),
    }
}

/// Waits for work that needs time or threads.
pub(super) fn run<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
