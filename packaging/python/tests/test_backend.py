"""The backend against agents that answer in every way there is."""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import socket
import stat
import time
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from support import Case, FakeAgent, Reply, credential, error

from credential_helper import ask, backend, client, place, program
from keyring.errors import PasswordDeleteError, PasswordSetError

URL = "https://pypi.example.org/simple"
NOT_FOUND = error("NotFound")
SECRET = "hunter2"
# Whole replies that are none.
GARBAGE = [
    b"hunter2\0",
    b"\0",
    b"null\0",
    b"[]\0",
    b"{}\0",
    b'"hunter2"\0',
    b"{\"parameters\":[\"hunter2\"]}\0",
    b'{"parameters":"hunter2"}\0',
    b'{"parameters":{"credential":"hunter2"}}\0',
    b'{"parameters":{"credential":null}}\0',
    b'{"parameters":{"credential":{"username":5,"password":["hunter2"]}}}\0',
    b'{"parameters":{"credential":{"username":"alice","warnings":7}}}\0',
    b'{"error":5}\0',
    b'{"error":["hunter2"],"parameters":{}}\0',
    b'{"error":"Locked","parameters":{"message":["hunter2"],"hint":5}}\0',
    b'{"error":"x.y.Unheard","parameters":null}\0',
    b"\xff\xfehunter2\0",
    b"[" * 100_000 + b"\0",
    b"1" * 10_000 + b"\0",
    b'{"parameters":{"credential":{}}}\0hunter2\0',
    b"x" * (client.REPLY_LIMIT + 1) + b"\0",
]


class Get(Case):
    def test_what_is_asked(self) -> None:
        os.environ["POETRY_PYPI_TOKEN_FOO"] = "t"
        os.environ["POETRY_PYPI_TOKEN_OTHER"] = "o"
        os.environ["TWINE_PASSWORD"] = "w"
        agent = self.agent(credential())
        self.assertEqual(self.keyring.get_password("poetry-repository-foo", "alice"), SECRET)
        asked = agent.question()
        self.assertEqual((asked["service"], asked["username"]), ("poetry-repository-foo", "alice"))
        context = asked["context"]
        self.assertEqual(context["variables"], {"POETRY_PYPI_TOKEN_FOO": "t"})
        self.assertEqual(context["folder"], os.getcwd())
        self.assertEqual(context["poetry"], f"{self.folder}/home/.config/pypoetry")
        self.assertEqual(context["parent"]["pid"], os.getpid())
        self.assertNotIn("w", context["variables"].values())
        self.keyring.get_credential(URL, None)
        self.assertIsNone(agent.question()["username"])
        self.assertEqual(len(agent.question()["context"]["variables"]), 2)

    def test_a_password_is_that_of_the_asked_account(self) -> None:
        self.agent(credential())
        self.assertEqual(self.keyring.get_password(URL, "alice"), SECRET)
        # Flit takes any answer to the first two for a token; Poetry would send the third without a user.
        for other in ("pypi_token:project:alice", "__token__", backend.NO_ACCOUNT, "", "Alice"):
            self.assertIsNone(self.keyring.get_password(URL, other), other)

    def test_an_account_without_a_name(self) -> None:
        for answered in (None, "", backend.NO_ACCOUNT):
            with self.subTest(answered=answered):
                self.path.unlink(missing_ok=True)
                self.agent(credential(username=answered))
                self.assertEqual(self.keyring.get_password(URL, backend.NO_ACCOUNT), SECRET)
                self.assertIsNone(self.keyring.get_password(URL, "alice"))

    def test_a_credential_says_whose_it_is(self) -> None:
        agent = self.agent(credential(username="__token__"))
        for username in (None, "", "alice"):
            found = self.keyring.get_credential(URL, username)
            assert found is not None
            self.assertEqual((found.username, found.password), ("__token__", SECRET))
        self.assertEqual([agent.question(index)["username"] for index in range(3)], [None, None, "alice"])

    def test_half_a_credential_is_none(self) -> None:
        for fields in ({"password": None}, {"scheme": "bearer"}):
            with self.subTest(**fields):
                self.path.unlink(missing_ok=True)
                self.agent(credential(**fields))
                self.assertIsNone(self.keyring.get_credential(URL, None))
                self.assertIsNone(self.keyring.get_password(URL, "alice"))

    def test_a_check_is_answered_here(self) -> None:
        agent = self.agent(credential(username="python-poetry"))
        self.assertIsNone(self.keyring.get_password("python-poetry-check", "python-poetry"))
        self.assertEqual(agent.calls, [])

    def test_nobody_is_asked_by_what_the_agent_runs(self) -> None:
        agent = self.agent(credential())
        self.assertEqual(backend.Keyring.priority, 20)
        os.environ[backend.RECURSION] = "1"
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(agent.calls, [])
        with self.assertRaises(RuntimeError):
            backend.Keyring.priority

    def test_not_found_is_silent_and_other_errors_are_said_once(self) -> None:
        replies = [NOT_FOUND, error("Locked", "the agent is locked", hint="run `helper agent unlock`\x1b[2J")]
        agent = self.agent(lambda _call, agent: replies[min(len(agent.calls) - 1, 1)])
        with self.assertLogs("credential_helper", logging.DEBUG) as logs:
            for _ in range(4):
                self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(len(agent.calls), 4)
        levels = [record.levelname for record in logs.records]
        self.assertEqual(levels, ["DEBUG", "WARNING"])
        self.assertIn("the agent is locked (run `helper agent unlock`?[2J)", logs.records[1].getMessage())

    def test_warnings_of_an_answer(self) -> None:
        self.agent(credential(warnings=["bound to https://pypi.example.org", 5]))
        with self.assertLogs("credential_helper", logging.WARNING) as logs:
            self.keyring.get_password(URL, "alice")
            self.keyring.get_password(URL, "alice")
        self.assertEqual(len(logs.records), 1)

    def test_nobody_there(self) -> None:
        with mock.patch.object(backend.log, "warning") as warned:
            self.assertIsNone(self.keyring.get_password(URL, "alice"))
            self.assertIsNone(self.keyring.get_credential(URL, None))
        warned.assert_not_called()
        with self.assertRaises(RuntimeError):
            backend.Keyring.priority

    def test_garbage(self) -> None:
        for reply in GARBAGE:
            with self.subTest(reply=reply[:70]), self.assertLogs("credential_helper", 1) as logs:
                backend.log.info("begins")
                self.path.unlink(missing_ok=True)
                ask._paused_until = 0.0
                self.agent(reply)
                self.assertIsNone(self.keyring.get_password(URL, "alice"))
                self.assertIsNone(self.keyring.get_credential(URL, None))
                self.assertNotIn(SECRET, "".join(logs.output))

    def test_an_agent_that_leaves_is_asked_once_more(self) -> None:
        agent = self.agent(lambda _call, agent: None if len(agent.calls) == 1 else credential())
        self.assertEqual(self.keyring.get_password(URL, "alice"), SECRET)
        self.assertEqual(len(agent.calls), 2)

    def test_an_agent_that_always_leaves(self) -> None:
        agent = self.agent(None)
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(len(agent.calls), 2)

    def test_more_than_the_agent_accepts(self) -> None:
        agent = self.agent(credential())
        self.assertIsNone(self.keyring.get_password("x" * client.CALL_LIMIT, "alice"))
        os.environ["UV_INDEX_X_PASSWORD"] = "x" * 50_000
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        os.environ["UV_INDEX_X_PASSWORD"] = "\udcff"
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(agent.calls, [])
        self.assertEqual(self.keyring.get_password("pdm-pypi-foo", "alice"), SECRET)

    def test_a_mounted_socket_is_told_nothing(self) -> None:
        foreign = place.Place(self.path, True, False)
        self.patch(mock.patch.object(place, "find", lambda: foreign))
        agent = self.agent(credential())
        self.assertEqual(self.keyring.get_password(URL, "alice"), SECRET)
        self.assertEqual(list(agent.question()["context"]), ["version"])
        self.keyring.set_password(URL, "alice", "new")
        self.assertEqual(list(agent.calls[-1]["parameters"]["context"]), ["version"])
        # Our own variables come first: without the program that reads them nobody is asked.
        os.environ["UV_INDEX_X_PASSWORD"] = "x"
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(agent.methods(), ["Get", "Set"])


class Elsewhere(Case):
    """Where no agent listens."""

    def test_no_secret_stands_in_arguments(self) -> None:
        told = self.folder / "arguments"
        helper = self.folder / "helper"
        helper.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{told}'\necho '{{}}'\n", encoding="utf-8")
        helper.chmod(0o700)
        self.patch(mock.patch.object(program, "find", lambda name: helper if name == "helper" else None))
        for url in (
            "https://alice:s3cret@h.example/simple/",
            "https://al@ice:s3cret@h.example/simple/",
            "https://h.example/simple/?token=s3cret",
            "https://h.example/simple/#s3cret",
        ):
            for username in ("alice", None):
                with self.subTest(url=url, username=username):
                    told.unlink(missing_ok=True)
                    self.keyring.get_credential(url, username)
                    said = told.read_text(encoding="utf-8")
                    self.assertNotIn("s3cret", said)
                    self.assertIn("https://h.example/simple/\n", said)
        told.unlink()
        self.keyring.get_credential("https://alice:s3/cret@h.example/simple/", None)
        self.assertFalse(told.exists())

    def test_a_fork_in_the_midst_of_a_start(self) -> None:
        ours, theirs = os.pipe()
        with ask._lock:
            child = os.fork()
            if child == 0:
                try:
                    self.keyring.get_password(URL, "alice")
                    os.write(theirs, b"!")
                finally:
                    os._exit(0)
        try:
            self.assertTrue(select.select([ours], [], [], 20)[0], "the child waits for ever")
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(ours)
            os.close(theirs)


class Change(Case):
    def test_set_and_delete(self) -> None:
        changed = {"parameters": {"changed": {"warnings": ["a variable hides it"]}}}
        agent = self.agent(changed)
        with self.assertLogs("credential_helper", logging.WARNING) as logs:
            self.keyring.set_password(URL, "alice", "new")
        self.assertIn("a variable hides it", logs.output[0])
        self.keyring.delete_password(URL, "alice")
        told = [call["parameters"] for call in agent.calls]
        keys = ("service", "username", "secret")
        self.assertEqual([told[0][key] for key in keys], [URL, "alice", "new"])
        self.assertEqual([told[1].get(key) for key in keys], [URL, "alice", None])
        self.assertEqual(agent.methods(), ["Set", "Delete"])
        self.assertIn("folder", told[0]["context"])

    def test_errors_are_those_of_keyring(self) -> None:
        for reply in (NOT_FOUND, error("Locked", "locked", hint="unlock"), None, *GARBAGE):
            with self.subTest(reply=str(reply)[:70]):
                self.path.unlink(missing_ok=True)
                agent = self.agent(reply)
                if reply not in GARBAGE[4:12]:
                    with self.assertRaises(PasswordSetError) as caught:
                        self.keyring.set_password(URL, "alice", "s3cret")
                    self.assertNotRegex(str(caught.exception), f"s3cret|{SECRET}")
                    with self.assertRaises(PasswordDeleteError):
                        self.keyring.delete_password(URL, "alice")
                    # What changes something is never sent twice.
                    self.assertEqual(agent.methods(), ["Set", "Delete"])

    def test_what_is_no_text(self) -> None:
        agent = self.agent(credential())
        for bad in ("two\nlines", "\udcff", None, 5, b"x"):
            with self.assertRaises(PasswordSetError):
                self.keyring.set_password(URL, "alice", bad)  # type: ignore[arg-type]
            with self.assertRaises(PasswordSetError):
                self.keyring.set_password(bad, "alice", "x")  # type: ignore[arg-type]
            with self.assertRaises(PasswordDeleteError):
                self.keyring.delete_password(URL, bad)  # type: ignore[arg-type]
        self.assertEqual(agent.calls, [])

    def test_nobody_there(self) -> None:
        with self.assertRaisesRegex(PasswordSetError, "no agent listens"):
            self.keyring.set_password(URL, "alice", "s3cret")
        with self.assertRaisesRegex(PasswordDeleteError, "no agent listens"):
            self.keyring.delete_password(URL, "alice")


class Time(Case):
    """With short times, so that the tests are quick; the agents wait for the end of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(mock.patch.multiple(ask, SILENCE=0.2, SIGN_OF_LIFE=0.1, LONGEST=2.0))

    def test_a_silent_agent(self) -> None:
        def silent(_call: dict[str, Any], agent: FakeAgent) -> Reply:
            agent.over.wait()
            return None

        agent = self.agent(silent)
        with self.assertLogs("credential_helper", logging.WARNING) as logs:
            self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertIn("does not answer", logs.output[0])
        self.assertEqual(agent.methods(), ["Get", "GetInfo"])
        # Nor is it asked again for a while, so that many lookups do not add up.
        self.assertIsNone(self.keyring.get_credential(URL, None))
        with self.assertRaisesRegex(PasswordSetError, "a moment ago"):
            self.keyring.set_password(URL, "alice", "new")
        self.assertEqual(len(agent.calls), 2)
        self.assertLessEqual(ask._paused_until - time.monotonic(), ask.PAUSE)
        ask._paused_until = time.monotonic()
        self.assertIsNone(self.keyring.get_credential(URL, None))
        self.assertEqual(len(agent.calls), 4)

    def test_an_agent_that_lives_is_waited_for(self) -> None:
        def minting(call: dict[str, Any], agent: FakeAgent) -> Reply:
            if call["method"].endswith(".GetInfo"):
                if agent.methods().count("GetInfo") == 2:
                    agent.over.set()
                return {"parameters": {}}
            agent.over.wait()
            return credential()

        agent = self.agent(minting)
        self.assertEqual(self.keyring.get_password(URL, "alice"), SECRET)
        self.assertEqual(agent.methods(), ["Get", "GetInfo", "GetInfo"])

    def test_but_not_for_ever(self) -> None:
        def minting(call: dict[str, Any], agent: FakeAgent) -> Reply:
            if call["method"].endswith(".GetInfo"):
                return {"parameters": {}}
            agent.over.wait()
            return None

        self.agent(minting)
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertGreater(ask._paused_until, time.monotonic())

    def test_half_a_reply(self) -> None:
        # The agent waits for another call then, and never sends the rest.
        self.agent(b'{"parameters":')
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertGreater(ask._paused_until, time.monotonic())

    def test_a_full_queue(self) -> None:
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.path))
        listener.listen(0)
        waiting = []
        with self.assertRaises(BlockingIOError):
            for _ in range(1000):
                waiting.append(socket.socket(socket.AF_UNIX))
                self.addCleanup(waiting[-1].close)
                waiting[-1].setblocking(False)
                waiting[-1].connect(str(self.path))
        begun = time.monotonic()
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertLess(time.monotonic() - begun, 2)


class Property(Case):
    def value(self, random: random.Random) -> Any:
        if random.random() < 0.1:
            return random.choice([None, 5, 1.5, b"bytes", [], {}, object(), float("nan"), True])
        alphabet = "ab:/?#[]@-_.%\0\r\n\t\x1b\x7f\x85\u2028é\ud800\udfff\U0001f600"
        text = "".join(random.choice(alphabet) for _ in range(random.randrange(12)))
        return random.choice(["", "poetry-repository-", "pdm-pypi-", "https://", "python-poetry-check"]) + text

    def test_a_lookup_never_raises(self) -> None:
        self.agent(lambda call, agent: [NOT_FOUND, credential(), error("Policy")][len(agent.calls) % 3])
        generated = random.Random(20)
        self.patch(mock.patch.object(backend.log, "warning"))
        for _ in range(1000):
            service, username = self.value(generated), self.value(generated)
            with self.subTest(service=service, username=username):
                found = self.keyring.get_password(service, username)
                self.assertTrue(found is None or username == "alice")
                self.keyring.get_credential(service, username)


class Places(Case):
    def test_whose_folder(self) -> None:
        self.assertEqual(place.find(), place.Place(self.path, False, False))
        folder = os.open(self.path.parent, os.O_RDONLY)
        self.addCleanup(os.close, folder)
        self.assertEqual(place.judge(folder, "agent.sock", True), "ours")
        for mode in (0o755, 0o710, 0o702):
            self.path.parent.chmod(mode)
            self.assertIsNone(place.judge(folder, "agent.sock", False))
            self.assertIsNone(place.judge(folder, "agent.sock", True))
        self.path.parent.chmod(0o700)
        with mock.patch("os.geteuid", lambda: os.getuid() + 1):
            self.assertIsNone(place.judge(folder, "agent.sock", False))
            self.assertEqual(place.judge(folder, "agent.sock", True), "foreign")

    def test_a_link_is_no_folder(self) -> None:
        os.environ[place.SOCKET] = str(self.folder / "link" / "agent.sock")
        (self.folder / "link").symlink_to(self.path.parent)
        self.assertEqual(place.find(), place.Place(self.path, False, False))

    def test_what_can_be_made(self) -> None:
        os.environ["XDG_RUNTIME_DIR"] = str(self.folder / "missing")
        os.environ["XDG_STATE_HOME"] = str(self.folder / "deep" / "state")
        with mock.patch("os.geteuid", lambda: os.getuid()):
            found = place.find()
        assert found is not None
        run = Path(f"/run/user/{os.getuid()}")
        if run in found.socket.parents:
            self.assertTrue(run.exists())
            return
        self.assertEqual(found.socket.parents[1], self.folder / "deep/state/credential-helper")
        self.assertTrue(found.deep)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_root_makes_nothing_in_the_folders_of_others(self) -> None:
        for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
            os.environ[name] = str(self.folder / name)
            (self.folder / name).mkdir()
            os.chown(self.folder / name, 65534, -1)
        found = place.find()
        self.assertTrue(found is None or self.folder not in found.socket.parents, found)
        os.environ[place.SOCKET] = str(self.folder / "XDG_STATE_HOME/own/agent.sock")
        found = place.find()
        assert found is not None
        self.assertEqual(str(found.socket), os.environ[place.SOCKET])

    def test_another_user_is_told_nothing(self) -> None:
        agent = self.agent(credential())
        self.patch(mock.patch.object(client, "_server", lambda _: os.geteuid() + 1))
        self.assertIsNone(self.keyring.get_password(URL, "alice"))
        self.assertEqual(agent.calls, [])

    def test_a_long_path(self) -> None:
        folder = self.folder / ("d" * 120)
        folder.mkdir(mode=0o700)
        os.environ[place.SOCKET] = str(folder / "agent.sock")
        here = os.getcwd()
        os.chdir(folder)
        self.addCleanup(os.chdir, here)
        self.path = Path("agent.sock")
        self.agent(credential())
        os.chdir(here)
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertEqual(self.keyring.get_password(URL, "alice"), SECRET)


if __name__ == "__main__":
    unittest.main()
