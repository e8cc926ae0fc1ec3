//! Askers, changes, locks and time in random order, held against what may be answered when.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use credential_helper_protocol::{ErrorCode, Failure, Question};
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::{About, Answers, Bytes, ENTRIES, KEYRING_AGE, Keep};
use crate::agent::clock::Clock;
use crate::domain::log::Log;
use crate::provider::files::Files;

const IDLE: Duration = Duration::from_secs(3);
const ABSOLUTE: Duration = Duration::from_secs(8);
/// The questions; the last is answered without a keyring.
const QUESTIONS: u8 = 3;

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody asks.
    Ask(u8),
    /// One of those who wait goes on, by its place.
    GoOn(usize),
    /// One of them gives up.
    GiveUp(usize),
    /// The keyring changes, and tells.
    Signal,
    /// A store is changed by us.
    Change,
    /// A server refused what was given.
    Drop(u8),
    Lock,
    Unlock,
    /// Milliseconds pass.
    Pass(u16),
    Sweep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..QUESTIONS).prop_map(Step::Ask),
        12 => (0_usize..64).prop_map(Step::GoOn),
        1 => (0_usize..64).prop_map(Step::GiveUp),
        1 => Just(Step::Signal),
        1 => Just(Step::Change),
        1 => (0..QUESTIONS).prop_map(Step::Drop),
        1 => Just(Step::Lock),
        2 => Just(Step::Unlock),
        2 => (1_u16..4000).prop_map(Step::Pass),
        1 => Just(Step::Sweep),
    ];
    prop::collection::vec(step, 1..120)
}

/// What was the case when a lookup began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Began {
    /// Each `forget` counts one up.
    forgets: u64,
    generation: u64,
    at: Duration,
}

struct World {
    answers: Answers,
    hand: Rc<Cell<Duration>>,
    generation: Rc<Cell<u64>>,
    forgets: Cell<u64>,
    locked: Cell<bool>,
    /// Lookups under way, by question and the count of `forget`s before it was asked: whoever waited for
    /// one that was given up after a `forget` takes over, beside those who asked after it.
    under_way: RefCell<HashMap<(u8, u64), u32>>,
    used: RefCell<HashMap<u8, Duration>>,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

type Said = Result<(Began, bool), ErrorCode>;

impl World {
    fn new() -> Rc<Self> {
        let (clock, hand) = Clock::manual();
        hand.set(Duration::from_hours(1));
        let generation = Rc::new(Cell::new(0));
        Rc::new(Self {
            answers: Answers::new(clock, Files::default(), generation.clone(), Log::default()),
            hand,
            generation,
            forgets: Cell::new(0),
            locked: Cell::new(false),
            under_way: RefCell::default(),
            used: RefCell::default(),
            hits: Cell::new(0),
            misses: Cell::new(0),
        })
    }

    fn now(&self) -> Began {
        Began {
            forgets: self.forgets.get(),
            generation: self.generation.get(),
            at: self.hand.get(),
        }
    }

    fn forget(&self) {
        self.answers.forget();
        self.forgets.set(self.forgets.get() + 1);
        self.used.borrow_mut().clear();
    }

    /// As `Agent::get_kept`; says also whether the answer was kept.
    async fn ask(self: Rc<Self>, question: u8) -> Said {
        if self.locked.get() {
            return Err(ErrorCode::Locked);
        }
        let message = [question];
        let asked = self.forgets.get();
        if let Some(kept) = self.answers.find(&message) {
            self.hits.set(self.hits.get() + 1);
            return Ok((read(&kept), true));
        }
        self.answers.missed();
        self.misses.set(self.misses.get() + 1);
        let look_up = async || self.look_up(question, asked).await;
        let result = self.answers.once(&message, look_up).await;
        if self.locked.get() {
            return Err(ErrorCode::Locked);
        }
        result
            .map(|bytes| (read(&bytes), false))
            .map_err(|failure| failure.code)
    }

    async fn look_up(&self, question: u8, asked: u64) -> Result<Bytes, Failure> {
        let (begun, then) = (self.answers.begin(), self.now());
        let _here = Here::enter(self, (question, asked));
        pause(1 + usize::from(question)).await;
        if self.locked.get() {
            return Err(Failure::new(ErrorCode::Locked, "locked"));
        }
        let reply: Bytes = Rc::new(Zeroizing::new(written(then)));
        let keep = Keep {
            stamp: Files::default().view().stamp(),
            keyring: question + 1 < QUESTIONS,
            idle: IDLE,
            absolute: ABSOLUTE,
        };
        let about = About {
            question: (Some(question.to_string()), None),
            name: None,
            secret: None,
        };
        self.answers
            .keep(&[question], reply.clone(), keep, about, begun);
        if then.forgets == self.forgets.get() {
            self.used.borrow_mut().insert(question, self.hand.get());
        }
        Ok(reply)
    }
}

/// One lookup at a time for each question, as long as nothing was forgotten.
struct Here<'a>(&'a World, (u8, u64));

impl<'a> Here<'a> {
    fn enter(world: &'a World, key: (u8, u64)) -> Self {
        let count = &mut *world.under_way.borrow_mut();
        let count = count.entry(key).or_default();
        *count += 1;
        assert_eq!(*count, 1, "two lookups for one question");
        Self(world, key)
    }
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0.under_way.borrow_mut().get_mut(&self.1) {
            *count -= 1;
        }
    }
}

fn written(began: Began) -> Vec<u8> {
    let at = u64::try_from(began.at.as_millis()).unwrap();
    [began.forgets, began.generation, at]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}

fn read(bytes: &[u8]) -> Began {
    let number = |at: usize| u64::from_le_bytes(bytes[at * 8..at * 8 + 8].try_into().unwrap());
    Began {
        forgets: number(0),
        generation: number(1),
        at: Duration::from_millis(number(2)),
    }
}

/// Waits for being asked so many times.
async fn pause(mut times: usize) {
    std::future::poll_fn(|_| {
        times = times.saturating_sub(1);
        if times == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

struct Asker {
    question: u8,
    /// What was the case when it asked.
    asked: Began,
    /// A lock came since: it is told so when it goes on, as by `Agent::unless_locked`.
    locked: bool,
    work: Pin<Box<dyn Future<Output = Said>>>,
}

/// An asker goes on; whether it is done.
fn go_on(world: &World, asker: &mut Asker) -> bool {
    if asker.locked {
        return true;
    }
    let Poll::Ready(said) = asker
        .work
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    else {
        return false;
    };
    let Ok((began, kept)) = said else {
        assert_eq!(said, Err(ErrorCode::Locked));
        return true;
    };
    let now = world.now();
    assert!(!world.locked.get(), "an answer while locked");
    assert!(
        began.forgets >= asker.asked.forgets,
        "an answer from before a change"
    );
    if kept {
        assert_eq!(began.forgets, now.forgets, "a forgotten answer");
        let age = now.at.saturating_sub(began.at);
        assert!(age < ABSOLUTE, "an answer that is too old");
        if asker.question + 1 < QUESTIONS {
            assert_eq!(
                began.generation, now.generation,
                "an answer from before a signal"
            );
            assert!(age < KEYRING_AGE, "a keyring's answer that is too old");
        }
        let used = world.used.borrow_mut().insert(asker.question, now.at);
        assert!(
            now.at.saturating_sub(used.expect("it was kept")) < IDLE,
            "an answer that nobody used"
        );
    }
    true
}

fn run(steps: &[Step]) {
    let world = World::new();
    let mut askers: Vec<Asker> = Vec::new();
    for step in steps {
        match *step {
            Step::Ask(question) => {
                let mut asker = Asker {
                    question,
                    asked: world.now(),
                    locked: false,
                    work: Box::pin(world.clone().ask(question)),
                };
                // A task begins with its question, before anything else happens.
                if !go_on(&world, &mut asker) {
                    askers.push(asker);
                }
            }
            Step::GoOn(at) if !askers.is_empty() => {
                let at = at % askers.len();
                if go_on(&world, &mut askers[at]) {
                    askers.swap_remove(at);
                }
            }
            Step::GiveUp(at) if !askers.is_empty() => {
                let at = at % askers.len();
                askers.swap_remove(at);
            }
            Step::GoOn(_) | Step::GiveUp(_) => {}
            Step::Signal => world.generation.set(world.generation.get() + 1),
            Step::Change => world.forget(),
            Step::Drop(question) => {
                world.answers.drop_about(&Question {
                    name: Some(question.to_string()),
                    ..Question::default()
                });
                assert!(world.answers.find(&[question]).is_none());
                world.used.borrow_mut().remove(&question);
            }
            Step::Lock => {
                world.locked.set(true);
                world.forget();
                for asker in &mut askers {
                    asker.locked = true;
                }
                assert!((0..QUESTIONS).all(|question| world.answers.find(&[question]).is_none()));
            }
            Step::Unlock => world.locked.set(false),
            Step::Pass(ms) => world
                .hand
                .set(world.hand.get() + Duration::from_millis(ms.into())),
            Step::Sweep => world.answers.sweep(),
        }
    }
    // Nobody waits for ever.
    world.locked.set(false);
    for _ in 0..64 {
        askers.retain_mut(|asker| !go_on(&world, asker));
    }
    assert!(askers.is_empty(), "an asker that nobody answers");
    let counts = world.answers.counts();
    assert_eq!(
        (counts.hits, counts.misses),
        (world.hits.get(), world.misses.get())
    );
    assert!(counts.entries <= u64::from(QUESTIONS));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn any_order_of_events(steps in steps()) {
        run(&steps);
    }
}

#[test]
fn the_end_of_a_forgotten_lookup_is_not_that_of_the_next() {
    // The first is still under way when everything is forgotten; the second begins anew, and the
    // third waits for it although the first has ended meanwhile.
    run(&[
        Step::Ask(1),
        Step::Change,
        Step::Ask(1),
        Step::GoOn(0),
        Step::Ask(1),
    ]);
}

#[test]
fn a_signal_during_a_lookup_makes_its_answer_old() {
    run(&[Step::Ask(1), Step::Signal, Step::GoOn(0), Step::Ask(1)]);
}

#[test]
fn a_lookup_is_as_old_as_its_beginning() {
    run(&[Step::Ask(1), Step::Pass(1500), Step::GoOn(0), Step::Ask(1)]);
}

#[test]
fn no_more_answers_are_kept_than_there_is_room_for() {
    let world = World::new();
    for at in 0..ENTRIES + 10 {
        let about = About {
            question: (None, None),
            name: None,
            secret: None,
        };
        let keep = Keep {
            stamp: Files::default().view().stamp(),
            keyring: false,
            idle: ABSOLUTE,
            absolute: ABSOLUTE,
        };
        let begun = world.answers.begin();
        let message = u32::try_from(at).unwrap().to_le_bytes();
        world.answers.keep(
            &message,
            Rc::new(Zeroizing::new(Vec::new())),
            keep,
            about,
            begun,
        );
        world.hand.set(world.hand.get() + Duration::from_millis(1));
    }
    assert_eq!(world.answers.counts().entries, ENTRIES as u64);
    // Those that were not used for the longest time went.
    assert!(world.answers.find(&9_u32.to_le_bytes()).is_none());
    assert!(world.answers.find(&10_u32.to_le_bytes()).is_some());
}
