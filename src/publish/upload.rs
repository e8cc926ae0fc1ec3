//! The uploads of one run: compared first, sent one after the other, compared again where a server
//! says no. What was uploaded stays uploaded; a second run sends the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure};

use super::answers::{Meaning, meaning, words};
use super::compare::{Index, Looked, Seen, look, seen, why};
use super::distribution::Distribution;
use super::form::Form;
use super::outcome::{Ended, Outcome};
use crate::domain::url::RepositoryUrl;
use crate::http::{Answer, Authorization, Client, Post, Reply};

/// Attempts after the first one.
const RETRIES: u32 = 5;
/// The longest wait that a server can ask for.
const WAIT: Duration = Duration::from_mins(1);
/// Redirects of one upload.
const REDIRECTS: u32 = 5;
/// How much of a server's answer is read.
const ANSWER: usize = 64 * 1024;
/// What is wanted back: PyPI says why in the reason phrase, which HTTP/2 no longer has, unless it is
/// asked for JSON.
const ACCEPT: &str = "application/json, text/plain;q=0.8, text/html;q=0.7";

/// A file, and what it is sent with.
pub struct Job {
    /// The file.
    pub one: Distribution,
    /// Goes to the upload URL's origin only.
    pub authorization: Option<Authorization>,
}

/// Where to, and how.
pub struct Plan {
    /// The upload URL.
    pub url: RepositoryUrl,
    /// Its indexes, the likelier first.
    pub indexes: Vec<Index>,
    /// Leaves out what the server has under the same name, whatever the bytes.
    pub skip_existing: bool,
    /// How long nothing may move while a file is sent, and until the answer.
    pub silence: Duration,
    /// The first wait before another attempt; each further one is twice as long.
    pub pause: Duration,
}

/// Who looks on.
pub trait Watch {
    /// A file begins: which one, of how many.
    fn begins(&mut self, at: usize, of: usize, one: &Distribution);
    /// So many bytes are on their way, of so many.
    fn sent(&mut self, bytes: u64, of: u64);
    /// Another attempt follows after this time.
    fn waits(&mut self, why: &str, time: Duration);
    /// A file is done with.
    fn ended(&mut self, outcome: &Outcome);
}

/// The uploads of one run.
pub struct Uploads<'a> {
    client: &'a Client,
    plan: &'a Plan,
    jobs: &'a [Job],
    watch: &'a mut dyn Watch,
    outcomes: Vec<Option<Outcome>>,
    /// The one that is being sent.
    current: Option<usize>,
}

/// What to do after an attempt.
enum Next {
    Done(Outcome),
    /// Again at this URL, at once.
    Elsewhere(RepositoryUrl),
    /// Again after a pause.
    Later {
        why: String,
        code: ErrorCode,
        status: Option<u16>,
        wait: Option<Duration>,
    },
}

impl<'a> Uploads<'a> {
    /// Nothing is sent before [`Self::run`].
    pub fn new(
        client: &'a Client,
        plan: &'a Plan,
        jobs: &'a [Job],
        watch: &'a mut dyn Watch,
    ) -> Self {
        Self {
            client,
            plan,
            jobs,
            watch,
            outcomes: jobs.iter().map(|_| None).collect(),
            current: None,
        }
    }

    /// Uploads every file; `dry` stops before the first is sent. May be dropped at any moment:
    /// [`Self::outcomes`] tells how far it came.
    pub async fn run(&mut self, dry: bool) {
        let (jobs, of) = (self.jobs, self.jobs.len());
        if !self.compare_all().await || dry {
            return;
        }
        for (at, job) in jobs.iter().enumerate() {
            if self.outcomes[at].is_some() {
                continue;
            }
            self.current = Some(at);
            self.watch.begins(at + 1, of, &job.one);
            let outcome = self.upload(job).await;
            self.current = None;
            let go_on = outcome.failure.is_none();
            self.end(at, outcome);
            if !go_on {
                return;
            }
        }
    }

    /// How each file ended, in their order.
    pub fn outcomes(self) -> Vec<Outcome> {
        let (jobs, current) = (self.jobs, self.current);
        let all = self.outcomes.into_iter().enumerate();
        all.map(|(at, outcome)| {
            outcome.unwrap_or_else(|| {
                let outcome = Outcome::new(&jobs[at].one, Ended::NotSent);
                if current == Some(at) {
                    outcome.saying("interrupted while it was sent: run it again")
                } else {
                    outcome
                }
            })
        })
        .collect()
    }

    fn end(&mut self, at: usize, outcome: Outcome) {
        self.watch.ended(&outcome);
        self.outcomes[at] = Some(outcome);
    }

    /// Looks every file up before anything is sent; whether all may be.
    async fn compare_all(&mut self) -> bool {
        let jobs = self.jobs;
        let mut pages: BTreeMap<&str, Looked> = BTreeMap::new();
        let mut all_may = true;
        for (at, job) in jobs.iter().enumerate() {
            let project = job.one.project.as_str();
            if !pages.contains_key(project) {
                let looked = look(self.client, &self.plan.indexes, project).await;
                pages.insert(project, looked);
            }
            let outcome = match seen(&pages[project], &job.one) {
                Seen::Same => already_there(&job.one),
                Seen::Different => self.different(&job.one),
                Seen::Unhashed if self.plan.skip_existing => skipped(&job.one),
                Seen::Unhashed | Seen::Absent | Seen::Unknown(_) => continue,
            };
            all_may &= outcome.failure.is_none();
            self.end(at, outcome);
        }
        all_may
    }

    async fn upload(&mut self, job: &Job) -> Outcome {
        let form = Form::new(&job.one);
        let mut url = self.plan.url.clone();
        let (mut redirects, mut attempts) = (0, 0);
        loop {
            match self.attempt(job, &form, &url).await {
                Next::Done(outcome) => return outcome,
                Next::Elsewhere(_) if redirects == REDIRECTS => {
                    return Outcome::failed(
                        &job.one,
                        refused(&job.one, "the server sends it in circles"),
                    );
                }
                Next::Elsewhere(next) => {
                    redirects += 1;
                    url = next;
                }
                Next::Later {
                    why, code, status, ..
                } if attempts == RETRIES => {
                    // An answer that was lost says nothing of what became of the file.
                    if self.look_again(&job.one).await == Seen::Same {
                        return already_there(&job.one).status(status);
                    }
                    let message = format!("uploading {} failed: {why}", job.one.filename);
                    let failure = Failure::new(code, message)
                        .hint("run it again: what is uploaded already is left out");
                    return Outcome::failed(&job.one, failure).status(status);
                }
                Next::Later { why, wait, .. } => {
                    let own = self.plan.pause.saturating_mul(1 << attempts);
                    let time = wait.unwrap_or(own).min(WAIT);
                    attempts += 1;
                    self.watch.waits(&why, time);
                    tokio::time::sleep(time).await;
                }
            }
        }
    }

    async fn attempt(&mut self, job: &Job, form: &Form, url: &RepositoryUrl) -> Next {
        let one = &job.one;
        let body = match form.body(one) {
            Ok(body) => body,
            Err(why) => {
                let message = format!("cannot send {}: {why}", one.filename);
                return Next::Done(Outcome::failed(
                    one,
                    Failure::new(ErrorCode::Usage, message),
                ));
            }
        };
        let length = body.length();
        let post = Post {
            url,
            content_type: &form.content_type(),
            accept: ACCEPT,
            authorization: job.authorization.as_ref(),
            silence: self.plan.silence,
            limit: ANSWER,
        };
        let watch = &mut self.watch;
        let mut tell = |bytes| watch.sent(bytes, length);
        match self.client.post(post, body, &mut tell).await {
            Ok(answer) => self.answered(job, answer).await,
            Err(Reply::Redirect(origin)) => {
                let message = format!(
                    "{} was not uploaded: {url} sends on to {origin}, and the credential does not \
                     go there",
                    one.filename
                );
                let failure = Failure::new(ErrorCode::Policy, message)
                    .hint("if that is the right place, give its upload URL with -r");
                Next::Done(Outcome::failed(one, failure))
            }
            Err(reply @ Reply::Tls(_)) => {
                let message = format!("cannot connect to {}: {}", url.origin(), why(&reply));
                let failure = Failure::new(ErrorCode::Unavailable, message).hint(
                    "name its authority with --cert, your own certificate with --client-cert",
                );
                Next::Done(Outcome::failed(one, failure))
            }
            Err(reply) => Next::Later {
                code: if reply == Reply::TimedOut {
                    ErrorCode::TimedOut
                } else {
                    ErrorCode::Unavailable
                },
                why: format!("{}: {}", url.origin(), why(&reply)),
                status: None,
                wait: None,
            },
        }
    }

    async fn answered(&mut self, job: &Job, answer: Answer) -> Next {
        let (one, status) = (&job.one, Some(answer.status));
        if let (307 | 308, Some(next)) = (answer.status, answer.next.clone()) {
            return Next::Elsewhere(next);
        }
        let said = words(&answer);
        let means = meaning(answer.status, &said);
        let repeats = |header: &Authorization| header.is_in(&said);
        let said = match &job.authorization {
            Some(header) if repeats(header) => String::new(),
            _ => said,
        };
        let told = if said.is_empty() {
            format!("status {}", answer.status)
        } else {
            format!("status {}: {said}", answer.status)
        };
        let outcome = match means {
            Meaning::Taken => Outcome::new(one, Ended::Uploaded),
            Meaning::Later => {
                return Next::Later {
                    why: told,
                    code: ErrorCode::Unavailable,
                    status,
                    wait: answer.retry_after,
                };
            }
            Meaning::Unauthorized if job.authorization.is_none() => Outcome::failed(
                one,
                refused(one, &format!("the server wants a credential ({told})"))
                    .hint("helper set NAME, or --username and --password"),
            ),
            Meaning::Unauthorized => Outcome::failed(
                one,
                refused(one, &format!("the server refused the credential ({told})"))
                    .hint("helper explain NAME --operation upload tells where it came from"),
            ),
            Meaning::NotForUploads => Outcome::failed(
                one,
                refused(one, &format!("{} takes no uploads ({told})", self.plan.url))
                    .hint("give the upload URL, which is not the index's: a slash may be missing at its end"),
            ),
            Meaning::TooLarge => {
                Outcome::failed(one, refused(one, &format!("it is too large for the server ({told})")))
            }
            Meaning::There
            | Meaning::Used
            | Meaning::Reserved
            | Meaning::Forbidden
            | Meaning::Refused => self.no(one, means, &told).await,
        };
        Next::Done(outcome.status(status))
    }

    /// The server says no: the index tells whether that is because it has these bytes.
    async fn no(&mut self, one: &Distribution, means: Meaning, told: &str) -> Outcome {
        let seen = self.look_again(one).await;
        match (seen, means) {
            (Seen::Same, _) => already_there(one),
            (Seen::Different, _) => self.different(one),
            (_, Meaning::There) if self.plan.skip_existing => skipped(one),
            (seen, Meaning::There) => {
                let why = match seen {
                    Seen::Unknown(why) => why,
                    Seen::Unhashed => "the index has no SHA-256 of it".to_owned(),
                    _ => "the index does not show it".to_owned(),
                };
                let what = format!(
                    "the server has a file of this name ({told}), and whether it is the same \
                     cannot be told: {why}"
                );
                let failure = refused(one, &what)
                    .hint("--skip-existing leaves it out, whatever its bytes are");
                Outcome::failed(one, failure)
            }
            (_, Meaning::Used) => Outcome::failed(
                one,
                refused(
                    one,
                    &format!("a file of this name was deleted there ({told})"),
                )
                .hint("the name cannot be used again: upload another version"),
            ),
            (_, Meaning::Reserved) => {
                Outcome::failed(one, refused(one, &format!("its name is reserved ({told})")))
            }
            (_, Meaning::Forbidden) => Outcome::failed(
                one,
                refused(one, &format!("this account may not upload it ({told})"))
                    .hint("helper explain NAME --operation upload tells which account was used"),
            ),
            _ => Outcome::failed(
                one,
                refused(one, &format!("the server refused it ({told})")),
            ),
        }
    }

    async fn look_again(&self, one: &Distribution) -> Seen {
        let looked = look(self.client, &self.plan.indexes, &one.project).await;
        seen(&looked, one)
    }

    fn different(&self, one: &Distribution) -> Outcome {
        if self.plan.skip_existing {
            return skipped(one).saying("the server has a file of this name with other bytes");
        }
        let failure = refused(one, "the server has a file of this name with other bytes")
            .hint("upload another version; --skip-existing leaves it out");
        Outcome::failed(one, failure)
    }
}

fn refused(one: &Distribution, why: &str) -> Failure {
    let message = format!("{} was not uploaded: {why}", one.filename);
    Failure::new(ErrorCode::Rejected, message)
}

fn already_there(one: &Distribution) -> Outcome {
    Outcome::new(one, Ended::AlreadyThere)
}

fn skipped(one: &Distribution) -> Outcome {
    Outcome::new(one, Ended::Skipped).saying("the server has a file of this name")
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
