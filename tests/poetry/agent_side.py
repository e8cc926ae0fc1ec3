"""Asks the agent, over its socket: Varlink, JSON messages each ended by a NUL byte."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess

from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Optional

from case import Answer
from case import Case
from case import variable_names

INTERFACE = "io.credentialhelper.Agent1"
READY_SECONDS = 20
REPLY_SECONDS = 30
# What a client sends of its environment.
ALLOWED = re.compile(
    r"POETRY_HTTP_BASIC_(.+)_(?:USERNAME|PASSWORD)"
    r"|POETRY_PYPI_TOKEN_(.+)"
    r"|POETRY_REPOSITORIES_(.+)_URL"
    r"|UV_INDEX_(.+)_(?:USERNAME|PASSWORD)"
)


class Client:
    """One connection to an agent."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(REPLY_SECONDS)
        self.socket.connect(str(path))

    def call(self, method: str, parameters: dict) -> dict:
        """One call and its reply; an error of the interface is a reply with `error`."""
        message = {"method": f"{INTERFACE}.{method}", "parameters": parameters}
        self.socket.sendall(json.dumps(message).encode() + b"\0")
        data = bytearray()
        while not data.endswith(b"\0"):
            part = self.socket.recv(65536)
            if not part:
                raise RuntimeError(f"the agent closed the connection during {method}")
            data += part
        return json.loads(bytes(data[:-1]))


class Places:
    """The folders that the agent was started with."""

    def __init__(self, folder: Path) -> None:
        self.settings = folder / "settings"
        self.state = folder / "state" / "credential-helper"
        for path in (self.settings, self.state):
            path.mkdir(parents=True, exist_ok=True, mode=0o700)


def ask(client: Client, case: Case, folder: Path, places: Places, bus: str) -> Answer:
    """The agent's answer to a case whose files stand in `folder`."""
    question: dict[str, Any] = {"operation": case.operation if case.kind == "name" else "read"}
    if case.kind in ("name", "source"):
        question["name"] = case.name
    if case.url:
        question["url"] = case.url
    question["context"] = context(case, folder, places, bus)
    reply = client.call("Get", {"question": question})
    error = reply.get("error")
    if error:
        return _failure(error)
    found = reply["parameters"]["credential"]
    return Answer(found.get("username") or None, found.get("password") or None)


def context(case: Case, folder: Path, places: Places, bus: str) -> dict:
    """What a client sends of itself: its folders, and the variables that concern the question."""
    sent = {
        "folder": str(folder / "project"),
        "poetry": str(folder / "poetry"),
        "uv": str(folder / "uv-config"),
        "uv_store": str(folder / "uv"),
        "settings": str(places.settings),
        "state": str(places.state),
        "bus": bus,
        "variables": {k: v for k, v in case.env.items() if _concerns(case, k)},
    }
    if "POETRY_KEYRING_ENABLED" in case.env:
        sent["keyring_enabled"] = case.env["POETRY_KEYRING_ENABLED"]
    return sent


def _concerns(case: Case, variable: str) -> bool:
    found = ALLOWED.fullmatch(variable)
    if not found:
        return False
    part = next(group for group in found.groups() if group)
    return bool(case.url) or part in variable_names(case.name)


def _failure(error: str) -> Answer:
    word = re.sub(r"(?<!^)(?=[A-Z])", "-", error.removeprefix(INTERFACE + ".")).lower()
    if word == "not-found":
        return Answer()
    # A value is refused where it is met first: in the message, or by what reads it.
    return Answer(error="refused" if word in ("usage", "malformed") else word)


class Agent:
    """A real agent of our own, in the foreground, on a private bus."""

    def __init__(self, helperd: Path, folder: Path, environment: dict) -> None:
        self.helperd, self.folder = helperd, folder
        self.path = folder / "socket" / "agent.sock"
        self.path.parent.mkdir(mode=0o700)
        self.environment = {
            **environment,
            "CREDENTIAL_HELPER_SOCKET": str(self.path),
            "CREDENTIAL_HELPER_CONFIG_DIR": str(folder / "settings"),
            "XDG_STATE_HOME": str(folder / "state"),
        }
        self.process: Optional[subprocess.Popen] = None

    def __enter__(self) -> Agent:
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.settimeout(READY_SECONDS)
        notify = self.folder / "notify"
        ready.bind(str(notify))
        self.log = (self.folder / "agent.log").open("wb")
        self.process = subprocess.Popen(
            [str(self.helperd), "agent", "run"],
            env={**self.environment, "NOTIFY_SOCKET": str(notify)},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        try:
            while b"READY=1" not in ready.recv(4096):
                pass
        except socket.timeout as error:
            self.__exit__(None, None, None)
            log = (self.folder / "agent.log").read_text(errors="replace")
            raise RuntimeError(f"the agent was not ready in time: {log}") from error
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self.process and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            self.process.wait(READY_SECONDS)
