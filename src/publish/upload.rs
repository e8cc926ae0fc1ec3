//! The uploads of one run: compared first, sent one after the other, compared again where a server
//! says no. What was uploaded stays uploaded; a second run sends the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Secret};

use super::answers::{Meaning, meaning, words};
use super::compare::{Index, Looked, Seen, look, seen, why};
use super::distribution::Distribution;
use super::form::Form;
use super::outcome::{Ended, Outcome};
use super::trusted::exchange::Exchange;
use super::verdict::{self, already_there, refused, skipped};
use crate::domain::url::RepositoryUrl;
use crate::http::{Answer, Authorization, Body, Client, Post, Reply};

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
    /// These tokens came just now, and must not come out anywhere.
    fn minted(&mut self, tokens: Vec<Secret>);
    /// A file is done with.
    fn ended(&mut self, outcome: &Outcome);
}

/// The uploads of one run.
pub struct Uploads<'a, 'x> {
    client: &'a Client,
    plan: &'a Plan,
    jobs: &'a [Job],
    watch: &'a mut dyn Watch,
    /// Makes what the files are sent with, in place of what each has.
    exchange: Option<&'a mut Exchange<'x>>,
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

impl<'a, 'x> Uploads<'a, 'x> {
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
            exchange: None,
            outcomes: jobs.iter().map(|_| None).collect(),
            current: None,
        }
    }

    /// Sends every file with what this exchange makes.
    #[must_use]
    pub fn with(mut self, exchange: Option<&'a mut Exchange<'x>>) -> Self {
        self.exchange = exchange;
        self
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
                Seen::Different => verdict::different(&job.one, self.plan.skip_existing),
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
        let (mut redirects, mut attempts, mut renewed) = (0, 0, false);
        let (mut authorization, mut is_new) = (None, true);
        loop {
            if std::mem::take(&mut is_new) {
                authorization = match self.authorize(job).await {
                    Ok(authorization) => authorization,
                    Err(outcome) => return outcome,
                };
            }
            match self.attempt(job, &form, &url, authorization.as_ref()).await {
                // It ended while the file was sent.
                Next::Done(outcome) if !renewed && self.has_ended(&outcome) => {
                    (renewed, is_new) = (true, true);
                }
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
                    is_new = true;
                }
            }
        }
    }

    /// What a file is sent with from now on.
    async fn authorize(&mut self, job: &Job) -> Result<Option<Authorization>, Outcome> {
        let Some(exchange) = self.exchange.as_deref_mut() else {
            return Ok(job.authorization.clone());
        };
        let made = exchange.authorization().await;
        let fresh = exchange.take_fresh();
        if !fresh.is_empty() {
            self.watch.minted(fresh);
        }
        made.map(Some).map_err(|failure| {
            let message = format!("{} was not uploaded: {}", job.one.filename, failure.message);
            Outcome::failed(&job.one, Failure { message, ..failure })
        })
    }

    /// Whether a file was refused because what it was sent with has ended meanwhile.
    fn has_ended(&self, outcome: &Outcome) -> bool {
        matches!(outcome.status, Some(401 | 403))
            && outcome.failure.is_some()
            && self.exchange.as_deref().is_some_and(Exchange::is_due)
    }

    async fn attempt(
        &mut self,
        job: &Job,
        form: &Form,
        url: &RepositoryUrl,
        authorization: Option<&Authorization>,
    ) -> Next {
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
        let (length, sent) = (body.length(), body.sent());
        let content_type = form.content_type();
        let watch = &mut self.watch;
        let mut tell = |bytes| watch.sent(bytes, length);
        let post = post(self.plan, authorization, url, &content_type);
        let reply = match self.client.post(post, body, &mut tell).await {
            Ok(answer) => return self.answered(one, authorization, answer).await,
            Err(reply) => reply,
        };
        if let Reply::Connect(_) = reply
            && (1..length).contains(&sent.bytes())
            && let Some(answer) = self.refusal(authorization, url, &content_type).await
        {
            return self.answered(one, authorization, answer).await;
        }
        if let Some(failure) = verdict::unanswered(one, url, &reply) {
            return Next::Done(Outcome::failed(one, failure));
        }
        Next::Later {
            code: if reply == Reply::TimedOut {
                ErrorCode::TimedOut
            } else {
                ErrorCode::Unavailable
            },
            why: format!("{}: {}", url.origin(), why(&reply)),
            status: None,
            wait: None,
        }
    }

    /// A server that refuses a credential before it has read the file cuts the connection, and its
    /// answer is often lost with it. The same request without a body gets it.
    async fn refusal(
        &mut self,
        authorization: Option<&Authorization>,
        url: &RepositoryUrl,
        content_type: &str,
    ) -> Option<Answer> {
        let post = post(self.plan, authorization, url, content_type);
        let reply = self.client.post(post, Body::empty(), &mut |_| ()).await;
        reply
            .ok()
            .filter(|answer| matches!(answer.status, 401 | 403))
    }

    async fn answered(
        &mut self,
        one: &Distribution,
        authorization: Option<&Authorization>,
        answer: Answer,
    ) -> Next {
        let status = Some(answer.status);
        if let (307 | 308, Some(next)) = (answer.status, answer.next.clone()) {
            return Next::Elsewhere(next);
        }
        let said = words(&answer);
        let means = meaning(answer.status, &said);
        // In the whole of it: of a long one only the beginning would be shown.
        let whole = String::from_utf8_lossy(&answer.content);
        let repeats = |header: &Authorization| header.is_in(&said) || header.is_in(&whole);
        let said = match authorization {
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
            Meaning::There
            | Meaning::Used
            | Meaning::Reserved
            | Meaning::Forbidden
            | Meaning::Refused => {
                // The index tells whether that is because it has these bytes.
                let seen = self.look_again(one).await;
                verdict::no(one, seen, means, &told, self.plan.skip_existing)
            }
            _ => verdict::never(one, means, &told, &self.plan.url, authorization.is_some()),
        };
        Next::Done(outcome.status(status))
    }

    async fn look_again(&self, one: &Distribution) -> Seen {
        let looked = look(self.client, &self.plan.indexes, &one.project).await;
        seen(&looked, one)
    }
}

fn post<'a>(
    plan: &Plan,
    authorization: Option<&'a Authorization>,
    url: &'a RepositoryUrl,
    content_type: &'a str,
) -> Post<'a> {
    Post {
        url,
        content_type,
        accept: ACCEPT,
        authorization,
        silence: plan.silence,
        limit: ANSWER,
    }
}

#[cfg(test)]
#[path = "upload_tests.rs"]
mod tests;
