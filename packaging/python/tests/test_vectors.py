"""Runs ``protocol/vectors/``: the addresses always, the conversations against the agent whose
socket ``CREDENTIAL_HELPER_TEST_SOCKET`` names (skipped without one)."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from credential_helper import client, place  # noqa: E402

VECTORS = Path(__file__).parents[3] / "protocol" / "vectors"
SOCKET = os.environ.get("CREDENTIAL_HELPER_TEST_SOCKET", "")
MISSING = object()
KINDS = {"$string": str, "$int": int, "$bool": bool, "$list": list}


def differences(pattern: Any, value: Any, path: str = "reply") -> list[str]:
    """What in the value does not match the pattern."""
    wrong = [f"{path} should be {pattern!r}"]
    if pattern == "$absent":
        return [] if value is MISSING or value is None else wrong
    if value is MISSING:
        return wrong
    if isinstance(pattern, str) and pattern in KINDS:
        fits = isinstance(value, KINDS[pattern]) and (pattern == "$bool" or not isinstance(value, bool))
        return [] if fits else wrong
    if not isinstance(pattern, dict):
        return [] if type(pattern) is type(value) and pattern == value else wrong
    found: list[str] = []
    for key, inner in pattern.items():
        if key == "$contains":
            found += [] if isinstance(value, str) and inner in value else wrong
        elif key == "$without":
            found += wrong if inner in json.dumps(value) else []
        elif key == "$has":
            found += [] if isinstance(value, list) and all(item in value for item in inner) else wrong
        else:
            member = value.get(key, MISSING) if isinstance(value, dict) else MISSING
            found += differences(inner, member, f"{path}.{key}")
    return found


def receive(connection: socket.socket) -> bytes | None:
    message = bytearray()
    while True:
        try:
            byte = connection.recv(1)
        except ConnectionResetError:
            return None
        if not byte:
            return None
        if byte == b"\0":
            return bytes(message)
        message += byte


class Addresses(unittest.TestCase):
    def test_candidates(self) -> None:
        rows = json.loads((VECTORS / "addresses.json").read_text(encoding="utf-8"))["addresses"]
        for row in rows:
            with self.subTest(environment=row["environment"]):
                found = place.candidates(row["environment"], row["platform"], row["uid"], row["hostname"])
                self.assertEqual([str(path) for path in found], row["candidates"])


class Client(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "agent.sock"

    def serve(self, *replies: bytes) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with listener, connection:
                for reply in replies:
                    receive(connection)
                    connection.sendall(reply)

        thread = threading.Thread(target=answer)
        thread.start()
        self.addCleanup(thread.join)

    def test_reply_and_error(self) -> None:
        self.serve(
            b'{"parameters":{"credential":{"username":"alice"}}}\0',
            b'{"error":"io.credentialhelper.Agent1.Locked","parameters":{"message":"locked","hint":"unlock"}}\0',
            b"hunter2\0",
        )
        with client.connect(self.path) as connection:
            self.assertEqual(client.call(connection, "Get", {})["credential"]["username"], "alice")
            with self.assertRaises(client.AgentError) as caught:
                client.call(connection, "Get", {})
            self.assertEqual((caught.exception.name, caught.exception.hint), ("Locked", "unlock"))
            with self.assertRaises(ConnectionError) as broken:
                client.call(connection, "Get", {})
            self.assertNotIn("hunter2", str(broken.exception))

    def test_nobody_and_an_open_folder(self) -> None:
        with self.assertRaises(client.NoAgent):
            client.connect(self.path)
        self.path.parent.chmod(0o755)
        with self.assertRaisesRegex(client.NoAgent, "not ours alone"):
            client.connect(self.path)


@unittest.skipUnless(SOCKET, "CREDENTIAL_HELPER_TEST_SOCKET names no agent")
class Conversations(unittest.TestCase):
    def test_conversations(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for path in sorted(set(VECTORS.glob("*.json")) - {VECTORS / "addresses.json"}):
                text = path.read_text(encoding="utf-8").replace("${FOLDER}", folder)
                for conversation in json.loads(text)["conversations"]:
                    with self.subTest(file=path.name, conversation=conversation["name"]):
                        self.converse(conversation["steps"])

    def converse(self, steps: list[dict[str, Any]]) -> None:
        with client.connect(Path(SOCKET), timeout=20) as connection:
            for step in steps:
                if "call" in step:
                    message = json.dumps(step["call"]).encode() + b"\0"
                else:
                    message = step["bytes"].encode() + b" " * step.get("fill", 0)
                try:
                    connection.sendall(message)
                except (BrokenPipeError, ConnectionResetError):
                    self.assertTrue(step.get("closed"))
                reply = receive(connection)
                if step.get("closed"):
                    self.assertIsNone(reply)
                    return
                assert reply is not None, "closed without a reply"
                value = json.loads(reply)
                self.assertEqual(differences(step["reply"], value), [], value)


if __name__ == "__main__":
    unittest.main()
