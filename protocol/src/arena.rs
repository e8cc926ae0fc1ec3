//! Memory for a program that asks once and ends.
//!
//! A general allocator asks the system for pages here and there and gives them back; each page that
//! is touched for the first time costs a fault, and faults are most of what a short program costs.
//! This one hands out one block of the program's own data, front to back, and takes nothing back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What an ordinary question and its answer need, several times over. Pages that are not touched
/// cost nothing.
const SIZE: usize = 128 * 1024;

/// The allocator; what does not fit is the system's.
///
/// In this order the counter lies in the page of the first block.
#[repr(C)]
pub struct Arena {
    used: AtomicUsize,
    bytes: UnsafeCell<[u8; SIZE]>,
}

#[expect(unsafe_code, reason = "an allocator is shared by all threads")]
// SAFETY: the bytes are handed out by one atomic counter, so that no two blocks overlap.
unsafe impl Sync for Arena {}

impl Arena {
    /// Nothing is handed out yet.
    #[expect(
        clippy::new_without_default,
        clippy::large_stack_arrays,
        reason = "it only ever stands in a static, which the compiler fills"
    )]
    pub const fn new() -> Self {
        Self {
            used: AtomicUsize::new(0),
            bytes: UnsafeCell::new([0; SIZE]),
        }
    }

    /// The next so many bytes; they are zero, because none is handed out twice.
    ///
    /// Adding at once, without a look before, makes the first access to the page a write: a read
    /// costs a fault of its own. What a block that does not fit has added stays lost.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        let most = layout.size().checked_add(layout.align() - 1)?;
        // Otherwise the counter could come round.
        if most > SIZE {
            return None;
        }
        let used = self.used.fetch_add(most, Ordering::Relaxed);
        let end = used.checked_add(most)?;
        let block = self.bytes.get().cast::<u8>().wrapping_add(used);
        (end <= SIZE).then(|| block.wrapping_add(block.align_offset(layout.align())))
    }

    fn owns(&self, block: *mut u8) -> bool {
        let start = self.bytes.get().cast::<u8>().addr();
        (start..start + SIZE).contains(&block.addr())
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: a block lies within the bytes, is aligned, and overlaps no other; what the arena does not
// own came from the system's allocator and goes back there.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promises are ours.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(block) => block,
            // SAFETY: the caller's promises are ours.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.owns(block) {
            // SAFETY: it is not ours, so it was the system's.
            unsafe { System.dealloc(block, layout) };
        }
    }
}

#[cfg(test)]
#[expect(
    unsafe_code,
    reason = "an allocator is tested by its own unsafe functions"
)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout};

    use super::{Arena, SIZE};

    #[test]
    fn blocks_are_aligned_zero_and_apart_and_the_rest_is_the_systems() {
        static ARENA: Arena = Arena::new();
        let small = Layout::from_size_align(3, 1).unwrap();
        let wide = Layout::from_size_align(64, 32).unwrap();
        let large = Layout::from_size_align(SIZE, 8).unwrap();
        // SAFETY: sizes and layouts are those of the blocks.
        unsafe {
            let first = ARENA.alloc(small);
            first.write_bytes(7, 3);
            let second = ARENA.alloc_zeroed(wide);
            assert_eq!(second.addr() % 32, 0);
            assert!(second.addr() >= first.addr() + 3);
            assert_eq!(std::slice::from_raw_parts(second, 64), [0; 64]);
            let third = ARENA.alloc_zeroed(large);
            assert!(ARENA.owns(first) && ARENA.owns(second) && !ARENA.owns(third));
            third.write_bytes(7, SIZE);
            ARENA.dealloc(third, large);
            // A grown block keeps what was in it.
            let grown = ARENA.realloc(first, small, 100);
            assert_eq!(std::slice::from_raw_parts(grown, 3), [7; 3]);
            ARENA.dealloc(grown, Layout::from_size_align(100, 1).unwrap());
            ARENA.dealloc(second, wide);
        }
    }
}
