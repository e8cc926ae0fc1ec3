"""A client of the agent's socket: the standard library only.

The rules are those of ``protocol/SPECIFICATION.md``; its vectors test both sides.
"""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import struct
import sys
import time
from pathlib import Path
from typing import Any, Mapping, Optional

INTERFACE = "io.credentialhelper.Agent1"
REPLY_LIMIT = 1024 * 1024


class NoAgent(Exception):
    """Nobody listens: the caller may run ``helper get --json`` instead, which starts an agent."""


class AgentError(Exception):
    """An error of the closed list; only ``NotFound`` lets a caller go on to another place."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        self.name = name.rpartition(".")[2]
        self.hint: Optional[str] = parameters.get("hint")
        super().__init__(parameters.get("message") or self.name)


def candidates(environment: Mapping[str, str], platform: str, uid: int, hostname: str) -> list[Path]:
    """Where the socket may be, in order ("Addresses")."""

    def folder(name: str) -> Optional[Path]:
        value = environment.get(name, "")
        return Path(value) if value.startswith("/") else None

    name = "credential-helper"
    found: list[Path] = []
    if given := folder("CREDENTIAL_HELPER_SOCKET"):
        found.append(given)
    if runtime := folder("XDG_RUNTIME_DIR"):
        found.append(runtime / name / "agent.sock")
    home, macos = folder("HOME"), platform == "macos"
    if not macos:
        found.append(Path(f"/run/user/{uid}") / name / "agent.sock")
    state = None if macos else folder("XDG_STATE_HOME")
    if state is None and home is not None:
        state = home / ("Library/Application Support" if macos else ".local/state")
    if state is not None:
        machine = re.sub(r"[^A-Za-z0-9._-]", "_", hostname) or "localhost"
        found.append(state / name / f"run-{machine}" / "agent.sock")
    temporary = folder("TMPDIR")
    if macos and temporary is not None:
        found.append(temporary / name / "agent.sock")
    return list(dict.fromkeys(found))


def connect(path: Path, timeout: float = 5.0) -> socket.socket:
    """Connects to the agent, and checks its folder and its user before a byte is sent."""
    try:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        folder = os.open(path.parent, flags)
    except OSError as error:
        raise NoAgent(f"the folder of {path} cannot be opened: {error.strerror}") from None
    connection = socket.socket(socket.AF_UNIX)
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise NoAgent(f"the folder of {path} is not ours alone")
        connection.settimeout(timeout)
        long = len(os.fsencode(path)) > 103 and sys.platform == "linux"
        connection.connect(f"/proc/self/fd/{folder}/{path.name}" if long else str(path))
        if sys.platform == "linux":
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            if struct.unpack("3i", credentials)[1] != os.geteuid():
                raise NoAgent(f"the agent at {path} is another user's")
        return connection
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NoAgent(f"no agent listens at {path}") from None
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(folder)


def call(connection: socket.socket, method: str, parameters: Mapping[str, Any], timeout: float = 5.0) -> Any:
    """Sends one call and waits for its reply."""
    whole = method if "." in method else f"{INTERFACE}.{method}"
    deadline = time.monotonic() + timeout
    connection.settimeout(timeout)
    connection.sendall(json.dumps({"method": whole, "parameters": parameters}).encode() + b"\0")
    received = bytearray()
    while not received.endswith(b"\0"):
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        part = connection.recv(65536)
        if not part or len(received) + len(part) > REPLY_LIMIT:
            raise ConnectionError("the agent closed without a reply, or its reply is too long")
        received += part
    try:
        reply = json.loads(received[:-1])
        error, answer = reply.get("error"), reply.get("parameters") or {}
    except (ValueError, AttributeError):
        raise ConnectionError("the agent's reply could not be understood") from None
    if error:
        raise AgentError(error, answer)
    return answer
