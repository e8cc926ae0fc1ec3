"""A client of the agent's socket: the standard library only.

The rules are those of ``protocol/SPECIFICATION.md``; its vectors test both sides.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

from . import place

INTERFACE = "io.credentialhelper.Agent1"
# In bytes, with the NUL.
CALL_LIMIT = 64 * 1024
REPLY_LIMIT = 1024 * 1024
# What `sun_path` holds besides its last NUL.
LONGEST_PATH = 107 if sys.platform == "linux" else 103
# In seconds: to finish a message that was begun.
MESSAGE_TIME = 5.0


class NoAgent(Exception):
    """Nobody listens: an agent may be started."""


class Gone(ConnectionError):
    """The agent went away before it replied: a call that only reads may be repeated."""


class AgentError(Exception):
    """An error of the closed list; only ``NotFound`` lets a caller go on to another place."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        self.name = name.rpartition(".")[2]
        self.hint = _text(parameters.get("hint"))
        super().__init__(_text(parameters.get("message")) or self.name)


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None


def connect(path: Path, timeout: float = 5.0) -> socket.socket:
    """Connects to the agent, and checks its folder and its user before a byte is sent."""
    try:
        folder = place.open_folder(path.parent)
    except OSError as error:
        raise NoAgent(f"the folder of {path} cannot be opened: {error.strerror}") from None
    connection = socket.socket(socket.AF_UNIX)
    try:
        given = str(path) == os.environ.get(place.SOCKET)
        whose = place.judge(folder, path.name, given)
        if whose is None:
            raise NoAgent(f"the folder of {path} is not ours alone")
        # A non-blocking connect would fail at once where the agent's queue is full.
        seconds = struct.pack("@ll", int(timeout), int(timeout % 1 * 1_000_000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
        connection.connect(_address(path, folder))
        owner = os.geteuid()
        if whose == "foreign":
            owner = os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_uid
        if _server(connection) != owner:
            raise PermissionError(f"the agent at {path} is another user's")
        connection.settimeout(timeout)
        return connection
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise NoAgent(f"no agent listens at {path}") from None
    except BlockingIOError:
        connection.close()
        raise socket.timeout(f"the agent at {path} does not take connections") from None
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(folder)


def _address(path: Path, folder: int) -> str:
    # The descriptor's path is short whatever the folder's own is.
    long = len(os.fsencode(path)) > LONGEST_PATH and sys.platform == "linux"
    return f"/proc/self/fd/{folder}/{path.name}" if long else str(path)


def _server(connection: socket.socket) -> int:
    """The user at the other end, as the kernel tells it."""
    if sys.platform == "linux":
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        return int(struct.unpack("3i", told)[1])
    # LOCAL_PEERCRED of SOL_LOCAL: a `struct xucred`, which begins with its version and the user.
    return int(struct.unpack("2I", connection.getsockopt(0, 1, 76)[:8])[1])


def call(
    connection: socket.socket,
    method: str,
    parameters: Mapping[str, Any],
    timeout: float = 5.0,
    silence: Optional[float] = None,
    alive: Optional[Callable[[], bool]] = None,
) -> Any:
    """Sends one call and waits for its reply.

    After each ``silence`` without a word the wait goes on only if ``alive`` says so.
    """
    whole = method if "." in method else f"{INTERFACE}.{method}"
    message = json.dumps({"method": whole, "parameters": parameters}).encode() + b"\0"
    if len(message) > CALL_LIMIT:
        raise AgentError("Usage", {"message": f"the call {method} is longer than the agent accepts"})
    try:
        return _reply(_exchange(connection, message, timeout, silence or timeout, alive))
    except (BrokenPipeError, ConnectionResetError):
        raise Gone("the agent closed without a reply") from None


def _exchange(
    connection: socket.socket,
    message: bytes,
    timeout: float,
    silence: float,
    alive: Optional[Callable[[], bool]],
) -> bytes:
    deadline = time.monotonic() + timeout
    connection.settimeout(min(timeout, MESSAGE_TIME))
    connection.sendall(message)
    received = bytearray()
    while not received.endswith(b"\0"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("the agent did not reply in time")
        connection.settimeout(min(left, silence))
        try:
            part = connection.recv(65536)
        except socket.timeout:
            if received or alive is None or not alive():
                raise socket.timeout("the agent did not reply in time") from None
            continue
        if not part and not received:
            raise Gone("the agent closed without a reply")
        if not received:
            deadline = min(deadline, time.monotonic() + MESSAGE_TIME)
        received += part
        if not part or len(received) > REPLY_LIMIT:
            raise ConnectionError("the agent's reply is incomplete or too long")
    return bytes(received[:-1])


def _reply(message: bytes) -> Any:
    # The parser's own words are not passed on: they quote what they read.
    try:
        reply = json.loads(message)
        error, answer = reply.get("error"), reply.get("parameters") or {}
    except (ValueError, AttributeError, RecursionError):
        raise ConnectionError("the agent's reply could not be understood") from None
    if not isinstance(answer, dict) or not isinstance(error, (str, type(None))):
        raise ConnectionError("the agent's reply could not be understood")
    if error:
        raise AgentError(error, answer)
    return answer
