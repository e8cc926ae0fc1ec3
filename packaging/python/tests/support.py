"""What the tests of the backend share: an agent that answers as a test says, and programs that use
``keyring`` as an installed backend does."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any, Callable, Optional, Union
from unittest import mock

PACKAGES = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PACKAGES))

from credential_helper import ask, backend, place, program  # noqa: E402

ERRORS = "io.credentialhelper.Agent1."
# The programs, side by side.
HELPER = Path(os.environ.get("CREDENTIAL_HELPER_TEST_HELPER", PACKAGES.parents[1] / "target/debug/helper"))
# Before a test takes everything out of it.
SURROUNDINGS = dict(os.environ)
# What a program of these tests may take; none comes near it.
PATIENCE = 60
Reply = Union[bytes, "dict[str, Any]", None]


def credential(**fields: Any) -> dict[str, Any]:
    """A reply with a credential."""
    whole = {"username": "alice", "password": "hunter2", "scheme": "basic", "warnings": [], **fields}
    return {"parameters": {"credential": whole}}


def error(name: str, message: str = "told", **more: Any) -> dict[str, Any]:
    """A reply with an error."""
    return {"error": ERRORS + name, "parameters": {"message": message, **more}}


class FakeAgent:
    """Listens at a path, notes each call, and replies as it is told. ``None`` closes without a reply."""

    def __init__(self, path: Path, answer: Callable[[dict[str, Any], FakeAgent], Reply]) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []
        # Set when the test ends: who waits for it is as silent as a stopped agent.
        self.over = threading.Event()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        self.threads = [threading.Thread(target=self._accept)]
        self.threads[0].start()

    def stop(self) -> None:
        if self.listener.fileno() < 0:
            return
        self.over.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        self.listener.close()

    def methods(self) -> list[str]:
        return [call["method"].rpartition(".")[2] for call in self.calls]

    def question(self, index: int = -1) -> dict[str, Any]:
        found: dict[str, Any] = self.calls[index]["parameters"]["question"]
        return found

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._converse, args=(connection,))
            self.threads.append(thread)
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        with connection:
            try:
                while call := _receive(connection):
                    self.calls.append(call)
                    reply = self.answer(call, self)
                    if reply is None:
                        return
                    if isinstance(reply, dict):
                        reply = json.dumps(reply).encode() + b"\0"
                    connection.sendall(reply)
            except OSError:
                return


def _receive(connection: socket.socket) -> Optional[dict[str, Any]]:
    message = bytearray()
    while not message.endswith(b"\0"):
        part = connection.recv(65536)
        if not part:
            return None
        message += part
    found: dict[str, Any] = json.loads(message[:-1])
    return found


class Case(unittest.TestCase):
    """A folder of its own, surroundings without a trace of the user's, and the backend as new."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="helper-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()
        for name in ("home", "run"):
            (self.folder / name).mkdir(mode=0o700)
        self.path = self.folder / "run" / place.OWN / "agent.sock"
        self.path.parent.mkdir(mode=0o700)
        self.environment = {
            "PATH": str(self.folder / "nothing"),
            "HOME": str(self.folder / "home"),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "LANG": "C.UTF-8",
        }
        self.patch(mock.patch.dict(os.environ, self.environment, clear=True))
        self.patch(mock.patch.object(program, "find", lambda _: None))
        self.patch(mock.patch.multiple(ask, _paused_until=0.0, _tried_to_start=False))
        backend._warned.clear()
        # Without a handler warnings are printed.
        quiet = logging.NullHandler()
        backend.log.addHandler(quiet)
        self.addCleanup(backend.log.removeHandler, quiet)
        self.keyring = backend.Keyring()  # type: ignore[no-untyped-call]

    def patch(self, patcher: Any) -> None:
        patcher.start()
        self.addCleanup(patcher.stop)

    def agent(self, answer: Union[Reply, Callable[[dict[str, Any], FakeAgent], Reply]]) -> FakeAgent:
        """A fake agent that always replies so."""
        found = FakeAgent(self.path, answer if callable(answer) else lambda _call, _agent: answer)
        self.addCleanup(found.stop)
        return found


def install(site: Path) -> None:
    """What pip puts into ``site-packages``, but for the programs."""
    (site / "credential_helper").symlink_to(PACKAGES / "credential_helper")
    add_backend(site, "credential-helper", "credential_helper.backend")


def add_backend(site: Path, name: str, module: str, text: str = "") -> None:
    """Another package with a backend."""
    information = site / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (information / "entry_points.txt").write_text(f"[keyring.backends]\n{name} = {module}\n", encoding="utf-8")
    if text:
        (site / f"{module}.py").write_text(text, encoding="utf-8")


def run(site: Path, environment: dict[str, str], *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs this Python with ``site`` among its packages."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONDONTWRITEBYTECODE": "1", **environment, "PYTHONPATH": str(site)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        **options,
    )
