//! `helperd`: everything that `helper`, the fast door, does not do itself.

use std::process::ExitCode;

use credential_helper::agent::allocator::WipingAllocator;
use credential_helper::agent::bulk::BulkAllocator;

/// What is freed is wiped: parsers and buffers copy secrets where no type of ours can follow.
#[global_allocator]
static ALLOCATOR: WipingAllocator<BulkAllocator> = WipingAllocator::over(BulkAllocator::new());

// The standard library's unwinder, linked in: each start looks for one shared library less. Every
// gcc has it as an archive.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static")
))]
#[expect(unsafe_code, reason = "a link attribute needs a block")]
#[link(name = "gcc_eh", kind = "static", modifiers = "+whole-archive,-bundle")]
unsafe extern "C" {}

fn main() -> ExitCode {
    credential_helper::cli::main()
}
