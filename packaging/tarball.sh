#!/bin/sh
# Packs what stage.sh lays out, to be unpacked below any prefix, and prints the path of the archive.
#
#   packaging/tarball.sh [--binaries DIR] --output DIR
#
# Without --binaries, builds what packages hold (packaging/build.sh). The same sources give the same bytes
# (SOURCE_DATE_EPOCH: by default the time of the last commit). Needs GNU tar.
set -eu
usage() {
    echo "usage: packaging/tarball.sh [--binaries DIR] --output DIR" >&2
    exit 2
}
binaries='' output=''
while [ $# -gt 1 ]; do
    case $1 in
    --binaries) binaries=$2 ;;
    --output) output=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ $# = 0 ] && [ -n "$output" ] || usage
umask 022
source=$(cd "$(dirname "$0")/.." && pwd)
[ -n "$binaries" ] || binaries=$("$source/packaging/build.sh")
mkdir -p "$output"
output=$(cd "$output" && pwd)
epoch=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct)}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
# Who asks for an interpreter runs with this kind of C library only.
linked=static
! objdump -p "$binaries/helperd" | grep -q '^ *NEEDED' || linked=gnu
name=credential-helper-$version-$(uname -m)-linux-$linked
"$source/packaging/stage.sh" --binaries "$binaries" --output "$work/$name"
strip --strip-unneeded "$work/$name/bin/helper" "$work/$name/libexec/credential-helper/helperd"
install -m 644 "$source/packaging/INSTALL" "$work/$name/share/doc/credential-helper/INSTALL"
tar -C "$work" --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner \
    --mode=go-w -cf - "$name" | gzip -n >"$output/$name.tar.gz"
echo "$output/$name.tar.gz"
