#!/bin/sh
# Builds what packages hold, `helper` and `helperd`, linked statically: a process that needs no
# dynamic linker starts in about half the time, and runs on every distribution.
#
# With the musl target (`rustup target add x86_64-unknown-linux-musl`, and `musl-gcc` for the one C
# dependency; Debian: `apt install musl-tools`) against musl, otherwise against this system's glibc.
# Prints the folder of the two binaries.
set -eu
cd "$(dirname "$0")/.."
machine=$(uname -m)
case $machine in arm64) machine=aarch64 ;; esac
cargo=${CARGO:-cargo}
musl=$machine-unknown-linux-musl
if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl/lib" ] && command -v musl-gcc >/dev/null; then
    target=$musl
else
    target=$machine-unknown-linux-gnu
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
fi
# A folder of its own: other flags would make each build undo the other.
set -- --profile dist --locked --target "$target" --target-dir target/packaged
"$cargo" build "$@" --bins >&2
# `helper` at a fixed address: fitting it in somewhere else costs a tenth of its whole time. It holds
# one answer for a moment; the agent, which holds secrets for hours, stays position independent.
"$cargo" rustc "$@" --bin helper -- -C relocation-model=static >&2
echo "target/packaged/$target/dist"
