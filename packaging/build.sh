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
"$cargo" rustc "$@" --bin helper -- -C opt-level=s -C relocation-model=static -C strip=none >&2
# What a cached answer runs and touches stands together (packaging/order.txt), because the system
# maps a program in pieces. GNU's linker has no such order; where Rust's is not installed, or nm is
# not, the program is only slower.
built=target/packaged/$target/dist
host=$(rustc -vV | sed -n 's/^host: //p')
lld=$(rustc --print sysroot)/lib/rustlib/$host/bin/gcc-ld
if [ -x "$lld/ld.lld" ] && nm -p "$built/helper" >"$built/names" 2>/dev/null &&
    nm -p -C "$built/helper" >"$built/shown"; then
    # The names that people read are in the list; the linker wants its own, which have hashes. What
    # compilers put behind them is left out.
    paste -d '\n' "$built/names" "$built/shown" | sed 's/^[0-9a-f]* *[A-Za-z] //' |
        awk 'NR == FNR { if (!/^#/) place[$0] = NR; next }
            FNR % 2 { name = $0; next }
            { sub(/ \(\.llvm\.[0-9]*\)$|(\.llvm)?\.[0-9]*$/, "") }
            $0 in place { print place[$0] "\t" name }' packaging/order.txt - |
        sort -n | cut -f 2 >"$built/order"
    # Cargo links again when an argument changes, not when a file does that the linker reads.
    order=$PWD/$built/order-$(cksum <"$built/order" | cut -d ' ' -f 1)
    mv "$built/order" "$order"
    if "$cargo" rustc "$@" --bin helper -- -C opt-level=s -C relocation-model=static \
        -C "link-arg=-B$lld" -C link-arg=-fuse-ld=lld \
        -C "link-arg=-Wl,--symbol-ordering-file=$order,--no-warn-symbol-ordering" >&2; then
        echo "$built"
        exit
    fi
fi
"$cargo" rustc "$@" --bin helper -- -C opt-level=s -C relocation-model=static >&2
echo "$built"
