//! `helperd`: everything that `helper`, the fast door, does not do itself.

use std::process::ExitCode;

use credential_helper::agent::allocator::WipingAllocator;
use credential_helper::agent::bulk::BulkAllocator;

/// What is freed is wiped: parsers and buffers copy secrets where no type of ours can follow.
#[global_allocator]
static ALLOCATOR: WipingAllocator<BulkAllocator> = WipingAllocator::over(BulkAllocator::new());

fn main() -> ExitCode {
    credential_helper::cli::main()
}
