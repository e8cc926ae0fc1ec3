//! Asking: the private sources first, and a public one only about what is no secret.

use std::future::Future;
use std::sync::Arc;

use super::{Answer, Said, Subject, is_public};
use crate::index::fetch::Word;
use crate::index::locked::Origin;
use crate::index::lookup::Lookups;
use crate::index::once::together;
use crate::index::source::Source;
use crate::package::PackageName;

/// Who asks a source about a name.
pub trait Ask: Sync {
    /// What the source has.
    fn ask(
        &self,
        source: &Arc<Source>,
        project: &PackageName,
    ) -> impl Future<Output = Answer> + Send;
}

/// Asks the sources about a dependency, in their order.
///
/// Unless `ask_public`, a public index is asked only where no private source has the name and all of
/// them could say so, or where the lock file already has the name from that index.
pub async fn said(
    asker: &impl Ask,
    sources: &[Arc<Source>],
    subject: &Subject,
    ask_public: bool,
) -> Vec<Said> {
    let private = sources.iter().filter(|source| !is_public(source));
    let answers = together(
        private
            .clone()
            .map(|source| asker.ask(source, &subject.name)),
    )
    .await;
    let is_private = answers
        .iter()
        .any(|answer| !matches!(answer, Answer::Absent));
    let mut answered: Vec<Said> = private
        .cloned()
        .zip(answers)
        .map(|(source, answer)| Said { source, answer })
        .collect();
    let public = sources.iter().filter(|source| is_public(source));
    let of_public = together(public.map(|source| async {
        let is_known = ask_public || !is_private || was_asked(subject, source);
        let answer = if is_known {
            asker.ask(source, &subject.name).await
        } else {
            Answer::Kept
        };
        Said {
            source: Arc::clone(source),
            answer,
        }
    }));
    answered.extend(of_public.await);
    // In the order of the sources: it decides who is first.
    let place = |said: &Said| {
        let same = |source: &Arc<Source>| Arc::ptr_eq(source, &said.source);
        sources.iter().position(same)
    };
    answered.sort_by_key(place);
    answered
}

/// The same for several dependencies, all at once.
pub async fn all(
    asker: &impl Ask,
    sources: &[Arc<Source>],
    subjects: &[Subject],
    ask_public: bool,
) -> Vec<Vec<Said>> {
    let each = subjects.iter();
    together(each.map(|subject| said(asker, sources, subject, ask_public))).await
}

impl Ask for Lookups {
    async fn ask(&self, source: &Arc<Source>, project: &PackageName) -> Answer {
        let answered = Self::ask(self, source, project).await;
        match (&answered.failure, &answered.listing, answered.word) {
            (Some(failure), _, _) => Answer::Failed(failure.clone()),
            (None, Some(listing), _) => Answer::Served(Arc::clone(&listing.project)),
            (None, None, Word::Skipped) => Answer::Kept,
            (None, None, _) => Answer::Absent,
        }
    }
}

/// Whether the lock file has it from this very index.
fn was_asked(subject: &Subject, source: &Source) -> bool {
    let bare = |url: &str| url.trim_end_matches('/').to_owned();
    subject.locked.iter().any(|locked| match &locked.origin {
        Origin::Index { url, .. } => bare(url.as_str()) == bare(source.canonical.as_str()),
        Origin::Unsaid | Origin::Direct => false,
    })
}
