//! `helperd`: everything that `helper`, the fast door, does not do itself.

use std::process::ExitCode;

fn main() -> ExitCode {
    credential_helper::cli::main()
}
