//! What the agent holds while it rests: everything that is not needed at the moment is given back.
//!
//! The start and each lookup touch most of the program's pages, and take memory that they free
//! again. An agent that waits, or that answers from what it keeps, needs a tenth of that. What
//! is in the program's file comes back by itself where it is used again.

/// Gives back the program's code and constants, and what the allocator holds beyond what is in use.
/// The program holds no secrets, so it need not stay locked in memory either.
pub(super) fn give_back() {
    #[cfg(target_os = "linux")]
    {
        for (start, length) in linux::unchangeable() {
            linux::give_back(start, length);
        }
        linux::trim_heap();
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{c_int, c_void};

    use rustix::mm::{Advice, madvise, munlock};

    /// Start and length of the parts of this program that nobody can have written to: neither it
    /// nor the dynamic linker, whose relocations are in writable parts (elf(5), `PT_LOAD`).
    pub(super) fn unchangeable() -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        #[expect(unsafe_code, reason = "the C library tells it to a function only")]
        // SAFETY: `first_object` gets the pointer to `found` back, which outlives the call.
        unsafe {
            libc::dl_iterate_phdr(Some(first_object), (&raw mut found).cast());
        }
        found
    }

    /// The program itself is the first one of which `dl_iterate_phdr` tells.
    #[expect(unsafe_code, reason = "called by the C library")]
    unsafe extern "C" fn first_object(
        object: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        found: *mut c_void,
    ) -> c_int {
        let page = rustix::param::page_size();
        // SAFETY: as dl_iterate_phdr(3) says of what it hands over; `found` is what we gave it.
        let (base, headers, found) = unsafe {
            let object = &*object;
            let count = usize::from(object.dlpi_phnum);
            let headers = std::slice::from_raw_parts(object.dlpi_phdr, count);
            let found = &mut *found.cast::<Vec<(usize, usize)>>();
            (object.dlpi_addr, headers, found)
        };
        let loaded = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0);
        for header in loaded {
            let start = base.wrapping_add(header.p_vaddr);
            let end = start.wrapping_add(header.p_memsz);
            let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
                continue;
            };
            // Protection is by page, so no writable part shares one with these.
            let start = start / page * page;
            found.push((start, end.next_multiple_of(page) - start));
        }
        // Of others nothing is wanted.
        1
    }

    #[expect(unsafe_code, reason = "the range is given as an address")]
    pub(super) fn give_back(start: usize, length: usize) {
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(start);
        // SAFETY: unlocking changes nothing that a program can see.
        let _ = unsafe { munlock(start, length) };
        // SAFETY: the mapping is private and was never writable, so that each of its pages is as it
        // is in the file, from where it is read again (madvise(2)).
        let _ = unsafe { madvise(start, length, Advice::LinuxDontNeed) };
    }

    /// glibc keeps what was freed; musl gives it back by itself.
    pub(super) fn trim_heap() {
        #[cfg(target_env = "gnu")]
        // What is locked cannot be given back.
        crate::agent::hardening::with_unlocked_data(|| {
            #[expect(unsafe_code, reason = "a call of the C library without a safe form")]
            // SAFETY: only what is not in use is given back (malloc_trim(3)).
            unsafe {
                libc::malloc_trim(0);
            }
        });
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::{give_back, linux::unchangeable};

    #[test]
    fn code_and_constants_but_nothing_that_was_written() {
        static WRITTEN: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);
        // A relocation: the address is not known before the start.
        static TABLE: [&str; 2] = ["one", "two"];
        let parts = unchangeable();
        let within = |address: usize| {
            parts
                .iter()
                .any(|(start, length)| (*start..start + length).contains(&address))
        };
        assert!(within(unchangeable as fn() -> _ as usize));
        assert!(within("a constant".as_ptr().addr()));
        assert!(!within((&raw const WRITTEN).addr()));
        assert!(!within((&raw const TABLE).addr()));
        assert!(!within((&raw const parts).addr()));
    }

    #[test]
    fn what_was_given_back_still_runs() {
        give_back();
        assert_eq!("7".parse(), Ok(7));
    }
}
