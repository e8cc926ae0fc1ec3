//! A provider that never answers: the question about it ends in time, others are answered
//! meanwhile, and nothing of it is left behind.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Check;
use super::ground::Ground;
use super::here::ACCOUNT;

const ID: &str = "deadline";
/// What the question is given.
const GIVEN: Duration = Duration::from_secs(1);
/// How much later it may end: to start a program and to end one takes time, too, more of it on a busy
/// machine.
const LATER: Duration = Duration::from_secs(4);
/// The exit status of "could not be answered".
const COULD_NOT: i32 = 3;

pub(super) async fn stuck(ground: &Ground) -> Check {
    let seconds = GIVEN.as_secs().to_string();
    let arguments = ["get", "stuck", "--timeout", &seconds];
    let question = ground.helper(&arguments, &[]);
    // When the command reads its FIFO, it has been started and waits.
    let others = async {
        let waits = timeout(GIVEN + LATER, reader(ground)).await;
        let fifo = waits.ok().flatten();
        let asked = ["get", ACCOUNT, "--format", "password"];
        (fifo, ground.helper(&asked, &[]).await)
    };
    let (ended, (fifo, answered)) = tokio::join!(question, others);
    let (ended, answered) = match (ended, answered) {
        (Ok(ended), Ok(answered)) => (ended, answered),
        (Err(why), _) | (_, Err(why)) => return Check::failed(ID, why),
    };
    let Some(fifo) = fifo else {
        return Check::not_here(ID, "the command that hangs was not started in time");
    };
    let took = ended.took.as_secs_f64();
    if ended.status != Some(COULD_NOT) || ended.took > GIVEN + LATER {
        let how = ended.how();
        return Check::failed(ID, format!("a command that hangs: {how} after {took:.1} s"));
    }
    if answered.stdout.trim_end() != ground.secret || answered.took >= ended.took {
        let how = answered.how();
        return Check::failed(ID, format!("another question meanwhile: {how}"));
    }
    if !is_gone(&fifo) {
        return Check::failed(ID, "the command that hangs was left running");
    }
    Check::ok(
        ID,
        format!(
            "a command that hangs was given up after {took:.1} s of 1 s and ended; \
             another question meanwhile took {} ms",
            answered.took.as_millis()
        ),
    )
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
