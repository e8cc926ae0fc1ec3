use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Scheme, Secret};

use super::{Job, Plan, Uploads, Watch};
use crate::domain::url::RepositoryUrl;
use crate::http::{Authorization, Client, Proxies, TlsPolicy};
use crate::package::archive::samples::{member, metadata, sdist, wheel, wheel_members, write, zip};
use crate::publish::compare::Index;
use crate::publish::distribution::Distribution;
use crate::publish::outcome::{Ended, Outcome};
use crate::publish::test_index::{Index as TrustedIndex, SENTINEL, path};
use crate::publish::test_server::{Act, Request, Server, say};

const LONG: Duration = Duration::from_secs(30);
/// `up:sentinel` and `read:other` in base64.
const UPLOAD: &str = "Basic dXA6c2VudGluZWw=";
const READ: &str = "Basic cmVhZDpvdGhlcg==";

fn header(username: &str, secret: &str) -> Option<Authorization> {
    Authorization::new(Scheme::Basic, username, &Secret::from(secret)).ok()
}

fn url(text: &str) -> RepositoryUrl {
    RepositoryUrl::parse(text).unwrap().0
}

#[derive(Default)]
struct Seen {
    waits: Vec<Duration>,
    last: (u64, u64),
    tokens: usize,
}

impl Watch for Seen {
    fn begins(&mut self, _: usize, _: usize, _: &Distribution) {}

    fn sent(&mut self, bytes: u64, of: u64) {
        self.last = (bytes, of);
    }

    fn waits(&mut self, _: &str, time: Duration) {
        self.waits.push(time);
    }

    fn minted(&mut self, tokens: Vec<Secret>) {
        self.tokens += tokens.len();
    }

    fn ended(&mut self, _: &Outcome) {}
}

struct Run {
    outcomes: Vec<Outcome>,
    seen: Seen,
}

impl Run {
    fn results(&self) -> Vec<Ended> {
        self.outcomes.iter().map(|outcome| outcome.result).collect()
    }

    fn failure(&self) -> (ErrorCode, String) {
        let mut all = self.outcomes.iter();
        let failure = all.find_map(|outcome| outcome.failure.as_ref()).unwrap();
        (failure.code, failure.message.clone())
    }
}

fn plan(server: &Server) -> Plan {
    Plan {
        url: url(&server.url("/legacy/")),
        indexes: vec![Index {
            url: url(&server.url("/simple/")),
            authorization: header("read", "other"),
        }],
        skip_existing: false,
        silence: LONG,
        pause: Duration::from_millis(1),
    }
}

fn run_all(plan: &Plan, files: &[Distribution]) -> Run {
    let client = Client::new(&TlsPolicy::default(), Proxies::No, LONG).unwrap();
    let job = |one: &Distribution| Job {
        one: one.clone(),
        authorization: header("up", "sentinel"),
    };
    let jobs: Vec<Job> = files.iter().map(job).collect();
    let mut seen = Seen::default();
    let mut uploads = Uploads::new(&client, plan, &jobs, &mut seen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(uploads.run(false));
    let outcomes = uploads.outcomes();
    for outcome in &outcomes {
        assert!(!format!("{outcome:?}").contains("sentinel"), "{outcome:?}");
    }
    Run { outcomes, seen }
}

fn read(path: &Path) -> Distribution {
    Distribution::read(path).unwrap()
}

/// Five files of one version.
fn five(folder: &Path) -> Vec<Distribution> {
    let mut files = vec![read(&sdist(folder, "a", "1.0"))];
    let one = wheel(folder, "a", "1.0");
    for tag in ["cp310", "cp311", "cp312", "cp313"] {
        let path = folder.join(format!("a-1.0-{tag}-none-any.whl"));
        std::fs::copy(&one, &path).unwrap();
        files.push(read(&path));
    }
    files
}

/// A repository that keeps what it takes and shows it on its index; `before` may act instead.
fn repository(
    duplicate: fn() -> Act,
    before: impl Fn(&Request, usize) -> Option<Act> + Send + Sync + 'static,
) -> Server {
    let kept: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let count = AtomicUsize::new(0);
    Server::start(move |request| {
        if !request.is_upload() {
            let kept = kept.lock().unwrap();
            let links = kept
                .iter()
                .map(|(name, hash)| format!("<a href=\"{name}#sha256={hash}\">x</a>"));
            let page: String = links.collect();
            return Act::Say(200, "content-type: text/html\r\n".to_owned(), page);
        }
        if let Some(act) = before(request, count.fetch_add(1, Ordering::SeqCst)) {
            return act;
        }
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let name = body
            .split("filename=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        let mut kept = kept.lock().unwrap();
        if kept.iter().any(|(own, _)| *own == name) {
            return duplicate();
        }
        kept.push((name, request.field("sha256_digest").unwrap()));
        say(200, "")
    })
}

fn conflict() -> Act {
    say(409, "Package already exists!")
}

#[test]
fn five_files_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    let server = repository(conflict, |_, _| None);
    let run = run_all(&plan(&server), &files);
    assert_eq!(run.results(), [Ended::Uploaded; 5]);
    assert_eq!(run.outcomes[0].status, Some(200));
    let (sent, of) = run.seen.last;
    assert!(sent == of && of > 0);
    let uploads = server.uploads();
    assert_eq!(uploads.len(), 5);
    for upload in &uploads {
        assert_eq!(upload.line, "POST /legacy/ HTTP/1.1");
        assert_eq!(upload.header("authorization"), Some(UPLOAD));
        let length = upload.body.len().to_string();
        assert_eq!(upload.header("content-length"), Some(&*length));
        assert_eq!(upload.field(":action").as_deref(), Some("file_upload"));
    }
    // The index got its own credential, once for the project.
    let looks: Vec<Request> = server
        .requests()
        .into_iter()
        .filter(|one| !one.is_upload())
        .collect();
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0].line, "GET /simple/a/ HTTP/1.1");
    assert_eq!(looks[0].header("authorization"), Some(READ));
    assert_eq!(looks[0].header("cache-control"), Some("no-cache"));
    let again = run_all(&plan(&server), &files);
    assert_eq!(again.results(), [Ended::AlreadyThere; 5]);
    assert_eq!(server.uploads().len(), 5);
}

/// Other bytes under a name stop everything before the first byte; `--skip-existing` leaves them out.
#[test]
fn other_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    let server = repository(conflict, |_, _| None);
    run_all(&plan(&server), &files[2..3]);
    let mut changed = files;
    changed[2].digests.sha256 = "0".repeat(64);
    let run = run_all(&plan(&server), &changed);
    let mut expected = [Ended::NotSent; 5];
    expected[2] = Ended::Failed;
    assert_eq!(run.results(), expected);
    let (code, message) = run.failure();
    assert_eq!(code, ErrorCode::Rejected);
    assert_eq!(
        message,
        "a-1.0-cp311-none-any.whl was not uploaded: the server has a file of this name with other bytes"
    );
    assert_eq!(server.uploads().len(), 1);
    let skipping = Plan {
        skip_existing: true,
        ..plan(&server)
    };
    let run = run_all(&skipping, &changed);
    let mut expected = [Ended::Uploaded; 5];
    expected[2] = Ended::Skipped;
    assert_eq!(run.results(), expected);
}

/// What a server without an index that can be asked says of what it has.
#[test]
fn a_no_without_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let files = [read(&wheel(folder.path(), "a", "1.0"))];
    for (skip, status, words, ended, part) in [
        (
            false,
            409,
            "already exists",
            Ended::Failed,
            "cannot be told: ",
        ),
        (
            true,
            409,
            "already exists",
            Ended::Skipped,
            "has a file of this name",
        ),
        (
            true,
            400,
            "File already exists",
            Ended::Skipped,
            "has a file of this name",
        ),
        (
            true,
            403,
            "overwrite artifact",
            Ended::Skipped,
            "has a file of this name",
        ),
        (
            true,
            403,
            "go away",
            Ended::Failed,
            "forbids it to this account, or its password is wrong (status 403: go away)",
        ),
        (
            true,
            400,
            "bad name",
            Ended::Failed,
            "refused it (status 400: bad name)",
        ),
        (true, 409, "reserved", Ended::Failed, "reserved"),
        (
            true,
            400,
            "This filename has already been used",
            Ended::Failed,
            "was deleted there",
        ),
        (
            false,
            401,
            "who",
            Ended::Failed,
            "refused the credential (status 401: who)",
        ),
        (
            false,
            405,
            "",
            Ended::Failed,
            "takes no uploads (status 405)",
        ),
        (false, 413, "", Ended::Failed, "too large"),
        (
            false,
            401,
            "you sent sentinel",
            Ended::Failed,
            "refused the credential (status 401)",
        ),
    ] {
        let words = words.to_owned();
        let server = Server::start(move |request| {
            if request.is_upload() {
                say(status, &words)
            } else {
                say(401, "")
            }
        });
        let plan = Plan {
            skip_existing: skip,
            ..plan(&server)
        };
        let run = run_all(&plan, &files);
        let outcome = &run.outcomes[0];
        let message = outcome.message.as_deref().unwrap();
        assert_eq!(
            (outcome.result, outcome.status),
            (ended, Some(status)),
            "{message}"
        );
        assert!(message.contains(part), "{message}");
        if ended == Ended::Failed {
            assert_eq!(run.failure().0, ErrorCode::Rejected);
        }
        assert_eq!(server.uploads().len(), 1);
    }
}

/// A credential that a server repeats is not shown, also where its words are cut off within it.
#[test]
fn a_long_token_that_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let long = "sentinel".repeat(60);
    let one = read(&wheel(folder.path(), "a", "1.0"));
    let words = format!("you sent {long}");
    let server =
        Server::start(move |request| say(if request.is_upload() { 403 } else { 404 }, &words));
    let client = Client::new(&TlsPolicy::default(), Proxies::No, LONG).unwrap();
    let jobs = [Job {
        one,
        authorization: header("up", &long),
    }];
    let (plan, mut seen) = (plan(&server), Seen::default());
    let mut uploads = Uploads::new(&client, &plan, &jobs, &mut seen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(uploads.run(false));
    let outcomes = format!("{:?}", uploads.outcomes());
    assert!(
        outcomes.contains("status 403)") && !outcomes.contains("sentinel"),
        "{outcomes}"
    );
}

/// The same bytes, taken before our attempt was answered: every kind of no is a yes then.
#[test]
fn a_no_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files = [read(&wheel(folder.path(), "a", "1.0"))];
    for duplicate in [
        conflict as fn() -> Act,
        || say(400, "asset cannot be updated"),
        || {
            say(
                403,
                "Not enough permissions to delete/overwrite all artifacts",
            )
        },
        || say(403, "Forbidden"),
    ] {
        // The first attempt is taken and its answer lost.
        let lost = AtomicUsize::new(0);
        let inner = Arc::new(repository(duplicate, |_, _| None));
        let server = Server::start(move |request| {
            let relayed = relay(&inner, request);
            let first = request.is_upload() && lost.fetch_add(1, Ordering::SeqCst) == 0;
            if first { Act::Close } else { relayed }
        });
        let run = run_all(&plan(&server), &files);
        assert_eq!(run.results(), [Ended::AlreadyThere], "{:?}", run.outcomes);
        assert_eq!(server.uploads().len(), 2);
        assert_eq!(run.seen.waits, [Duration::from_millis(1)]);
    }
}

/// Hands a request on to another server of the test.
fn relay(to: &Server, request: &Request) -> Act {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(to.address).unwrap();
    let headers = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("{}\r\n{}\r\n", request.line, headers.collect::<String>());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, content) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Act::Say(
        status,
        "content-type: text/html\r\n".to_owned(),
        content.to_owned(),
    )
}

/// Faults in the middle of five files: tried again, and what is up stays up.
#[test]
fn faults_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    for (fault, waits) in [
        ((|| say(500, "")) as fn() -> Act, 1),
        (|| say(502, ""), 1),
        (|| say(503, ""), 1),
        (|| Act::Close, 1),
        (
            || Act::Say(429, "retry-after: 0\r\n".to_owned(), String::new()),
            0,
        ),
    ] {
        let server = repository(conflict, move |_, count| (count == 2).then(fault));
        let run = run_all(&plan(&server), &files);
        assert_eq!(run.results(), [Ended::Uploaded; 5], "{:?}", run.outcomes);
        assert_eq!(run.seen.waits, [Duration::from_millis(waits)]);
        assert_eq!(server.uploads().len(), 6);
    }
}

#[test]
fn a_fault_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    let server = repository(conflict, |_, count| {
        (2..8).contains(&count).then(|| say(503, "full"))
    });
    let run = run_all(&plan(&server), &files);
    let expected = [
        Ended::Uploaded,
        Ended::Uploaded,
        Ended::Failed,
        Ended::NotSent,
        Ended::NotSent,
    ];
    assert_eq!(run.results(), expected);
    assert_eq!(
        run.failure(),
        (
            ErrorCode::Unavailable,
            "uploading a-1.0-cp311-none-any.whl failed: status 503: full".to_owned()
        )
    );
    let waits = [1, 2, 4, 8, 16].map(Duration::from_millis);
    assert_eq!(run.seen.waits, waits);
    // The second run finishes the job.
    let run = run_all(&plan(&server), &files);
    let mut expected = [Ended::Uploaded; 5];
    expected[..2].fill(Ended::AlreadyThere);
    assert_eq!(run.results(), expected);
}

#[test]
fn no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let files = [read(&wheel(folder.path(), "a", "1.0"))];
    let server = Server::start(|request| {
        if request.is_upload() {
            Act::Wait
        } else {
            say(404, "")
        }
    });
    let short = Plan {
        silence: Duration::from_millis(50),
        ..plan(&server)
    };
    let run = run_all(&short, &files);
    assert_eq!(run.failure().0, ErrorCode::TimedOut);
    assert_eq!(run.seen.waits.len(), 5);
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let refused = Plan {
        url: url(&format!("http://{nowhere}/")),
        ..plan(&server)
    };
    let run = run_all(&refused, &files);
    let (code, message) = run.failure();
    assert_eq!(code, ErrorCode::Unavailable);
    assert!(message.ends_with("the connection was refused"), "{message}");
}

/// A server that does not read what it refuses: its answer goes down with the connection.
#[test]
fn refused_before_it_was_read() {
    use std::io::{BufRead as _, Write as _};
    let folder = tempfile::tempdir().unwrap();
    let text = metadata("a", "1.0", "");
    let mut members = wheel_members("a-1.0", &text);
    members.push(member("a/large", &"x".repeat(16 * 1024 * 1024)));
    let path = write(folder.path(), "a-1.0-py3-none-any.whl", &zip(&members));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = std::io::BufReader::new(&stream)
                .lines()
                .map_while(Result::ok);
            let is_upload = lines.next().is_some_and(|line| line.starts_with("POST "));
            let _ = lines.find(String::is_empty);
            let status = if is_upload { "401 No" } else { "404 No" };
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = (&stream).write_all(head.as_bytes());
        }
    });
    let server = Server::start(|_| say(404, ""));
    let early = Plan {
        url: url(&format!("http://{address}/")),
        ..plan(&server)
    };
    let run = run_all(&early, &[read(&path)]);
    assert_eq!(run.failure().0, ErrorCode::Rejected, "{:?}", run.outcomes);
    assert!(run.seen.waits.is_empty());
}

/// The credential goes to the upload URL's origin and nowhere else.
#[test]
fn redirects() {
    let folder = tempfile::tempdir().unwrap();
    let files = [read(&wheel(folder.path(), "a", "1.0"))];
    let other = Arc::new(Server::start(|_| say(200, "")));
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = other.url("/legacy/");
        let server = Server::start(move |request| {
            let to = format!("location: {elsewhere}\r\n");
            if request.is_upload() {
                Act::Say(status, to, String::new())
            } else {
                say(404, "")
            }
        });
        let run = run_all(&plan(&server), &files);
        assert_eq!(run.failure().0, ErrorCode::Policy, "{status}");
        assert_eq!(server.uploads().len(), 1);
        assert!(other.requests().is_empty());
        let server = Server::start(move |request| match request.line.as_str() {
            "POST /legacy/ HTTP/1.1" => {
                Act::Say(status, "location: /new/?x=1\r\n".to_owned(), String::new())
            }
            "POST /new/ HTTP/1.1" => say(200, ""),
            _ => say(404, ""),
        });
        let run = run_all(&plan(&server), &files);
        let uploads = server.uploads();
        if status >= 307 {
            assert_eq!(run.results(), [Ended::Uploaded]);
            assert_eq!(uploads.len(), 2);
            assert_eq!(uploads[1].header("authorization"), Some(UPLOAD));
            assert_eq!(uploads[1].body, uploads[0].body);
        } else {
            assert!(run.failure().1.contains("takes no uploads"), "{status}");
            assert_eq!(uploads.len(), 1);
        }
    }
    let server = Server::start(|_| Act::Say(308, "location: /again\r\n".to_owned(), String::new()));
    let run = run_all(
        &Plan {
            indexes: Vec::new(),
            ..plan(&server)
        },
        &files,
    );
    assert!(run.failure().1.contains("in circles"));
    assert_eq!(server.uploads().len(), 6);
}

/// Dropped in the middle, as Ctrl-C does.
#[test]
fn interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = Mutex::new(sender);
    let server = repository(conflict, move |_, count| {
        (count == 1).then(|| {
            sender.lock().unwrap().send(()).unwrap();
            Act::Wait
        })
    });
    let client = Client::new(&TlsPolicy::default(), Proxies::No, LONG).unwrap();
    let jobs: Vec<Job> = files
        .iter()
        .map(|one| Job {
            one: one.clone(),
            authorization: None,
        })
        .collect();
    let (plan, mut seen) = (plan(&server), Seen::default());
    let mut uploads = Uploads::new(&client, &plan, &jobs, &mut seen);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let reached = tokio::task::spawn_blocking(move || receiver.recv());
        tokio::select! {
            () = uploads.run(false) => panic!("it ended"),
            _ = reached => {}
        }
    });
    let outcomes = uploads.outcomes();
    assert_eq!(outcomes[0].result, Ended::Uploaded);
    assert!(
        outcomes[1]
            .message
            .as_deref()
            .unwrap()
            .contains("interrupted")
    );
    assert!(
        outcomes[1..]
            .iter()
            .all(|outcome| outcome.result == Ended::NotSent)
    );
}

/// Uploads with what an exchange makes: how the files ended, and the tokens that were told.
fn run_minting(server: &Server, files: &[Distribution], always_new: bool) -> (Vec<Outcome>, usize) {
    use crate::publish::trusted::exchange::tests::Made;
    use crate::publish::trusted::exchange::{Begun, Exchange};
    let client = Client::new(&TlsPolicy::default(), Proxies::No, LONG).unwrap();
    let plan = Plan {
        indexes: Vec::new(),
        ..plan(server)
    };
    let job = |one: &Distribution| Job {
        one: one.clone(),
        authorization: None,
    };
    let jobs: Vec<Job> = files.iter().map(job).collect();
    let mut seen = Seen::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcomes = runtime.block_on(async {
        let identity = Made::boxed(always_new);
        let begun = Exchange::begin(&client, &plan.url, "a", identity, &[]).await;
        let Ok(Begun::Offered(mut exchange)) = begun else {
            panic!("it has no trusted publishing");
        };
        let mut uploads = Uploads::new(&client, &plan, &jobs, &mut seen).with(Some(&mut exchange));
        uploads.run(false).await;
        let outcomes = uploads.outcomes();
        exchange.burn().await;
        outcomes
    });
    assert!(!format!("{outcomes:?}").contains(SENTINEL));
    (outcomes, seen.tokens)
}

fn results(outcomes: &[Outcome]) -> Vec<Ended> {
    outcomes.iter().map(|outcome| outcome.result).collect()
}

#[test]
fn one_minted_token_for_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    let index = TrustedIndex::new();
    let (outcomes, tokens) = run_minting(&index.server, &files, true);
    assert_eq!(results(&outcomes), [Ended::Uploaded; 5], "{outcomes:?}");
    assert_eq!(index.used(), vec![index.minted()[0].clone(); 5]);
    assert_eq!((index.minted().len(), tokens), (1, 2));
    assert_eq!(index.burned(), index.minted());
}

/// The token ends within the run: a new one, of a new identity token; the old one is not used again.
#[test]
fn a_minted_token_that_ends_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let files = five(folder.path());
    // Good for less than the margin: for one file each.
    let index = TrustedIndex::start(&[20, 50], |_| None);
    let (outcomes, tokens) = run_minting(&index.server, &files, true);
    assert_eq!(results(&outcomes), [Ended::Uploaded; 5], "{outcomes:?}");
    let minted = index.minted();
    assert_eq!((minted.len(), tokens), (3, 6));
    let expected = [0, 1, 2, 2, 2].map(|at: usize| minted[at].clone());
    assert_eq!(index.used(), expected);
    assert_eq!(index.burned(), [minted[2].clone()]);
    // A system with one identity token a job: what is up stays up, and the reason is told.
    let index = TrustedIndex::start(&[20], |_| None);
    let (outcomes, _) = run_minting(&index.server, &files, false);
    let mut expected = [Ended::NotSent; 5];
    expected[..2].copy_from_slice(&[Ended::Uploaded, Ended::Failed]);
    assert_eq!(results(&outcomes), expected);
    let message = outcomes[1].message.as_deref().unwrap();
    assert!(message.contains("was exchanged already"), "{message}");
}

/// A token that was good when the file began and not when it was there: the file goes again.
#[test]
fn a_minted_token_that_ends_while_a_file_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let files = [read(&wheel(folder.path(), "a", "1.0"))];
    let count = AtomicUsize::new(0);
    let index = TrustedIndex::start(&[20], move |request| {
        let is_first = path(request) == "/legacy/" && count.fetch_add(1, Ordering::SeqCst) == 0;
        is_first.then(|| say(403, "Invalid or non-existent authentication information."))
    });
    let (outcomes, _) = run_minting(&index.server, &files, true);
    assert_eq!(results(&outcomes), [Ended::Uploaded], "{outcomes:?}");
    assert_eq!(index.used(), index.minted());
    // One that has not ended is refused once and for all.
    let index = TrustedIndex::start(&[], |request| {
        (path(request) == "/legacy/").then(|| say(403, "no"))
    });
    let (outcomes, _) = run_minting(&index.server, &files, true);
    assert_eq!(results(&outcomes), [Ended::Failed]);
    assert_eq!((index.used().len(), index.burned().len()), (1, 1));
}
