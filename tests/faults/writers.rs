//! Others write the same file at the same moment.

use std::collections::HashMap;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use serde_json::{Value, json};

use super::{AUTH, Row, error, password, sandbox};
use crate::harness::sandbox::{PATIENCE, Sandbox, readable};

/// What happens in a folder, in order.
struct Events {
    queue: OwnedFd,
    movers: HashMap<u32, bool>,
}

/// One event that matters here.
#[derive(Debug, PartialEq)]
enum Event {
    /// We have read the old file and begin to write a new one.
    Begun,
    /// The file was replaced: by us, or by the other program.
    Replaced { by_us: bool },
}

impl Events {
    fn of(sandbox: &Sandbox) -> Self {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        let folder = sandbox.path("home/.config/pypoetry");
        let what = WatchFlags::CREATE | WatchFlags::MOVED_FROM | WatchFlags::MOVED_TO;
        inotify::add_watch(&queue, folder, what).unwrap();
        Self {
            queue,
            movers: HashMap::new(),
        }
    }

    /// What has happened by now.
    fn take(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut space = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.queue, &mut space);
        while let Ok(event) = reader.next() {
            let name = event.file_name().map_or(&b""[..], CStr::to_bytes);
            let ours = name.starts_with(b".credential-helper-");
            let flags = event.events();
            if flags.contains(ReadFlags::CREATE) && ours {
                events.push(Event::Begun);
            } else if flags.contains(ReadFlags::MOVED_FROM) {
                self.movers.insert(event.cookie(), ours);
            } else if flags.contains(ReadFlags::MOVED_TO) && name == b"auth.toml" {
                let by_us = self.movers.remove(&event.cookie()).unwrap();
                events.push(Event::Replaced { by_us });
            }
        }
        events
    }

    /// What has happened up to the moment when we have begun.
    fn wait_for_begun(&mut self) -> Vec<Event> {
        let mut events = self.take();
        while !events.contains(&Event::Begun) {
            assert!(readable(&self.queue, PATIENCE), "nobody writes");
            events.append(&mut self.take());
        }
        events
    }
}

/// What the other program does: reads, changes its own part, and puts a new file there.
fn rewrite(sandbox: &Sandbox, round: u32) {
    let text = sandbox.read(AUTH);
    let own = text.split("foreign = ").next().unwrap();
    let after = text.split_once("# end\n").unwrap().1;
    let text = format!("{own}foreign = {round}\n# end\n{after}");
    let new = sandbox.write("home/.config/pypoetry/theirs", &text);
    std::fs::rename(new, sandbox.path(AUTH)).unwrap();
}

#[test]
fn two_writers() {
    let row = Row {
        name: "another program rewrites auth.toml between our read and our rename",
        target: "no update of ours lost; the other's change noticed",
        rounds: [50, 2000, 10_000],
    };
    row.run(|run| {
        let sandbox = sandbox();
        let start = "[other]\nforeign = 0\n# end\n[http-basic.foo]\nusername = \"alice\"\npassword = \"p\"\n";
        sandbox.write(AUTH, start);
        let _agent = sandbox.run_agent(&[]);
        let (mut one, mut two) = (sandbox.connect(), sandbox.connect());
        let set = |name: &str, secret: String| -> Value {
            let context = sandbox.context();
            json!({ "name": name, "username": "alice", "secret": secret, "context": context })
        };
        let mut events = Events::of(&sandbox);
        let (mut noticed, mut lost, mut theirs, mut taken_out) = (0, 0, 0, 0);
        // Who comes first is the scheduler's choice: as many rounds as it takes to meet both.
        let mut more = run.rounds..run.rounds * 20;
        while let Some(round) = run.next().or_else(|| more.next().filter(|_| noticed == 0)) {
            events.take();
            one.send("Set", &set("foo", format!("foo-{round}")));
            two.send("Set", &set("bar", format!("bar-{round}")));
            let mut order = events.wait_for_begun();
            rewrite(&sandbox, round + 1);
            for connection in [&mut one, &mut two] {
                let reply = connection.receive().unwrap();
                assert_eq!(error(&reply), "", "round {round}: {reply}");
            }
            let text = sandbox.read(AUTH);
            let has = |part: String| text.contains(&part);
            let (foo, bar) = (has(format!("foo-{round}\"")), has(format!("bar-{round}\"")));
            let their = has(format!("foreign = {}\n", round + 1));
            // What the other program read before we wrote, and wrote after us, is its own loss.
            order.append(&mut events.take());
            let by_us: Vec<bool> = order
                .iter()
                .filter_map(|event| match event {
                    Event::Replaced { by_us } => Some(*by_us),
                    Event::Begun => None,
                })
                .collect();
            let theirs_at = by_us.iter().position(|by_us| !by_us).unwrap();
            // Five where ours came too late for a look, and was taken out again.
            assert!(by_us.len() >= 3, "round {round}: {order:?}");
            let after = 2_usize.saturating_sub(theirs_at);
            if after > 0 {
                let kept = usize::from(foo) + usize::from(bar);
                assert!(kept >= after, "round {round}: {order:?}: {text}");
                lost += u32::from(!their);
                noticed += u32::from(their);
                taken_out += u32::from(by_us.len() > 3);
            } else {
                assert!(their, "round {round}: {order:?}: {text}");
                theirs += 1;
            }
            let reply = one.call("Get", &sandbox.question("foo"));
            assert!(!foo || password(&reply) == Some(&format!("foo-{round}")), "{reply}");
        }
        run.figure(format!(
            "{noticed} times both kept, {taken_out} of them after our last look; {theirs} times the other program wrote last, over ours"
        ));
        assert_eq!(lost, 0, "changes of the other program");
        assert!(noticed > 0);
    });
}
