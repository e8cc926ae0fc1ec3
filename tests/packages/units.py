"""systemd's units without systemd: what they say, the socket that it would pass, the calls it would forbid."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno
import os
import re
import socket
import subprocess
import sys

from pathlib import Path
from typing import Any
from typing import Callable
from typing import Sequence

from support import VARIABLES
from support import Installation

# linux/prctl.h, asm/unistd.h; what seccomp.h calls SCMP_ACT_ALLOW, SCMP_CMP_NE and SCMP_CMP_MASKED_EQ.
PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE = 65
ALLOW = 0x7FFF0000
NOT_EQUAL = 1
MASKED_EQUAL = 7
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


def value(unit: str, key: str) -> str:
    """The last value of a key; an assignment of nothing forgets those before it."""
    found = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    return found[-1] if found else ""


def activated(
    user: Installation, path: str, command: Sequence[str], also: Callable[[], None] = lambda: None
) -> None:
    """The command of the service, behind a socket that is there before it: used, also as somebody says, and ended."""
    user.run("mkdir", "-p", "-m", "700", os.path.dirname(path))
    kept = [part for name in ("HOME", "XDG_RUNTIME_DIR") for part in ("-E", name)]
    manager = subprocess.Popen(
        user.command("systemd-socket-activate", "-l", path, *kept, *command), stderr=subprocess.PIPE, text=True
    )
    try:
        assert manager.stderr is not None
        while not (said := manager.stderr.readline()).startswith("Listening on"):
            assert said, "systemd-socket-activate ended"
        # The first connection starts it.
        status = user.agent()
        assert status["started_by"] == "activation" and status["idle_exit_s"] is None, status
        got = user.run(f"{user.prefix}/bin/helper", "get", "foo", variables=VARIABLES)
        assert got == "username=alice\npassword=hunter2\n", got
        also()
        user.run(f"{user.prefix}/bin/helper", "agent", "stop")
        assert manager.wait(60) == 0
        # The socket is the manager's.
        user.run("test", "-S", path)
    finally:
        manager.kill()
        manager.wait()
        user.run("rm", "-f", path)


class _Compare(ctypes.Structure):
    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


def calls(filters: Sequence[str]) -> set[str]:
    """The system calls that lines of SystemCallFilter= allow, by systemd's own lists of this machine."""
    listed = _lists()

    def members(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        return {call for one in listed[name] for call in members(one)}

    allowed: set[str] = set()
    for line in filters:
        found = {call for name in line.lstrip("~").split() for call in members(name)}
        allowed = allowed - found if line.startswith("~") else allowed | found
    return allowed


def _lists() -> dict[str, list[str]]:
    said = subprocess.check_output(["systemd-analyze", "syscall-filter", "--no-pager"], text=True)
    found: dict[str, list[str]] = {}
    name = ""
    for line in said.splitlines():
        if line.startswith("@"):
            name = line.strip()
            found[name] = []
        elif name and line.startswith("    ") and not line.strip().startswith("#"):
            found[name].append(line.strip())
    return found


def confine(unit: str) -> None:
    """Holds this process and its children to what the service allows, as systemd would: which calls, which
    sockets, no namespaces, and, where it says so, no memory that is written and run."""
    system = ctypes.CDLL(None, use_errno=True)
    library = ctypes.CDLL(ctypes.util.find_library("seccomp") or "libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(0x00050000 | errno.EPERM)))

    def rule(action: int, name: str, *compares: _Compare) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        # A call of another kind of machine.
        if number >= 0:
            array = (_Compare * len(compares))(*compares)
            call = library.seccomp_rule_add_array
            ended = call(context, ctypes.c_uint32(action), ctypes.c_int(number), len(compares), array)
            assert ended == 0, (name, ended)

    lines = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("SystemCallFilter=")]
    special = {"socket", "clone", "unshare", "setns", "clone3"}
    for name in sorted(calls(lines) - special):
        rule(ALLOW, name)
    for family in value(unit, "RestrictAddressFamilies").split():
        rule(ALLOW, "socket", _Compare(0, 4, getattr(socket, family), 0))
    assert value(unit, "RestrictNamespaces") == "yes"
    # Its flags stand in memory, so that systemd forbids it, and the C library takes clone.
    rule(0x00050000 | errno.ENOSYS, "clone3")
    rule(ALLOW, "clone", _Compare(0, MASKED_EQUAL, sum(NAMESPACES), 0))
    if value(unit, "MemoryDenyWriteExecute") == "yes":
        # Since Linux 6.3; systemd itself filters calls, to the same end.
        assert system.prctl(PR_SET_MDWE, 1, 0, 0, 0) in (0, -1)
    assert value(unit, "NoNewPrivileges") == "yes" and system.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert library.seccomp_load(context) == 0


def main(arguments: list[Any]) -> None:
    """UNIT[,DROP-IN] COMMAND...: becomes the command, confined."""
    units, *command = arguments
    text = "\n".join(Path(unit).read_text(encoding="utf-8") for unit in re.split(",", units))
    confine(text)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
