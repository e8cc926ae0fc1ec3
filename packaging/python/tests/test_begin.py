"""Starting an agent, with programs that do not become one; ``test_agent`` starts real ones."""

from __future__ import annotations

import fcntl
import os
import unittest
from pathlib import Path
from unittest import mock

from support import Case, FakeAgent, credential

from credential_helper import ask, place, program, start


class Start(Case):
    def setUp(self) -> None:
        super().setUp()
        self.patch(mock.patch.object(start, "START_TIME", 0.3))
        self.where = place.Place(self.path, False, False)

    def helperd(self, script: str) -> Path:
        found = self.folder / "helperd"
        found.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        found.chmod(0o755)
        return found

    def fails(self, script: str, words: str) -> None:
        with self.assertRaisesRegex(start.NotStarted, words):
            start.start(self.where, self.helperd(script))

    def test_what_it_says(self) -> None:
        start.START_TIME = 20
        self.fails("echo 'error: no room'", "helperd: no room$")
        self.fails("exit 1", "ended without a word")
        self.fails("echo ready", "no agent listens")
        self.fails("echo hello", "helperd: hello$")

    def test_who_says_nothing(self) -> None:
        os.mkfifo(self.folder / "never")
        # As long as it is open here, a reader waits; then it ends.
        writer = os.open(self.folder / "never", os.O_RDWR | os.O_CLOEXEC)
        try:
            self.fails(f"read line < {self.folder}/never", "not ready in time")
        finally:
            os.close(writer)

    def test_how_it_is_run(self) -> None:
        start.START_TIME = 20
        os.environ.update(POETRY_PYPI_TOKEN_FOO="t", POETRY_KEYRING_ENABLED="1", CREDENTIAL_HELPER_NO_AGENT="")
        os.environ["CREDENTIAL_HELPER_CONFIG_DIR"] = "relative"
        self.fails(f"(pwd; echo $*; /usr/bin/env) > {self.folder}/told", "without a word")
        told = (self.folder / "told").read_text(encoding="utf-8").splitlines()
        self.assertEqual(told[:2], ["/", "agent run --detached"])
        self.assertIn(f"CREDENTIAL_HELPER_SOCKET={self.path}", told)
        self.assertIn(f"CREDENTIAL_HELPER_CONFIG_DIR={os.getcwd()}/relative", told)
        self.assertIn("LANG=C.UTF-8", told)
        self.assertFalse([line for line in told if "POETRY" in line or "NO_AGENT" in line])

    def test_who_starts_another(self) -> None:
        with (self.path.parent / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.fails("echo ready", "does not finish")
            self.patch(mock.patch.object(start, "LOCK_PAUSE", 0))
            start.START_TIME = 20
            found: list[FakeAgent] = []

            def other(descriptor: int, operation: int) -> None:
                # The other client is done: it listens, and lets go.
                if not found:
                    found.append(self.agent(credential()))
                    raise BlockingIOError
                flock(lock.fileno(), fcntl.LOCK_UN)
                flock(descriptor, operation)

            flock = fcntl.flock
            with mock.patch("fcntl.flock", other):
                start.start(self.where, self.helperd("echo 'error: a second one'")).close()

    def test_the_folder(self) -> None:
        start.START_TIME = 20
        self.path.parent.rmdir()
        self.fails("exit 1", "without a word")
        self.assertEqual(self.path.parent.stat().st_mode & 0o777, 0o700)
        self.path.parent.chmod(0o755)
        self.fails("exit 1", "not ours alone")
        deep = self.folder / "a/b/run-host/agent.sock"
        self.where = place.Place(deep, False, False)
        self.fails("exit 1", "could not use the folder")
        self.where = place.Place(deep, False, True)
        self.fails("exit 1", "without a word")
        self.assertEqual((self.folder / "a").stat().st_mode & 0o777, 0o700)

    def test_once_a_process(self) -> None:
        os.environ["CREDENTIAL_HELPER_SOCKET"] = str(self.path)
        counted = self.folder / "count"
        helperd = self.helperd(f"echo once >> {counted}")
        self.patch(mock.patch.object(program, "find", lambda name: helperd if name == "helperd" else None))
        for _ in range(3):
            self.assertIsNone(self.keyring.get_password("poetry-repository-foo", "alice"))
        self.assertTrue(ask._tried_to_start)
        self.assertEqual(counted.read_text(encoding="utf-8"), "once\n")


if __name__ == "__main__":
    unittest.main()
