#!/bin/sh
# Lays out what every package holds, as below a prefix such as /usr: the two programs, the bridges in a
# folder of their own, manual pages, completions, units, documents, licences.
#
#   packaging/stage.sh --binaries DIR --output PREFIX [--helperd PATH]
#
# DIR has `helper` and `helperd` (packaging/build.sh prints where it has put them). PATH is where the units
# will find helperd; without it below ~/.local. Needs Python and cargo, for the licences of what is linked.
set -eu
usage() {
    echo "usage: packaging/stage.sh --binaries DIR --output PREFIX [--helperd PATH]" >&2
    exit 2
}
binaries='' output='' helperd='%h/.local/libexec/credential-helper/helperd'
while [ $# -gt 1 ]; do
    case $1 in
    --binaries) binaries=$2 ;;
    --output) output=$2 ;;
    --helperd) helperd=$2 ;;
    *) usage ;;
    esac
    shift 2
done
[ $# = 0 ] && [ -n "$binaries" ] && [ -n "$output" ] || usage
umask 022
source=$(cd "$(dirname "$0")/.." && pwd)
binaries=$(cd "$binaries" && pwd)
mkdir -p "$output"
cd "$output"

mkdir -p bin libexec/credential-helper lib/credential-helper/bridges
install -m 755 "$binaries/helper" bin/helper
install -m 755 "$binaries/helperd" libexec/credential-helper/helperd
own=libexec/credential-helper/helperd
# Beside the PATH: a `keyring` there would stand before Python's own without anybody's consent.
"$own" bridge --help | sed -n '/^Arguments:/,/^Options:/s/^ *- \([a-z-]*\):.*/\1/p' |
    while read -r name; do
        ln -sf ../../../bin/helper "lib/credential-helper/bridges/$name"
    done
[ -L lib/credential-helper/bridges/keyring ] || {
    echo "packaging/stage.sh: $binaries/helperd does not name its bridges" >&2
    exit 1
}

"$own" man --dir share/man/man1
gzip -9nf share/man/man1/*.1
mkdir -p share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d
"$own" completions bash >share/bash-completion/completions/helper
"$own" completions zsh >share/zsh/site-functions/_helper
"$own" completions fish >share/fish/vendor_completions.d/helper.fish

mkdir -p share/systemd/user
install -m 644 "$source/packaging/systemd/credential-helper.socket" share/systemd/user/
sed -e "s|^ExecStart=.*|ExecStart=$helperd agent run|" -e '1,/^\[Unit\]/{/^#/d}' \
    "$source/packaging/systemd/credential-helper.service" >share/systemd/user/credential-helper.service

documents=share/doc/credential-helper
mkdir -p "$documents/docs" "$documents/protocol" "$documents/examples"
install -m 644 "$source/README.md" "$source/CHANGELOG.md" "$source/LICENSE-APACHE" "$source/LICENSE-MIT" "$documents/"
install -m 644 "$source"/docs/*.md "$documents/docs/"
install -m 644 "$source/protocol/SPECIFICATION.md" "$documents/protocol/"
install -m 644 "$source/packaging/systemd/no-commands.conf" \
    "$source"/packaging/launchd/*.plist "$documents/examples/"
python3 "$source/packaging/licences.py" >"$documents/LICENSES-OF-DEPENDENCIES"
