//! Memory for work in bulk. A resolution makes and drops a million small things on several threads;
//! musl's allocator takes one lock for each of them, and asks the system for what is larger than a
//! page. Here each thread has lists of free blocks of its own, by size, and takes new ones from the
//! end of one large stretch of addresses.
//!
//! A process works so from [`begin`] on; the agent never does, whose memory is to stay small. What a
//! thread has too much of others may take, so that one that only drops what another one makes does
//! not hoard it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How long the stretch of addresses is. It costs no memory until it is written to.
const REGION: usize = 4 << 30;
/// What a thread takes of it for small blocks.
const CHUNK: usize = 128 << 10;
/// The smallest block, and what all are aligned to; room for two links.
const STEP: usize = 16;
/// Up to here there is a list for each multiple of [`STEP`].
const FINE: usize = 1024;
/// Four lists for each doubling from there to the largest block.
const CLASSES: usize = FINE / STEP + 4 * 5;
/// The largest block: what is larger is the other allocator's. There are few, and kept in lists they
/// would be a good part of the memory.
const LARGEST: usize = FINE << 5;
/// How many bytes of one size a thread keeps.
const HOARD: usize = 128 << 10;

/// The stretch, once there is one.
static START: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
/// How much of it was taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// What threads had too much of.
static SHARED: [Shared; CLASSES] = [const { Shared::new() }; CLASSES];

thread_local! {
    static OWN: Own = const { Own::new() };
}

/// An allocator that is another one until work in bulk begins.
#[derive(Default)]
pub struct BulkAllocator<A = System>(A);

impl BulkAllocator {
    /// The system's.
    pub const fn new() -> Self {
        Self(System)
    }
}

/// From here on memory is taken and given back in bulk. Where the system gives no such stretch of
/// addresses, everything stays as it was.
pub fn begin() {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if !BEGUN.swap(true, Ordering::Relaxed)
        && let Some(start) = region()
    {
        START.store(start, Ordering::Release);
    }
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn region() -> Option<*mut u8> {
    use rustix::mm::{MapFlags, ProtFlags};
    let access = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    #[expect(
        unsafe_code,
        reason = "a mapping is unsafe where it replaces another one"
    )]
    // SAFETY: the system chooses where it is.
    let start = unsafe { rustix::mm::mmap_anonymous(ptr::null_mut(), REGION, access, flags) };
    Some(start.ok()?.cast())
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn region() -> Option<*mut u8> {
    None
}

/// Has the system give these pages at once, instead of one at each first write.
#[cfg(target_os = "linux")]
fn populate(start: *mut u8, length: usize) {
    use rustix::mm::Advice;
    #[expect(unsafe_code, reason = "a call of the system about memory")]
    // SAFETY: the pages are ours, and their content stays as it is. A system that does not know this
    // gives them later.
    let _ = unsafe { rustix::mm::madvise(start.cast(), length, Advice::LinuxPopulateWrite) };
}

#[cfg(not(target_os = "linux"))]
fn populate(_: *mut u8, _: usize) {}

/// The list of a size: its place, and how long its blocks are.
fn class(size: usize) -> (usize, usize) {
    if size <= FINE {
        let place = size.saturating_sub(1) / STEP;
        return (place, (place + 1) * STEP);
    }
    // The doubling that it lies in, and the quarter of that.
    let doubling = (size - 1).ilog2() as usize;
    let quarter = (1_usize << doubling) / 4;
    let place = (size - 1 - (1 << doubling)) / quarter;
    let before = FINE / STEP + 4 * (doubling - FINE.ilog2() as usize);
    (before + place, (1 << doubling) + (place + 1) * quarter)
}

/// What stands in a free block.
#[repr(C)]
struct Free {
    next: *mut Self,
    /// The next batch, in the first block of one.
    batch: *mut Self,
}

/// The blocks of one thread.
struct Own {
    lists: [Cell<*mut Free>; CLASSES],
    counts: [Cell<usize>; CLASSES],
    chunk: Cell<*mut u8>,
    left: Cell<usize>,
}

impl Own {
    const fn new() -> Self {
        Self {
            lists: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            counts: [const { Cell::new(0) }; CLASSES],
            chunk: Cell::new(ptr::null_mut()),
            left: Cell::new(0),
        }
    }

    /// A block of this size; null where there is none.
    fn take(&self, size: usize) -> *mut u8 {
        let (place, length) = class(size);
        let mut first = self.lists[place].get();
        if first.is_null() {
            first = SHARED[place].take();
            if first.is_null() {
                return self.cut(length);
            }
            self.counts[place].set(HOARD.div_ceil(length));
        }
        #[expect(unsafe_code, reason = "links stand in free blocks")]
        // SAFETY: what is in a list is free, and begins with a link.
        let next = unsafe { (*first).next };
        self.lists[place].set(next);
        self.counts[place].set(self.counts[place].get().saturating_sub(1));
        first.cast()
    }

    /// Takes a block back.
    fn give(&self, block: *mut u8, size: usize) {
        let (place, length) = class(size);
        // Aligned as every block is.
        let block: *mut Free = block.cast::<()>().cast();
        if self.counts[place].get() * length >= HOARD {
            SHARED[place].give(self.lists[place].replace(ptr::null_mut()));
            self.counts[place].set(0);
        }
        let next = self.lists[place].get();
        #[expect(unsafe_code, reason = "links stand in free blocks")]
        // SAFETY: the block is free from here on; each has room for this and is so aligned.
        unsafe {
            block.write(Free {
                next,
                batch: ptr::null_mut(),
            });
        }
        self.lists[place].set(block);
        self.counts[place].set(self.counts[place].get() + 1);
    }

    /// A new block.
    fn cut(&self, length: usize) -> *mut u8 {
        if self.left.get() < length {
            let chunk = fresh();
            if chunk.is_null() {
                return chunk;
            }
            self.chunk.set(chunk);
            self.left.set(CHUNK);
        }
        let block = self.chunk.get();
        // Within the chunk, or right behind it.
        self.chunk.set(block.wrapping_add(length));
        self.left.set(self.left.get() - length);
        block
    }
}

/// A chunk that nobody had before; null where there is none.
fn fresh() -> *mut u8 {
    let taken = TAKEN.fetch_add(CHUNK, Ordering::Relaxed);
    if taken > REGION - CHUNK {
        // Far from where the count would begin anew.
        TAKEN.store(REGION, Ordering::Relaxed);
        return ptr::null_mut();
    }
    let chunk = START.load(Ordering::Relaxed).wrapping_add(taken);
    populate(chunk, CHUNK);
    chunk
}

/// Batches of blocks of one size.
struct Shared {
    any: AtomicBool,
    first: Mutex<Batch>,
}

struct Batch(*mut Free);

#[expect(unsafe_code, reason = "a pointer is nobody's")]
// SAFETY: what it leads to is free, and its owner is whoever takes it out of the lock.
unsafe impl Send for Batch {}

impl Shared {
    const fn new() -> Self {
        Self {
            any: AtomicBool::new(false),
            first: Mutex::new(Batch(ptr::null_mut())),
        }
    }

    fn give(&self, blocks: *mut Free) {
        if blocks.is_null() {
            return;
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        #[expect(unsafe_code, reason = "links stand in free blocks")]
        // SAFETY: the blocks are free, and of the thread that gives them.
        unsafe {
            (*blocks).batch = first.0;
        }
        first.0 = blocks;
        self.any.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> *mut Free {
        if !self.any.load(Ordering::Relaxed) {
            return ptr::null_mut();
        }
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let blocks = first.0;
        if !blocks.is_null() {
            #[expect(unsafe_code, reason = "links stand in free blocks")]
            // SAFETY: what is in the lock is free, and begins with both links.
            let next = unsafe { (*blocks).batch };
            first.0 = next;
        }
        self.any.store(!first.0.is_null(), Ordering::Relaxed);
        blocks
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: a block is in one list at most, and in none while it is somebody's; those of one list are
// as long as the largest size that belongs to it. What does not lie in the stretch was taken from the
// other allocator, and goes back to it.
unsafe impl<A: GlobalAlloc> GlobalAlloc for BulkAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !START.load(Ordering::Relaxed).is_null()
            && layout.size() <= LARGEST
            && layout.align() <= STEP
        {
            let block = OWN.with(|own| own.take(layout.size()));
            if !block.is_null() {
                return block;
            }
        }
        // SAFETY: the caller's promises are ours.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let start = START.load(Ordering::Relaxed);
        if !start.is_null() && block.addr().wrapping_sub(start.addr()) < REGION {
            return OWN.with(|own| own.give(block, layout.size()));
        }
        // SAFETY: the caller's promises are ours.
        unsafe { self.0.dealloc(block, layout) };
    }
}

#[cfg(test)]
#[path = "bulk_tests.rs"]
mod tests;
