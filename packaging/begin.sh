# How a script that packs what stage.sh lays out begins: read by deb.sh and tarball.sh, with what is left of
# their arguments.
#
# Reads `[--binaries DIR] --output DIR`; without --binaries builds what packages hold (build.sh). Sets, beside
# `binaries` and `output`: `source` (the project), `packaging`, `released` (its version), SOURCE_DATE_EPOCH
# (by default the time of the last commit, so that the same sources give the same bytes), and `work`, a folder
# that goes when the script ends. `called` is how the script is used.
usage() {
    echo "usage: $called" >&2
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
packaging=$source/packaging
[ -n "$binaries" ] || binaries=$("$packaging/build.sh")
mkdir -p "$output"
output=$(cd "$output" && pwd)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
released=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
