"""A fresh Debian to install packages into: made by debootstrap once, kept in ``target/packages``, and
covered by a layer in memory that takes what is written and goes with the test."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile

from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "target/packages"
# Beside the smallest Debian: socket activation, the reader of manual pages, what loads bash's completions,
# Python's keyring; and readers of the Homebrew formula and the Nix expression.
EXTRA = ["systemd", "mandoc", "bash-completion", "python3-keyring", "ruby", "nix-bin"]
# What was installed into it, noted when it was done.
NOTE = "extra-packages"
# Nobody needs this system after a crash.
FAST = "force-unsafe-io\n"
QUIET = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_OFFLINE": "1",
}


def missing(quick: bool) -> Optional[str]:
    """Why there can be no such system here; None if there can be. `quick` where nothing may be fetched."""
    if os.geteuid() != 0:
        return "it needs root"
    for program in ("debootstrap", "apt-get", "chroot", "unshare"):
        if not shutil.which(program):
            return f"there is no {program}"
    mounting = ["unshare", "-m", "-p", "-f", "mount", "-t", "tmpfs", "none", "/mnt"]
    if subprocess.run(mounting, capture_output=True, check=False).returncode:
        return "nothing can be mounted"
    HERE.mkdir(parents=True, exist_ok=True)
    # debootstrap makes /dev/null, which many containers forbid.
    with tempfile.TemporaryDirectory(dir=HERE) as folder:
        try:
            os.mknod(f"{folder}/null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            open(f"{folder}/null", "rb").close()
        except OSError:
            return "no device files can be made"
    if quick and not _complete(HERE / _release()[0]):
        return "there is no fresh system yet: run tests/run without --quick"
    return None


def _release() -> tuple[str, str]:
    """This machine's release of Debian, and where apt gets it from."""
    targets = ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    described = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    own = described.get("VERSION_CODENAME", "").strip('"')
    for line in subprocess.check_output(targets, text=True).splitlines():
        codename, component, mirror = line.split()
        if (codename, component) == (own, "main"):
            return codename, mirror
    sys.exit("apt's sources do not name this machine's own release of Debian")


def _complete(system: Path) -> bool:
    note = system / NOTE
    return note.is_file() and note.read_text(encoding="utf-8") == " ".join(EXTRA)


def base() -> Path:
    """The system as it was made; whatever is broken off is made again."""
    codename, mirror = _release()
    made = HERE / codename
    if _complete(made):
        return made
    shutil.rmtree(made, ignore_errors=True)
    new = HERE / f"{codename}.new"
    shutil.rmtree(new, ignore_errors=True)
    (new / "etc/dpkg/dpkg.cfg.d").mkdir(parents=True)
    (new / "etc/dpkg/dpkg.cfg.d/fast").write_text(FAST)
    _quiet(["debootstrap", "--variant=minbase", codename, str(new), mirror])
    # It would start what it installs.
    (new / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
    (new / "usr/sbin/policy-rc.d").chmod(0o755)
    inside = ["unshare", "-m", "-p", "-f", "chroot", str(new)]
    _quiet([*inside, "apt-get", "update", "-q"])
    _quiet([*inside, "apt-get", "install", "-q", "-y", "--no-install-recommends", *EXTRA])
    _quiet([*inside, "apt-get", "clean"])
    shutil.rmtree(new / "var/lib/apt/lists")
    (new / NOTE).write_text(" ".join(EXTRA), encoding="utf-8")
    new.rename(made)
    return made


def _quiet(command: list[str]) -> None:
    ended = subprocess.run(command, env=QUIET, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode:
        # The mirror is this machine's affair.
        last = [line for line in ended.stdout.splitlines() if "://" not in line][-15:]
        sys.exit("\n".join([*last, f"{command[0]} failed ({ended.returncode})"]))
