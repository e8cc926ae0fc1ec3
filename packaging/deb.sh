#!/bin/sh
# Builds two Debian packages, and prints their paths: `credential-helper` (the programs, bridges, manual
# pages, completions, units) and `python3-credential-helper` (the backend of Python's keyring).
#
#   packaging/deb.sh [--quick] [--binaries DIR] --output DIR
#
# Without --binaries, builds what packages hold (packaging/build.sh). With the same sources and the same
# SOURCE_DATE_EPOCH (by default the time of the last commit) the packages are the same to the byte. Needs
# dpkg-deb, binutils and what stage.sh needs; no rights. --quick, for tests, packs less tightly.
set -eu
called='packaging/deb.sh [--quick] [--binaries DIR] --output DIR'
pack=-Zxz
if [ "${1:-}" = --quick ]; then
    pack='-Zgzip -z1'
    shift
fi
. "$(dirname "$0")/begin.sh"
version=$released-1
architecture=$(dpkg --print-architecture)
maintainer="${DEBFULLNAME:-The credential-helper developers} <${DEBEMAIL:-credential-helper@users.noreply.github.com}>"

# What the programs need of the system: nothing where they are linked statically.
depends() {
    needed=$(objdump -p "$@" | sed -n 's/^ *NEEDED *//p' | sort -u)
    [ -n "$needed" ] || return 0
    libc=$(objdump -T "$@" | sed -n 's/.*(\{0,1\}GLIBC_\([0-9.]*\).*/\1/p' | sort -uV | tail -n 1)
    for library in $needed; do
        case $library in
        libc.so.* | libm.so.* | ld-linux*) ;;
        libgcc_s.so.1) printf 'libgcc-s1, ' ;;
        *) echo "packaging/deb.sh: which package has $library?" >&2 && exit 1 ;;
        esac
    done
    echo "libc6 (>= $libc)"
}

# The documents that every package has.
documents() {
    documents=$2/usr/share/doc/$1
    mkdir -p "$documents"
    mit=$(sed -e '1,/^Permission/{/^Permission/!d}' -e 's/^$/./' -e 's/^/ /' "$source/LICENSE-MIT")
    holder=$(sed -n 's/^Copyright (c) //p' "$source/LICENSE-MIT")
    while IFS= read -r line; do
        case $line in
        @mit@) printf '%s\n' "$mit" ;;
        *@copyright@*) printf '%s\n' "${line%@*@*}$holder" ;;
        *) printf '%s\n' "$line" ;;
        esac
    done <"$packaging/debian/copyright" >"$documents/copyright"
    gzip -9n <"$source/CHANGELOG.md" >"$documents/changelog.gz"
    gzip -9n >"$documents/changelog.Debian.gz" <<END
credential-helper ($version) unstable; urgency=medium

  * Version $released; what is new is in changelog.gz.

 -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")
END
}

# package NAME CONTROL ARCHITECTURE FOLDER [DEPENDS]
package() {
    tree=$4
    mkdir -p "$tree/DEBIAN"
    (cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    # In blocks of 1 KiB, each file rounded up, as the policy says.
    size=$(find "$tree/usr" -printf '%y %s\n' |
        awk '$1 == "f" { kib += int(($2 + 1023) / 1024); next } { kib++ } END { print kib }')
    sed -e "s|@version@|$version|" -e "s|@architecture@|$3|" -e "s|@maintainer@|$maintainer|" \
        -e "s|@size@|$size|" -e "s|@depends@|${5:-}|" -e '/^Depends: $/d' \
        "$packaging/debian/$2" >"$tree/DEBIAN/control"
    file=$output/$1_${version}_$3.deb
    # shellcheck disable=SC2086
    dpkg-deb --root-owner-group $pack --build "$tree" "$file" >&2
    echo "$file"
}

tree=$work/programs
"$packaging/stage.sh" --binaries "$binaries" --output "$tree/usr" \
    --helperd /usr/libexec/credential-helper/helperd
strip --strip-unneeded --remove-section=.comment "$tree/usr/bin/helper" "$tree/usr/libexec/credential-helper/helperd"
# Where Debian has them.
mkdir -p "$tree/usr/lib/systemd"
mv "$tree/usr/share/systemd/user" "$tree/usr/lib/systemd/user"
rmdir "$tree/usr/share/systemd"
mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
# The changelog and the licences have their own form here.
own=$tree/usr/share/doc/credential-helper
rm "$own/CHANGELOG.md" "$own/LICENSE-APACHE" "$own/LICENSE-MIT" "$own"/examples/*.plist
install -D -m 644 "$packaging/debian/lintian-overrides" "$tree/usr/share/lintian/overrides/credential-helper"
documents credential-helper "$tree"
package credential-helper control "$architecture" "$tree" \
    "$(depends "$tree/usr/bin/helper" "$tree/usr/libexec/credential-helper/helperd")"

tree=$work/python
modules=$tree/usr/lib/python3/dist-packages
mkdir -p "$modules/credential_helper"
install -m 644 "$packaging"/python/credential_helper/*.py "$packaging/python/credential_helper/py.typed" \
    "$modules/credential_helper/"
# What pip would write; without RECORD, so that it leaves the files to dpkg.
information=$modules/credential_helper-$released.dist-info
mkdir "$information"
project=$packaging/python/pyproject.toml
of_project() { sed -n "s/^$1 = \"\(.*\)\"/\1/p" "$project"; }
cat >"$information/METADATA" <<END
Metadata-Version: 2.1
Name: $(of_project name)
Version: $released
Summary: $(of_project description)
License: $(of_project license)
Requires-Python: $(of_project requires-python)
END
echo dpkg >"$information/INSTALLER"
sed -n -e '/^\[project\.entry-points\./,/^$/{s/.*"\(keyring.backends\)".*/[\1]/p;s/^\([^[]* = \)"\(.*\)"/\1\2/p;}' \
    "$project" >"$information/entry_points.txt"
documents python3-credential-helper "$tree"
mkdir "$tree/DEBIAN"
for script in postinst prerm; do
    install -m 755 "$packaging/debian/$script-python" "$tree/DEBIAN/$script"
done
package python3-credential-helper control-python all "$tree"
