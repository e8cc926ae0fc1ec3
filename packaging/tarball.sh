#!/bin/sh
# Packs what stage.sh lays out, to be unpacked below any prefix, and prints the path of the archive.
#
#   packaging/tarball.sh [--binaries DIR] --output DIR
#
# Without --binaries, builds what packages hold (packaging/build.sh). The same sources give the same bytes
# (SOURCE_DATE_EPOCH: by default the time of the last commit). Needs GNU tar.
set -eu
called='packaging/tarball.sh [--binaries DIR] --output DIR'
. "$(dirname "$0")/begin.sh"
# Who asks for an interpreter runs with this kind of C library only.
linked=static
! objdump -p "$binaries/helperd" | grep -q '^ *NEEDED' || linked=gnu
name=credential-helper-$released-$(uname -m)-linux-$linked
"$packaging/stage.sh" --binaries "$binaries" --output "$work/$name"
strip --strip-unneeded "$work/$name/bin/helper" "$work/$name/libexec/credential-helper/helperd"
install -m 644 "$packaging/INSTALL" "$work/$name/share/doc/credential-helper/INSTALL"
tar -C "$work" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=go-w -cf - "$name" | gzip -n >"$output/$name.tar.gz"
echo "$output/$name.tar.gz"
