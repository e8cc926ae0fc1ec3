"""Starting an agent: by one of many clients at once, with an environment that holds none of the
caller's credentials (``protocol/SPECIFICATION.md``, "Starting an agent")."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Optional

from . import client, context, place

# In seconds: how long a client waits for the agent that it starts.
START_TIME = 3.0
# Waiting for a lock has no time limit of its own.
LOCK_PAUSE = 0.01


class NotStarted(Exception):
    """No agent could be started: the work may be done without one."""


def start(where: place.Place, helperd: Path) -> socket.socket:
    """Starts the agent of this place, or connects to the one that another client started meanwhile."""
    deadline = time.monotonic() + START_TIME
    lock = _lock(where, deadline)
    try:
        try:
            return client.connect(where.socket, START_TIME)
        except client.NoAgent:
            _run(where, helperd, deadline)
        return client.connect(where.socket, START_TIME)
    except (OSError, client.NoAgent) as error:
        raise NotStarted(f"could not start {helperd}: {error}") from None
    finally:
        os.close(lock)


def _lock(where: place.Place, deadline: float) -> int:
    try:
        folder = _folder(where)
        try:
            flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = os.open("start.lock", flags, 0o600, dir_fd=folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise NotStarted(f"could not use the folder of {where.socket}: {error.strerror}") from None
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except OSError as error:
            if isinstance(error, BlockingIOError) and time.monotonic() < deadline:
                time.sleep(LOCK_PAUSE)
                continue
            os.close(lock)
            raise NotStarted("another client is starting an agent and does not finish") from None


def _folder(where: place.Place) -> int:
    """The socket's folder, made where it is missing; opened and checked, whoever made it."""
    path = where.socket.parent
    missing = [path]
    while where.deep and not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for part in reversed(missing):
        try:
            os.mkdir(part, 0o700)
        except FileExistsError:
            pass
    folder = place.open_folder(path)
    if place.judge(folder, where.socket.name, False) == "ours":
        return folder
    os.close(folder)
    raise PermissionError(1, "it is not ours alone")


def environment(where: place.Place) -> dict[str, str]:
    """What the agent inherits: not the variables that belong to requests, nor our own switches."""
    found = {
        name: value
        for name, value in os.environ.items()
        if name not in (context.KEYRING_ENABLED, place.NO_AGENT) and not context.VARIABLES.fullmatch(name)
    }
    found[place.SOCKET] = str(where.socket)
    # A relative folder would mean another one in `/`.
    settings = found.get(context.CONFIG_DIR)
    if settings:
        found[context.CONFIG_DIR] = os.path.abspath(settings)
    return found


def _run(where: place.Place, helperd: Path, deadline: float) -> None:
    # Through a shell that ends at once: the agent, which outlives us, is no child of this program,
    # which may wait for its children.
    command = ["/bin/sh", "-c", '"$0" agent run --detached &', str(helperd)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=environment(where),
    ) as shell:
        assert shell.stdout is not None
        said = _line(shell.stdout.fileno(), deadline)
    if said is None:
        raise NotStarted(f"{helperd} was not ready in time")
    if said != "ready":
        reason = said.partition("error: ")[2] or said or "it ended without a word"
        raise NotStarted(f"could not start {helperd}: {reason}")


def _line(descriptor: int, deadline: float) -> Optional[str]:
    """The first line, without its end; empty if the other side closes before."""
    line = bytearray()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    while b"\n" not in line and len(line) < 4096:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            return None
        part = os.read(descriptor, 512)
        if not part:
            break
        line += part
    return bytes(line).partition(b"\n")[0].decode("utf-8", "replace")
