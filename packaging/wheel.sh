#!/bin/sh
# Builds the wheel: `helper`, `helperd` and the backend of Python's keyring. Prints its path.
#
#   packaging/wheel.sh            as packages are built (see build.sh), for every Linux
#   packaging/wheel.sh --debug    for tests: what `cargo build` has built, for this machine
#
# Needs maturin (`pip install maturin`), on PATH or in the variable MATURIN.
set -eu
cd "$(dirname "$0")/python"
machine=$(uname -m)
case $machine in arm64) machine=aarch64 ;; esac
musl=$machine-unknown-linux-musl
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}"
out=$CARGO_TARGET_DIR/wheels
if [ "${1:-}" = --debug ]; then
    out=$out/debug
    set -- --profile dev --compatibility linux --auditwheel skip
elif [ "$(uname -s)" != Linux ]; then
    set -- --profile dist
else
    # Its own folder, as in build.sh.
    CARGO_TARGET_DIR=$CARGO_TARGET_DIR/packaged
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$musl/lib" ] && command -v musl-gcc >/dev/null; then
        # Static: one wheel for every libc. pip takes it where one of the two tags fits.
        set -- --profile dist --target "$musl" --compatibility manylinux2014 musllinux_1_2
    else
        set -- --profile dist
    fi
fi
rm -rf "$out"
# What the programs are linked with; pyproject.toml takes only files that stand beside it.
trap 'rm -f LICENSES-OF-DEPENDENCIES' EXIT
../licences.py >LICENSES-OF-DEPENDENCIES
"${MATURIN:-maturin}" build --locked --out "$out" "$@" >&2
ls "$out"/*.whl
