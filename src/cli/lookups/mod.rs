//! What the commands share that look something up.
//!
//! Requests are made, and answers read, by a runtime on threads of its own. This one keeps the agent, which blocks and
//! belongs to it, and the terminal: it answers what the other asks, and shows what the other does,
//! until that is done. So a keyring that takes its time holds up nobody but who waits for it.

mod desk;
mod ground;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use credential_helper_protocol::{ErrorCode, Failure};

pub(super) use self::desk::Desk;
pub(super) use self::ground::{Ground, folder, given};
use super::Session;
use super::progress::Line as ProgressLine;
use crate::domain::log::{Level, Line};
use crate::index::fetch::{Asker, CacheUse, Demand, Seen, Watch, desk as make_desk};

/// How often the line on the terminal is written anew.
const STEP: Duration = Duration::from_millis(100);

/// More threads than these have nothing to do.
const THREADS: usize = 4;

/// What the other thread works with.
pub(super) struct Tools<T> {
    /// The way to the agent.
    pub(super) asker: Asker,
    /// Who is told of requests.
    pub(super) watch: Arc<Counting>,
    events: mpsc::Sender<Event<T>>,
}

impl<T> Tools<T> {
    /// Hands the result over; what is done behind this, nobody waits for before it is printed.
    pub(super) fn done(&self, result: Result<T, Failure>) {
        // The other end waits for exactly this.
        let _ = self.events.send(Event::Done(result));
    }
}

enum Event<T> {
    Demand(Demand),
    Line(Level, Line),
    Done(Result<T, Failure>),
}

/// Counts requests, and makes lines of them where these are wanted.
pub(super) struct Counting {
    requests: AtomicUsize,
    packages: AtomicUsize,
    level: Option<Level>,
    lines: Box<dyn Fn(Level, Line) + Send + Sync>,
}

impl Counting {
    /// This many packages were looked at so far.
    pub(super) fn packages(&self, count: usize) {
        self.packages.fetch_max(count, Ordering::Relaxed);
    }
}

impl Watch for Counting {
    fn seen(&self, request: &Seen<'_>) {
        let asked = request.cache != CacheUse::Hit;
        if asked {
            self.requests.fetch_add(1, Ordering::Relaxed);
        }
        let level = if request.trouble.is_some() {
            Level::Info
        } else {
            Level::Debug
        };
        if self.level < Some(level) {
            return;
        }
        let mut line = Line::new("request")
            .word("method", request.method)
            .text("url", &request.url)
            .text("source", request.source);
        if let Some(status) = request.status {
            line = line.number("status", status.into());
        }
        if let Some(why) = &request.trouble {
            line = line.text("trouble", why);
        }
        line = line.word("cache", request.cache.word());
        if let Some(provider) = request.provider {
            line = line.text("credential", provider);
        }
        (self.lines)(level, line.number("ms", request.ms));
    }
}

/// Does `work` on a thread of its own, and then tells what came of it.
pub(super) fn run<T, F, W>(
    session: &mut Session<'_>,
    desk: Desk,
    work: W,
    tell: impl FnOnce(&mut Session<'_>, T) -> Result<u8, Failure>,
) -> Result<u8, Failure>
where
    T: Send + 'static,
    F: Future<Output = ()>,
    W: FnOnce(Tools<T>) -> F + Send,
{
    let (events, received) = mpsc::channel::<Event<T>>();
    let lines = events.clone();
    let watch = Arc::new(Counting {
        requests: AtomicUsize::new(0),
        packages: AtomicUsize::new(0),
        level: session.level,
        lines: Box::new(move |level, line| {
            let _ = lines.send(Event::Line(level, line));
        }),
    });
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("lookups".to_owned());
        let counting = Arc::clone(&watch);
        let spawned = thread.spawn_scoped(scope, move || on_thread(counting, events, work));
        let other = spawned.map_err(|error| cannot(error.kind()))?;
        let result = serve(session, desk, received, &watch);
        let status = result.and_then(|result| tell(session, result));
        // A panic there was told as such, and `serve` came back without a result.
        let _ = other.join();
        status
    })
}

/// Ends the wait of the other end when work ends without a result: by a panic.
struct Ended<T>(mpsc::Sender<Event<T>>);

impl<T> Drop for Ended<T> {
    fn drop(&mut self) {
        // Behind a result it is one that nobody reads.
        let _ = self.0.send(Event::Done(Err(nothing())));
    }
}

/// The other thread.
fn on_thread<T, F, W>(watch: Arc<Counting>, events: mpsc::Sender<Event<T>>, work: W)
where
    T: Send + 'static,
    F: Future<Output = ()>,
    W: FnOnce(Tools<T>) -> F + Send,
{
    let (asker, mut demands) = make_desk();
    let tools = Tools {
        asker,
        watch,
        events: events.clone(),
    };
    // Pages are read beside the network: where there is a second processor, one waits for the other
    // no longer.
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(threads.min(THREADS))
        .thread_name("lookups")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tools.done(Err(cannot(error.kind()))),
    };
    // After the runtime, so that it goes before it.
    let _ended = Ended(events.clone());
    runtime.spawn(async move {
        while let Some(demand) = demands.recv().await {
            if events.send(Event::Demand(demand)).is_err() {
                break;
            }
        }
    });
    runtime.block_on(work(tools));
}

fn nothing() -> Failure {
    let message = "the lookups ended without a result";
    Failure::new(ErrorCode::Internal, message)
}

fn cannot(kind: std::io::ErrorKind) -> Failure {
    Failure::new(
        ErrorCode::Internal,
        format!("cannot start the lookups: {kind}"),
    )
}

/// Answers and shows until the result is there.
fn serve<T>(
    session: &mut Session<'_>,
    mut desk: Desk,
    events: mpsc::Receiver<Event<T>>,
    watch: &Counting,
) -> Result<T, Failure> {
    let mut progress = Progress::new(session);
    loop {
        let event = match progress.wait() {
            Some(time) => events.recv_timeout(time),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Demand(demand)) => desk.serve(session, demand),
            Ok(Event::Line(level, line)) => {
                progress.clear(session);
                match level {
                    Level::Info => session.log.info(|| line),
                    Level::Debug => session.log.debug(|| line),
                }
            }
            Ok(Event::Done(result)) => {
                progress.clear(session);
                session.log.info(|| {
                    let count = |counter: &AtomicUsize| {
                        u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(u64::MAX)
                    };
                    Line::new("lookups ended")
                        .number("packages", count(&watch.packages))
                        .number("requests", count(&watch.requests))
                });
                desk.warn(session);
                return result;
            }
            Err(RecvTimeoutError::Timeout) => progress.show(session, watch),
            Err(RecvTimeoutError::Disconnected) => {
                progress.clear(session);
                return Err(nothing());
            }
        }
    }
}

/// How far it is, on a terminal.
struct Progress {
    line: ProgressLine,
    watched: bool,
    begun: Instant,
}

impl Progress {
    fn new(session: &Session<'_>) -> Self {
        Self {
            line: ProgressLine::default(),
            watched: session.out.is_watched() && !session.out.is_json(),
            begun: Instant::now(),
        }
    }

    /// How long to wait until the line is written anew; for ever where nobody sees it.
    fn wait(&self) -> Option<Duration> {
        self.watched.then_some(STEP)
    }

    fn show(&mut self, session: &mut Session<'_>, watch: &Counting) {
        let packages = watch.packages.load(Ordering::Relaxed);
        let requests = watch.requests.load(Ordering::Relaxed);
        let time = self.begun.elapsed();
        self.line.show(session.out, &told(packages, requests, time));
    }

    fn clear(&mut self, session: &mut Session<'_>) {
        self.line.clear(session.out);
    }
}

/// The line.
fn told(packages: usize, requests: usize, time: Duration) -> String {
    let millis = time.as_millis().max(1);
    let rate = u128::try_from(requests)
        .unwrap_or(u128::MAX)
        .saturating_mul(1000)
        / millis;
    format!("{packages} packages, {requests} requests, {rate} a second")
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use credential_helper_protocol::{ErrorCode, Failure};

    use super::{Desk, Duration, Tools, run, told};
    use crate::cli::Session;
    use crate::cli::args::Cli;
    use crate::cli::output::Output;
    use crate::cli::outside::{Environment, Here};
    use crate::domain::log::Log;

    /// What a command comes to whose other thread does this.
    fn command<F: Future<Output = ()>>(
        work: impl FnOnce(Tools<u8>) -> F + Send,
    ) -> Result<u8, Failure> {
        let cli = Cli::of(&["helper".into(), "list".into()]).unwrap();
        let sink = || Box::new(std::io::sink());
        let mut session = Session {
            global: &cli.global,
            environment: Environment::default(),
            outside: &Here,
            level: None,
            log: Log::default(),
            out: &mut Output::into(sink(), sink(), [false; 2]),
        };
        run(&mut session, Desk::default(), work, |_, status| Ok(status))
    }

    #[test]
    fn a_panic_ends_the_command() {
        let good = command(|tools| async move { tools.done(Ok(7)) });
        assert_eq!(good.unwrap(), 7);
        let ended = [
            command(|_| async { panic!("in the work") }),
            command(|_| -> std::future::Ready<()> { panic!("before the work") }),
            command(|_| async {
                let task = async { panic!("in a task") };
                tokio::spawn(task).await.unwrap();
            }),
            // Nobody panicked, and nobody has said anything.
            command(|_| async {}),
        ];
        for ended in ended {
            let failure = ended.unwrap_err();
            assert_eq!(failure.code, ErrorCode::Internal);
            assert!(failure.message.contains("without a result"), "{failure:?}");
        }
        // Behind the result, it is too late to matter.
        let late = command(|tools| async move {
            tools.done(Ok(7));
            panic!("afterwards");
        });
        assert_eq!(late.unwrap(), 7);
    }

    #[test]
    fn a_line_of_progress() {
        let time = Duration::from_millis(1500);
        assert_eq!(
            told(144, 288, time),
            "144 packages, 288 requests, 192 a second"
        );
        assert_eq!(
            told(0, 0, Duration::ZERO),
            "0 packages, 0 requests, 0 a second"
        );
    }
}
