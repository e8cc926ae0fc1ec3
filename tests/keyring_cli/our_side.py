"""Our keyring, beside an agent of straw that holds what `store` holds and writes down what it is
asked: so both sides answer from the same entries."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import threading

from pathlib import Path
from types import TracebackType
from typing import Any
from typing import Optional

import store

from python_side import Ended
from store import Asked

INTERFACE = "io.credentialhelper.Agent1"
SECONDS = 60


class Agent:
    """Listens on a socket of its own; one thread a connection."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.path = folder / "agent.sock"
        self.asked: list[Asked] = []
        agent = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                data = bytearray()
                while part := self.connection.recv(65536):
                    data += part
                    if data.endswith(b"\0"):
                        reply = agent.reply(json.loads(bytes(data[:-1])))
                        self.connection.sendall(json.dumps(reply).encode() + b"\0")
                        data.clear()

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(str(self.path), Handler)

    def __enter__(self) -> Agent:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reply(self, call: dict[str, Any]) -> dict[str, Any]:
        method = call["method"].removeprefix(INTERFACE + ".")
        parameters = call["parameters"]
        if method == "Get":
            return self._get(parameters["question"])
        if method in ("Set", "Delete"):
            return self._change(method, parameters)
        return {"error": f"{INTERFACE}.Internal", "parameters": {"message": method}}

    def _get(self, question: dict[str, Any]) -> dict[str, Any]:
        service, username = question["service"], question.get("username")
        self.asked.append(Asked("get", service, username))
        found = store.find(service, username)
        if not found:
            return _not_found()
        credential = {"username": found[0], "password": found[1], "provider": "straw"}
        return {"parameters": {"credential": credential}}

    def _change(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        service, username = parameters["service"], parameters.get("username")
        what = "set" if method == "Set" else "del"
        self.asked.append(Asked(what, service, username, parameters.get("secret")))
        if method == "Delete" and not store.find(service, username):
            return _not_found()
        place = {"provider": "straw", "location": "straw"}
        return {"parameters": {"changed": {"stored": [place], "removed": [place]}}}


def _not_found() -> dict[str, Any]:
    return {"error": f"{INTERFACE}.NotFound", "parameters": {"message": "nothing there"}}


class Program:
    """`keyring` as a link to `helper`, in a home of its own."""

    def __init__(self, helper: Path, folder: Path, agent: Agent) -> None:
        self.agent, self.folder = agent, folder
        self.link = folder / "bin" / "keyring"
        self.link.parent.mkdir()
        self.link.symlink_to(helper)
        (folder / "home").mkdir()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "LANG": "C.UTF-8",
            "CREDENTIAL_HELPER_SOCKET": str(agent.path),
        }

    def run(self, arguments: list[str], given: str) -> Ended:
        self.agent.asked.clear()
        done = subprocess.run(
            [os.fsencode(self.link), *map(os.fsencode, arguments)],
            input=given.encode(),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        out = done.stdout.decode()
        return Ended(done.returncode, out, not done.stderr, list(self.agent.asked))
