"""The backend as the real ``keyring`` finds and uses it, alone and beside others."""

from __future__ import annotations

import json
import shutil
import unittest
from typing import Any

from support import PACKAGES, Case, add_backend, credential, error, install, run

OURS = "credential_helper.backend.Keyring"
CHAINER = "keyring.backends.chainer.ChainerBackend"
# A backend that answers, and one that raises as those of cloud registries do.
OTHER = """
from keyring import backend
class {name}(backend.KeyringBackend):
    priority = {priority}
    def get_password(self, service, username):
        {body}
    def set_password(self, service, username, password):
        raise NotImplementedError
"""
ASK = """
import json, keyring
found = keyring.get_keyring()
credential = keyring.get_credential("https://h/simple", None)
print(json.dumps({
    "class": type(found).__module__ + "." + type(found).__name__,
    "password": keyring.get_password("https://h/simple", "alice"),
    "username": credential and credential.username,
}))
"""
# What ours adds to the choice of a backend: the import, and the question for its priority. The
# processor's time, because a busy machine has nothing to do with it.
COST = """
import time, keyring.backend, keyring.credentials, keyring.errors
begun = time.process_time()
import credential_helper.backend
credential_helper.backend.Keyring.priority
print(time.process_time() - begun)
"""


class Beside(Case):
    def setUp(self) -> None:
        super().setUp()
        self.site = self.folder / "site"
        self.site.mkdir()
        install(self.site)

    def other(self, name: str, priority: float, body: str) -> None:
        text = OTHER.format(name=name.title(), priority=priority, body=body)
        add_backend(self.site, name, name, text)

    def ask(self, **more: str) -> dict[str, Any]:
        ended = run(self.site, {**self.environment, **more}, "-c", ASK)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.error = ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        return found

    def test_alone(self) -> None:
        self.agent(credential())
        self.assertEqual(self.ask(), {"class": OURS, "password": "hunter2", "username": "alice"})
        self.assertEqual(self.error, "")

    def test_before_the_chainer_and_whoever_raises(self) -> None:
        self.other("artifacts", 9.9, "raise OSError('asked the other one')")
        self.other("desktop", 5, "return 'other'")
        agent = self.agent(error("NotFound"))
        # A miss of ours stays one: the others could ask the user for something.
        self.assertEqual(self.ask(), {"class": OURS, "password": None, "username": None})
        self.assertEqual(len(agent.calls), 2)

    def test_in_the_chainer(self) -> None:
        self.other("desktop", 5, "return 'other'")
        agent = self.agent(error("NotFound"))
        found = self.ask(PYTHON_KEYRING_BACKEND=CHAINER)
        self.assertEqual((found["class"], found["password"]), (CHAINER, "other"))
        self.assertEqual(agent.methods(), ["Get", "Get"])

    def test_named(self) -> None:
        self.agent(credential())
        self.assertEqual(self.ask(PYTHON_KEYRING_BACKEND=OURS)["password"], "hunter2")

    def test_in_what_the_agent_runs(self) -> None:
        self.other("desktop", 5, "return 'other'")
        agent = self.agent(credential())
        found = self.ask(CREDENTIAL_HELPER_RECURSION="1")
        self.assertEqual((found["class"], found["password"]), ("desktop.Desktop", "other"))
        self.assertEqual((agent.calls, self.error), ([], ""))

    def test_nobody_there_and_nothing_to_start(self) -> None:
        self.other("desktop", 5, "return 'other'")
        self.assertEqual(self.ask()["class"], "desktop.Desktop")
        self.assertEqual(self.error, "")

    def test_an_agent_that_has_ended(self) -> None:
        self.agent(credential()).stop()
        self.assertEqual(self.ask(), {"class": OURS, "password": None, "username": None})
        self.assertEqual(self.error, "")

    def test_a_locked_agent(self) -> None:
        self.agent(error("Locked", "the agent is locked", hint="run `helper agent unlock`"))
        self.assertIsNone(self.ask()["password"])
        self.assertEqual(self.error, "credential-helper: the agent is locked (run `helper agent unlock`)\n")

    def test_the_command_line(self) -> None:
        self.agent(credential())
        listed = run(self.site, self.environment, "-m", "keyring", "--list-backends")
        self.assertIn(f"{OURS} (priority: 20)", listed.stdout.splitlines())
        whole = '{"username": "alice", "password": "hunter2"}\n'
        for arguments, status, output in (
            (("get", "https://h/simple", "alice"), 0, "hunter2\n"),
            (("get", "https://h/simple", "bob"), 1, ""),
            (("--mode=creds", "--output=json", "get", "https://h/simple"), 0, whole),
        ):
            ended = run(self.site, self.environment, "-m", "keyring", *arguments)
            self.assertEqual((ended.returncode, ended.stdout, ended.stderr), (status, output, ""))

    def test_what_it_adds_to_an_import(self) -> None:
        self.agent(credential())
        # As pip installs it: with its bytecode.
        (self.site / "credential_helper").unlink()
        shutil.copytree(PACKAGES / "credential_helper", self.site / "credential_helper")
        environment = {**self.environment, "PYTHONDONTWRITEBYTECODE": ""}
        best = min(float(run(self.site, environment, "-c", COST).stdout) for _ in range(8))
        self.assertLess(best, 0.015)


if __name__ == "__main__":
    unittest.main()
