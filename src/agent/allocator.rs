//! Memory that is wiped when it is given back: no copy that a library has made of a secret on its
//! way (a parser's scratch space, a grown vector) outlives its use.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

/// The global allocator of the agent's process.
#[derive(Default)]
pub struct WipingAllocator<A = System>(A);

impl WipingAllocator {
    /// Over the system's allocator.
    pub const fn new() -> Self {
        Self(System)
    }
}

impl<A> WipingAllocator<A> {
    /// Over another one.
    pub const fn over(other: A) -> Self {
        Self(other)
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: everything is passed on to an allocator; what is written lies within the block that the
// caller gives back and no longer uses.
unsafe impl<A: GlobalAlloc> GlobalAlloc for WipingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are ours.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are ours.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block has this size and is still allocated.
        unsafe { block.write_bytes(0, layout.size()) };
        // The compiler knows what giving back means and would leave out the writes before it.
        let block = black_box(block);
        // SAFETY: the caller's promises are ours.
        unsafe { self.0.dealloc(block, layout) };
    }

    /// Never grows in place of the allocator's choosing: its own way may move the block and leave
    /// the old one as it was.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that the size, rounded up to the alignment, is no overflow.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller promises that the size is not zero.
        let new = unsafe { self.0.alloc(wanted) };
        if !new.is_null() {
            // SAFETY: both blocks are at least so long, and two blocks never overlap.
            unsafe { new.copy_from_nonoverlapping(block, layout.size().min(size)) };
            // SAFETY: the old block is the caller's, who gives it up by this call.
            unsafe { self.dealloc(block, layout) };
        }
        new
    }
}

#[cfg(test)]
#[expect(
    unsafe_code,
    reason = "an allocator is tested by its own unsafe functions"
)]
mod tests {
    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    use super::WipingAllocator;

    /// Counts the bytes that are not zero in what is given back.
    #[derive(Default)]
    struct Looking(Cell<usize>);

    // SAFETY: passes everything on.
    unsafe impl GlobalAlloc for Looking {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as promised.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the block is still allocated and was written in full.
            let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            let left = bytes.iter().filter(|byte| **byte != 0).count();
            self.0.set(self.0.get() + left);
            // SAFETY: as promised.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[test]
    fn given_back_blocks_are_empty() {
        let wiping = WipingAllocator(Looking::default());
        let layout = Layout::from_size_align(100, 8).unwrap();
        // SAFETY: sizes and layouts are those of the blocks.
        unsafe {
            let block = wiping.alloc(layout);
            block.write_bytes(7, 100);
            let larger = wiping.realloc(block, layout, 1000);
            assert_eq!(std::slice::from_raw_parts(larger, 100), [7; 100]);
            larger.write_bytes(7, 1000);
            let layout = Layout::from_size_align(1000, 8).unwrap();
            let smaller = wiping.realloc(larger, layout, 10);
            assert_eq!(std::slice::from_raw_parts(smaller, 10), [7; 10]);
            wiping.dealloc(smaller, Layout::from_size_align(10, 8).unwrap());
        }
        assert_eq!(wiping.0.0.get(), 0);
    }
}
