//! What the agent holds of its own program: code that is not needed at the moment is given back.
//!
//! The start and each lookup touch most of the program's pages; an agent that waits, or that answers
//! from what it keeps, needs a tenth of them. Code comes back from the file by itself where it is
//! called again.

/// Gives back the pages of the program's code. Code holds no secrets, so it need not stay locked
/// in memory either.
pub(super) fn give_back_code() {
    #[cfg(target_os = "linux")]
    {
        let program = std::env::current_exe().ok();
        let maps = std::fs::read_to_string("/proc/self/maps");
        let (Some(program), Ok(maps)) = (program.as_deref().and_then(|path| path.to_str()), maps)
        else {
            return;
        };
        for (start, length) in maps.lines().filter_map(|line| code(line, program)) {
            give_back(start, length);
        }
    }
}

/// Start and length of a mapping that holds code of this program. Only what can be executed: what
/// can be read only may have been written before (relocations), and would be lost.
#[cfg(target_os = "linux")]
fn code(line: &str, program: &str) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    if !rest.starts_with("r-xp ") || !rest.ends_with(program) {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    Some((start, end.checked_sub(start)?))
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "the range is given as an address")]
fn give_back(start: usize, length: usize) {
    use rustix::mm::{Advice, madvise, munlock};

    let start = std::ptr::with_exposed_provenance_mut::<std::ffi::c_void>(start);
    // SAFETY: unlocking changes nothing that a program can see.
    let _ = unsafe { munlock(start, length) };
    // SAFETY: the mapping is private and was never writable, so that each of its pages is as it is
    // in the file, from where it is read again (madvise(2)).
    let _ = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{code, give_back_code};

    #[test]
    fn only_code_of_the_program() {
        let program = "/usr/bin/helperd";
        let line = "1000-3000 r-xp 00000000 fe:00 42    /usr/bin/helperd";
        assert_eq!(code(line, program), Some((0x1000, 0x2000)));
        for other in [
            "1000-3000 r--p 00000000 fe:00 42    /usr/bin/helperd",
            "1000-3000 rw-p 00000000 fe:00 42    /usr/bin/helperd",
            "1000-3000 r-xp 00000000 fe:00 42    /lib/libc.so.6",
            "1000-3000 r-xp 00000000 00:00 0 [vdso]",
        ] {
            assert_eq!(code(other, program), None, "{other}");
        }
    }

    #[test]
    fn what_was_given_back_still_runs() {
        give_back_code();
        assert_eq!("7".parse(), Ok(7));
    }
}
