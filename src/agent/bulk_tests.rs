use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashSet;
use std::sync::mpsc;

use super::{BulkAllocator, CLASSES, FINE, LARGEST, STEP, begin, class};

#[test]
fn every_size_has_a_list_whose_blocks_hold_it() {
    let mut before = (0, STEP);
    for size in 1..=LARGEST {
        let (place, length) = class(size);
        assert!(place < CLASSES && length >= size && length % STEP == 0);
        // At most a fifth of a block is for nothing.
        assert!(length - size < STEP || size > FINE && (length - size) * 4 <= size);
        assert!(
            place == before.0 && length == before.1 || place == before.0 + 1 && size > before.1
        );
        before = (place, length);
    }
    assert_eq!(before, (CLASSES - 1, LARGEST));
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// A block that is filled with its own number.
struct Block(*mut u8, usize, u8);

#[expect(unsafe_code, reason = "an allocator is tested by its own functions")]
// SAFETY: a block belongs to whoever holds it.
unsafe impl Send for Block {}

#[expect(unsafe_code, reason = "an allocator is tested by its own functions")]
impl Block {
    fn take(from: &BulkAllocator<System>, size: usize, number: u8) -> Self {
        // SAFETY: the size is not zero, and the block is as long.
        unsafe {
            let block = from.alloc(layout(size));
            assert!(!block.is_null() && block.addr().is_multiple_of(8));
            block.write_bytes(number, size);
            Self(block, size, number)
        }
    }

    fn give(self, to: &BulkAllocator<System>) {
        // SAFETY: the block is so long, was written whole, and is given back once.
        unsafe {
            let bytes = std::slice::from_raw_parts(self.0, self.1);
            assert!(bytes.iter().all(|byte| *byte == self.2));
            to.dealloc(self.0, layout(self.1));
        }
    }
}

#[test]
fn blocks_are_nobody_elses() {
    static BULK: BulkAllocator = BulkAllocator::new();
    // Before and after, in any order.
    let early = Block::take(&BULK, 100, 7);
    begin();
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            std::thread::spawn(move || {
                let mut held = Vec::new();
                let mut state = u32::from(thread) + 1;
                for turn in 0..4_000_u32 {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let size = match state >> 30 {
                        0 => 1 + (state >> 8) % 64,
                        1 | 2 => 1 + (state >> 8) % 5_000,
                        _ => 1 + (state >> 8) % 60_000,
                    };
                    let number = u8::try_from(turn % 251).unwrap();
                    held.push(Block::take(&BULK, size as usize, number));
                    if held.len() > 40 {
                        held.swap_remove((state >> 4) as usize % 40).give(&BULK);
                    }
                }
                for block in held {
                    block.give(&BULK);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    early.give(&BULK);
}

/// One thread takes, another one gives back: what went through comes round again.
#[test]
fn nobody_hoards() {
    static BULK: BulkAllocator = BulkAllocator::new();
    const SIZE: usize = 31_000;
    const TURNS: usize = 4_000;
    begin();
    let (blocks, taken) = mpsc::sync_channel::<Block>(8);
    let giver = std::thread::spawn(move || {
        for block in taken {
            block.give(&BULK);
        }
    });
    let mut places = HashSet::new();
    for _ in 0..TURNS {
        let block = Block::take(&BULK, SIZE, 1);
        places.insert(block.0.addr());
        blocks.send(block).unwrap();
    }
    drop(blocks);
    giver.join().unwrap();
    assert!(places.len() < TURNS / 10, "{}", places.len());
}
