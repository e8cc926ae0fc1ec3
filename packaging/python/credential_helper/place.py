"""Where the agent's socket is, and whether its folder may be trusted.

The rules are those of ``protocol/SPECIFICATION.md``, "Addresses". Loaded whenever ``keyring``
chooses a backend, so it imports nothing that takes time.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from pathlib import Path
from typing import Mapping, NamedTuple, Optional

OWN = "credential-helper"
SOCKET = "CREDENTIAL_HELPER_SOCKET"
NO_AGENT = "CREDENTIAL_HELPER_NO_AGENT"
PLATFORM = "macos" if sys.platform == "darwin" else "linux"
FOLDER = getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Place(NamedTuple):
    """The place that holds."""

    socket: Path
    # A socket mounted from elsewhere: it is told nothing of this process, and none is started.
    foreign: bool
    # Below the state folder all that is missing may be made, elsewhere the socket's folder alone.
    deep: bool


def surroundings() -> dict[str, str]:
    """The environment of this process, with the user's home where it says none."""
    found = dict(os.environ)
    if sys.platform != "win32" and not found.get("HOME"):
        import pwd

        try:
            found["HOME"] = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            pass
    return found


def folder(environment: Mapping[str, str], name: str) -> Optional[Path]:
    """A folder that a variable names; a relative one counts as unset."""
    value = environment.get(name, "")
    return Path(value) if value.startswith("/") else None


def state_folder(environment: Mapping[str, str], platform: str) -> Optional[Path]:
    """The folder of ``trust.toml``, and of the socket where there is no runtime folder."""
    base = None if platform == "macos" else folder(environment, "XDG_STATE_HOME")
    user = folder(environment, "HOME")
    if base is None and user is not None:
        base = user / ("Library/Application Support" if platform == "macos" else ".local/state")
    return None if base is None else base / OWN


def candidates(environment: Mapping[str, str], platform: str, uid: int, hostname: str) -> list[Path]:
    """Where the socket may be, in order."""
    found: list[Path] = []
    if given := folder(environment, SOCKET):
        found.append(given)
    if runtime := folder(environment, "XDG_RUNTIME_DIR"):
        found.append(runtime / OWN / "agent.sock")
    if platform != "macos":
        found.append(Path(f"/run/user/{uid}") / OWN / "agent.sock")
    if state := state_folder(environment, platform):
        machine = re.sub(r"[^A-Za-z0-9._-]", "_", hostname) or "localhost"
        found.append(state / f"run-{machine}" / "agent.sock")
    if platform == "macos" and (temporary := folder(environment, "TMPDIR")):
        found.append(temporary / OWN / "agent.sock")
    return list(dict.fromkeys(found))


def open_folder(path: Path) -> int:
    """A descriptor of the socket's folder; a link in its last part is not followed."""
    try:
        return os.open(path, os.O_RDONLY | FOLDER)
    except PermissionError:
        # A folder that may be passed through but not listed, as those of mounted sockets are.
        if not hasattr(os, "O_PATH"):
            raise
        return os.open(path, os.O_PATH | FOLDER)


def judge(descriptor: int, name: str, given: bool) -> Optional[str]:
    """Whose folder it is: ``ours``, ``foreign`` (mounted), or ``None`` where it is not to be used."""
    found, uid = os.fstat(descriptor), os.geteuid()
    if found.st_uid != uid:
        return "foreign" if given else None
    if not stat.S_IMODE(found.st_mode) & 0o077:
        return "ours"
    if not given:
        return None
    # Root in a container, with only the socket mounted: the folder is an ordinary one of its own.
    try:
        owner = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid
    except OSError:
        return None
    return None if owner == uid else "foreign"


def find() -> Optional[Place]:
    """The first place that is ours, can be made ours, or is mounted from elsewhere."""
    around = surroundings()
    given, state = folder(around, SOCKET), state_folder(around, PLATFORM)
    for socket in candidates(around, PLATFORM, os.geteuid(), os.uname().nodename):
        deep = state is not None and state in socket.parents and socket != given
        try:
            descriptor = open_folder(socket.parent)
        except OSError as error:
            if error.errno == errno.ENOENT and _may_make(socket.parent, deep, socket == given):
                return Place(socket, False, deep)
            continue
        try:
            whose = judge(descriptor, socket.name, socket == given)
        finally:
            os.close(descriptor)
        if whose:
            return Place(socket, whose == "foreign", deep)
    return None


def _may_make(path: Path, deep: bool, given: bool) -> bool:
    """A runtime folder that the system has not made is not faked, and root leaves the folders of
    other users alone."""
    for above in path.parents:
        if above.exists():
            others = os.geteuid() == 0 and above.stat().st_uid != 0
            return os.access(above, os.W_OK | os.X_OK) and (given or not others)
        if not deep:
            return False
    return False
