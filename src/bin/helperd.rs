//! helperd
fn main() {}
