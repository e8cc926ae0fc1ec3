//! What every program of ours does before anything else, so that nothing of what it works on is
//! seen by others.

use std::io::Write;

/// The first thing in `main`: other programs of the user cannot read this process's memory and
/// environment, nor attach to it; a crash leaves no core file, and a panic tells no value.
///
/// A program that this one becomes by `exec` starts anew, as it would have without us (`prctl(2)`);
/// so do its children. A limit, which they would inherit, is not set here.
pub fn guard() {
    #[cfg(target_os = "linux")]
    {
        let _ =
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    }
    quiet_panics();
}

/// A panic tells where it happened. Its words may quote what was worked on: the standard library
/// shows the text that is cut within a character, and what an `expect` finds instead of a value.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let mut stderr = std::io::stderr();
        let _ = match panic.location() {
            Some(place) => writeln!(
                stderr,
                "helper: error: this is a fault of the program itself, at {}:{}; please report it",
                place.file(),
                place.line()
            ),
            None => writeln!(
                stderr,
                "helper: error: this is a fault of the program itself"
            ),
        };
    }));
}
