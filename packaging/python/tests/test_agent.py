"""The backend with the real agent and the real ``keyring``: it is started, locked, stopped, killed.

Poetry's test needs the agent and the keyring of ``tests/poetry/with_agent.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Iterator

from support import HELPER, PATIENCE, SURROUNDINGS, Case, error, install, run

from credential_helper import context

# Asks as a tool does, several times, and says what came of it and how long it took.
ASK = """
import json, sys, time, keyring
answers = []
for service, username in json.loads(sys.argv[1]):
    begun = time.monotonic()
    found = keyring.get_password(service, username)
    answers.append([found, time.monotonic() - begun])
print(json.dumps(answers))
"""
SET = "import sys, keyring; keyring.set_password(*sys.argv[1:])"
CONTEXT = """
import json, sys
from credential_helper import context
print(json.dumps(context.context(sys.argv[1])))
"""
POETRY = """
import json
from poetry.config.config import Config
from poetry.utils.password_manager import PasswordManager
manager = PasswordManager(Config.create())
found = manager.get_http_auth("foo")
print(json.dumps([found and found.username, found and found.password, manager.get_pypi_token("bar")]))
"""
FOO = ("poetry-repository-foo", "alice")


class Real(Case):
    def setUp(self) -> None:
        super().setUp()
        # Found where a PATH leads to it.
        self.site = self.folder / "site"
        self.site.mkdir()
        install(self.site)
        self.environment["PATH"] = f"{HELPER.parent}:{SURROUNDINGS['PATH']}"
        self.environment["POETRY_KEYRING_ENABLED"] = "false"
        self.secret = {"POETRY_HTTP_BASIC_FOO_USERNAME": "alice", "POETRY_HTTP_BASIC_FOO_PASSWORD": "hunter2"}
        self.addCleanup(self.helper, "agent", "stop")

    def helper(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [HELPER, *arguments],
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.helper("agent", "status", "--json").stdout)
        return found

    def ask(self, *questions: tuple[str, str], **more: str) -> list[Any]:
        environment = {**self.environment, **self.secret, **more}
        ended = run(self.site, environment, "-c", ASK, json.dumps(questions), cwd=self.folder)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.error = ended.stderr
        self.times = [seconds for _, seconds in json.loads(ended.stdout)]
        return [found for found, _ in json.loads(ended.stdout)]

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        pid = self.status()["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def test_it_is_started_once_for_all(self) -> None:
        self.path.parent.rmdir()
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: self.answer_of_one(), range(16)))
        self.assertEqual(answers, ["hunter2"] * 16)
        status = self.status()
        self.assertEqual(status["started_by"], "client")
        own = Path(f"/proc/{status['pid']}")
        if own.exists():
            self.assertNotIn(f"PPid:\t{os.getpid()}\n", (own / "status").read_text(encoding="utf-8"))
            # Only root may look further.
            with contextlib.suppress(PermissionError):
                self.assertNotIn("hunter2", (own / "environ").read_text(encoding="utf-8", errors="replace"))

    def answer_of_one(self) -> Any:
        ended = run(self.site, {**self.environment, **self.secret}, "-c", ASK, json.dumps([FOO]))
        return json.loads(ended.stdout)[0][0] if ended.stdout else ended.stderr

    def test_strict_accounts(self) -> None:
        others = ["pypi_token:project:foo", "__token__", "__poetry_source_empty_username__", "bob"]
        questions = [(FOO[0], username) for username in (*others, "alice")]
        self.assertEqual(self.ask(*questions), [None, None, None, None, "hunter2"])

    def test_a_stopped_agent(self) -> None:
        self.assertEqual(self.ask(FOO), ["hunter2"])
        with self.stopped():
            self.assertEqual(self.ask(FOO, FOO, FOO), [None, None, None])
        self.assertEqual(self.error.count("does not answer"), 1)
        self.assertLess(self.times[0], 8)
        self.assertLess(sum(self.times[1:]), 1)
        self.assertEqual(self.ask(FOO), ["hunter2"])

    def test_a_killed_agent(self) -> None:
        self.assertEqual(self.ask(FOO), ["hunter2"])
        pid = self.status()["pid"]
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.ask(FOO), ["hunter2"])
        self.assertNotEqual(self.status()["pid"], pid)

    def test_a_locked_agent(self) -> None:
        self.helper("agent", "lock")
        self.assertEqual(self.ask(FOO, FOO), [None, None])
        self.assertEqual(self.error.count("locked"), 1, self.error)
        ended = run(self.site, self.environment, "-c", SET, *FOO, "n3w")
        self.assertRegex(ended.stderr, "PasswordSetError: .*locked")
        self.assertNotIn("n3w", ended.stderr)

    def test_without_an_agent(self) -> None:
        self.assertEqual(self.ask(FOO, (FOO[0], "bob"), CREDENTIAL_HELPER_NO_AGENT="1"), ["hunter2", None])
        changes = 'keyring.set_password("poetry-repository-bar", "bob", "s3cret")'
        changes += '; print(keyring.get_password("poetry-repository-bar", "bob"))'
        changes += '; keyring.delete_password("poetry-repository-bar", "bob")'
        changes += '; print(keyring.get_password("poetry-repository-bar", "bob"))'
        environment = {**self.environment, "CREDENTIAL_HELPER_NO_AGENT": "1"}
        ended = run(self.site, environment, "-c", f"import keyring; {changes}")
        self.assertEqual((ended.returncode, ended.stdout), (0, "s3cret\nNone\n"), ended.stderr)
        self.assertEqual(self.helper("agent", "status").returncode, 1)

    def test_other_settings(self) -> None:
        self.assertEqual(self.ask(FOO), ["hunter2"])
        self.assertEqual(self.ask(FOO, CREDENTIAL_HELPER_CONFIG_DIR=str(self.folder / "other")), ["hunter2"])

    def test_nowhere_to_listen(self) -> None:
        self.path.parent.rmdir()
        self.path.parent.write_text("", encoding="utf-8")
        nowhere = str(self.path.parent)
        self.assertEqual(self.ask(FOO, XDG_RUNTIME_DIR=nowhere, XDG_STATE_HOME=nowhere), ["hunter2"])

    def test_the_projects_of_poetry_and_of_the_folder(self) -> None:
        (self.folder / "pyproject.toml").write_text(
            '[[tool.poetry.source]]\nname = "foo"\nurl = "https://foo.example.org/simple"\n', encoding="utf-8"
        )
        questions = [("https://foo.example.org/simple", "alice"), ("https://other.example.org/simple", "alice")]
        self.assertEqual(self.ask(*questions), ["hunter2", None])


class Sent(Case):
    """What ``helper`` sends of its surroundings, the backend sends too."""

    def test_context(self) -> None:
        agent = self.agent(error("NotFound"))
        site = self.folder / "site"
        site.mkdir()
        install(site)
        generated = random.Random(9)
        names = ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "POETRY_CONFIG_DIR", "UV_CREDENTIALS_DIR"]
        names += [context.CONFIG_DIR, context.BUS, context.KEYRING_ENABLED, "HOME"]
        for name in ("FOO", "MY_REPO", "MY.REPO", "Ü"):
            names += [f"POETRY_HTTP_BASIC_{name}_USERNAME", f"UV_INDEX_{name}_PASSWORD", f"POETRY_PYPI_TOKEN_{name}"]
            names += [f"POETRY_REPOSITORIES_{name}_URL"]
        names += ["UV_INDEX_URL", "UV_INDEX_USERNAME", "POETRY_PYPI_TOKEN_", "TWINE_PASSWORD"]
        values = ["", "relative", "/absolute", "/with/../dots/", "é"]
        for _ in range(25):
            chosen = {name: generated.choice(values) for name in generated.sample(names, 12)}
            environment = {**self.environment, **chosen, "CREDENTIAL_HELPER_SOCKET": str(self.path)}
            name = generated.choice(["foo", "my.repo", "my-repo", "ü", ""])
            asked, service = (name, f"poetry-repository-{name}") if name else ("https://h/simple", "https://h/simple")
            with self.subTest(service=service, **chosen):
                # As C, so that Python takes the environment for UTF-8 whatever its version.
                command = [str(HELPER), "get", "--non-interactive", asked]
                subprocess.run(command, env=environment, cwd=site, timeout=PATIENCE, check=False, capture_output=True)
                ours = run(site, environment, "-c", CONTEXT, service, cwd=site)
                self.assertEqual(ours.stderr, "")
                theirs = {key: value for key, value in agent.question()["context"].items() if value}
                told = {key: value for key, value in json.loads(ours.stdout).items() if value}
                del told["parent"]
                self.assertEqual(told, theirs)


@unittest.skipUnless(SURROUNDINGS.get("CREDENTIAL_HELPER_TEST_SOCKET"), "CREDENTIAL_HELPER_TEST_SOCKET names no agent")
class Poetry(Case):
    """Poetry without any keyring but ours: only the agent knows the bus of the real one."""

    def setUp(self) -> None:
        super().setUp()
        self.site = self.folder / "site"
        self.site.mkdir()
        install(self.site)
        kept = ("CREDENTIAL_HELPER_SOCKET", "CREDENTIAL_HELPER_CONFIG_DIR", "XDG_STATE_HOME", "PATH")
        self.environment.update({name: SURROUNDINGS[name] for name in kept})
        self.environment["POETRY_CONFIG_DIR"] = str(self.folder / "poetry")

    def poetry(self, *arguments: str) -> str:
        ended = run(self.site, self.environment, *arguments, cwd=self.folder)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""), ended.stdout)
        return ended.stdout

    def test_what_it_stores_it_finds(self) -> None:
        self.poetry("-m", "poetry", "config", "http-basic.foo", "alice", "hunter2")
        self.poetry("-m", "poetry", "config", "pypi-token.bar", "pypi-t0ken")
        files = "".join(path.read_text(encoding="utf-8") for path in (self.folder / "poetry").iterdir())
        self.assertNotRegex(files, "hunter2|t0ken")
        self.assertEqual(json.loads(self.poetry("-c", POETRY)), ["alice", "hunter2", "pypi-t0ken"])
        self.poetry("-m", "poetry", "config", "--unset", "http-basic.foo")
        self.poetry("-m", "poetry", "config", "--unset", "pypi-token.bar")
        self.assertEqual(json.loads(self.poetry("-c", POETRY)), [None, None, None])


if __name__ == "__main__":
    unittest.main()
