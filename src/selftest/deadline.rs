//! A provider that never answers: the question about it ends in time, others are answered
//! meanwhile, and nothing of it is left behind.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Check;
use super::ground::{Ended, Ground};
use super::here::ACCOUNT;

const ID: &str = "deadline";
/// What a question about it is given.
const GIVEN: Duration = Duration::from_secs(1);
/// How much later it may end: to start a program and to end one takes time, too, more of it on a busy
/// machine.
const LATER: Duration = Duration::from_secs(10);
/// The exit status of "could not be answered".
const COULD_NOT: i32 = 3;

pub(super) async fn stuck(ground: &Ground) -> Check {
    let meanwhile = match meanwhile(ground).await {
        Ok(took) => took.as_millis(),
        Err(check) => return check,
    };
    match given_up(ground).await {
        Ok(took) => Check::ok(
            ID,
            format!(
                "a command that hangs was given up after {:.1} s of 1 s and ended; \
                 another question meanwhile took {meanwhile} ms",
                took.as_secs_f64()
            ),
        ),
        Err(check) => check,
    }
}

/// Another question is answered while one waits for a command that hangs: what counts is which ends
/// first, not how long either takes on this machine. How long the other took.
async fn meanwhile(ground: &Ground) -> Result<Duration, Check> {
    let seconds = ground.time.as_secs().max(1).to_string();
    let waits = pin!(ask(ground, &seconds));
    // When the command reads its FIFO, it has been started and waits.
    let (waits, fifo) = match select(waits, pin!(reader(ground))).await {
        Either::Left((Err(why), _)) => return Err(Check::failed(ID, why)),
        Either::Left(_) | Either::Right((None, _)) => return Err(not_started()),
        Either::Right((Some(fifo), waits)) => (waits, fifo),
    };
    let asked = ["get", ACCOUNT, "--format", "password"];
    let answered = match select(waits, pin!(ground.helper(&asked, &[]))).await {
        Either::Left(_) => {
            let why = "another question was not answered before that about a command that hangs";
            return Err(Check::failed(ID, why));
        }
        Either::Right((answered, waits)) => {
            // Its input ends, and so does the command.
            drop(fifo);
            let _ = waits.await;
            answered.map_err(|why| Check::failed(ID, why))?
        }
    };
    if answered.stdout.trim_end() != ground.secret {
        let how = answered.how();
        let why = format!("another question meanwhile: {how}");
        return Err(Check::failed(ID, why));
    }
    Ok(answered.took)
}

/// A question about a command that hangs ends in time, and the command with it. How long it took.
async fn given_up(ground: &Ground) -> Result<Duration, Check> {
    let seconds = GIVEN.as_secs().to_string();
    let (ended, fifo) = tokio::join!(
        ask(ground, &seconds),
        timeout(GIVEN + LATER, reader(ground))
    );
    let ended = ended.map_err(|why| Check::failed(ID, why))?;
    let Some(fifo) = fifo.ok().flatten() else {
        return Err(not_started());
    };
    let took = ended.took.as_secs_f64();
    if ended.status != Some(COULD_NOT) || ended.took > GIVEN + LATER {
        let how = ended.how();
        let why = format!("a command that hangs: {how} after {took:.1} s");
        return Err(Check::failed(ID, why));
    }
    if !is_gone(&fifo) {
        let why = "the command that hangs was left running";
        return Err(Check::failed(ID, why));
    }
    Ok(ended.took)
}

async fn ask(ground: &Ground, seconds: &str) -> Result<Ended, String> {
    let arguments = ["get", "stuck", "--timeout", seconds];
    ground.helper(&arguments, &[]).await
}

fn not_started() -> Check {
    Check::not_here(ID, "the command that hangs was not started in time")
}

/// The FIFO's other end, as soon as somebody reads.
async fn reader(ground: &Ground) -> Option<File> {
    let path = ground.fifo();
    let (sender, receiver) = oneshot::channel();
    // May wait for ever: a thread of its own ends with the process.
    std::thread::Builder::new()
        .spawn(move || {
            let flags = OFlags::WRONLY | OFlags::CLOEXEC;
            let file = rustix::fs::open(&path, flags, Mode::empty());
            let _ = sender.send(file.ok().map(File::from));
        })
        .ok()?;
    receiver.await.ok().flatten()
}

/// Whether the reader of a FIFO ends within the time.
fn is_gone(fifo: &File) -> bool {
    let Ok(time) = Timespec::try_from(LATER) else {
        return false;
    };
    let mut waits = [PollFd::from_borrowed_fd(fifo.as_fd(), PollFlags::ERR)];
    poll(&mut waits, Some(&time)).is_ok_and(|count| count > 0)
}
