#!/usr/bin/env python3
"""Uploads beside another client and to a real server: the same form as twine, and what pypiserver
answers.

Runs with a Python that has `tests/publish/requirements.txt`:
    tests/publish/compare.py --helper target/debug/helper
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from pathlib import Path

from passlib.apache import HtpasswdFile

from support import Fields
from support import Helper
from support import Recorder
from support import sdist
from support import wheel

HELPER = Path("target/debug/helper")
LICENSES = {"LICENSE": "text\n", "docs/NOTICE": "more\n"}

# Core metadata by the version in which it was written.
METADATA = {
    "1.0": "Summary: s\nHome-page: https://h/\nAuthor: A\nAuthor-email: a@h\nLicense: MIT\nPlatform: p\nPlatform: q\n"
    "Keywords: one,two three , four\n",
    "1.1": "Summary: s\nDownload-URL: https://h/d\nClassifier: Programming Language :: Python\nClassifier: Topic :: Utilities\n"
    "Supported-Platform: linux\nRequires: r\nProvides: p\nObsoletes: o\n",
    "1.2": "Maintainer: M\nMaintainer-email: m@h\nRequires-Dist: a (>=1)\nRequires-Dist: b\nRequires-Python: >=3.9\n"
    "Requires-External: C\nProject-URL: Docs,https://h/docs\nProject-URL: Code, https://h/code\nProvides-Dist: p\n"
    "Obsoletes-Dist: o\nLicense: MIT\n        and more\n",
    "2.1": "Summary: Jos\u00e9 \u2603\nDescription-Content-Type: text/markdown; charset=UTF-8\nProvides-Extra: test\n"
    "Requires-Dist: a; extra == 'test'\nLicense-File: LICENSE\n\n# T\u00e9xt\n\nLast line without an end",
    "2.2": "Dynamic: Classifier\nDynamic: Summary\n\nbody\n\n\n",
    "2.3": "Provides-Extra: a-b\n\n--boundary\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n",
    "2.4": "License-Expression: MIT\nLicense-File: LICENSE\nLicense-File: docs/NOTICE\nSummary: s\n",
}


def expected(twine: Fields) -> Fields:
    """What twine sends, with what we do otherwise on purpose."""
    fields = dict(twine)
    changed = [
        # The project's name as it is written: twine turns other characters into dashes.
        (name, "my_pkg.x" if name == "name" else value)
        for name, value in twine
    ]
    # GitLab wants it also where there is nothing to say.
    if "requires_python" not in fields:
        changed.append(("requires_python", ""))
    return sorted(changed)


class Form(unittest.TestCase):
    """The same files, sent by twine and by helper, field by field."""

    def test_the_same_form(self) -> None:
        recorder = Recorder()
        self.addCleanup(recorder.close)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            helper = Helper(HELPER, folder)
            for at, (version, more) in enumerate(METADATA.items()):
                text = f"Metadata-Version: {version}\nName: my_pkg.x\nVersion: 1.{at}\n{more}"
                made = folder / version
                made.mkdir()
                files = [
                    make(made, "my_pkg_x", f"1.{at}", text, LICENSES) for make in (wheel, sdist)
                ]
                twine = [sys.executable, "-m", "twine", "upload", "--non-interactive"]
                options = ["--disable-progress-bar", "--repository-url", recorder.url]
                account = ["-u", "twine", "-p", "x"]
                home = {"HOME": name, "PATH": "/usr/bin:/bin"}
                subprocess.run(
                    [*twine, *options, *account, *files], env=home, check=True, stdout=subprocess.DEVNULL
                )
                ended = helper.run("-r", recorder.url, "-u", "helper", "-p", "x", *files)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                for file in files:
                    with self.subTest(file=file.name):
                        theirs = recorder.forms["twine", file.name]
                        ours = recorder.forms["helper", file.name]
                        self.assertEqual(sorted(ours), expected(theirs))
        self.assertEqual(len(recorder.forms), 4 * len(METADATA))


class Rendering(unittest.TestCase):
    """Descriptions, as PyPI's own renderer sees them: the one that twine brings."""

    def checked(self, kind: str, description: str, where: str, python: str) -> tuple[int, str]:
        """Exit status, and everything that is told, when `python` is the folder of the interpreter."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            text = f"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n{kind}\n{description}\n"
            helper = Helper(HELPER, folder)
            helper.variables["PATH"] = python
            ended = helper.run("--check", "-r", where, wheel(folder, "a", "1.0", text, {}))
            return ended.returncode, ended.stdout + ended.stderr

    def test_what_can_be_shown(self) -> None:
        here = str(Path(sys.executable).parent)
        for kind, description in [
            ("", "Title\n=====\n\n*words*"),
            ("Description-Content-Type: text/plain\n", "``open"),
        ]:
            with self.subTest(description):
                status, told = self.checked(kind, description, "pypi", here)
                self.assertEqual(status, 0, told)
                self.assertNotIn("description", told)
        status, told = self.checked("", "- a\nb", "pypi", here)
        self.assertEqual(status, 1, told)
        self.assertIn("its description cannot be shown as reStructuredText: line 2: Bullet list ends", told)
        status, told = self.checked("", "- a\nb", "https://pypi.example.org/", here)
        self.assertEqual(status, 0, told)
        self.assertIn("line 2: Bullet list ends", told)
        self.assertIn("(PyPI refuses that)", told)

    def test_without_the_renderer(self) -> None:
        status, told = self.checked("", "- a\nb", "pypi", "/nowhere")
        self.assertEqual(status, 0, told)
        self.assertIn("was not looked at: there is no Python here", told)


class Pypiserver(unittest.TestCase):
    """A real server with accounts."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        accounts = HtpasswdFile(str(self.folder / "accounts"), new=True, default_scheme="sha256_crypt")
        accounts.set_password("up", "right")
        accounts.save()
        (self.folder / "kept").mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, "-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", str(port)]
        accounts_of = ["-P", str(self.folder / "accounts"), "-a", "update,list,download"]
        server = subprocess.Popen(
            [*command, *accounts_of, str(self.folder / "kept")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.url = f"http://127.0.0.1:{port}/"
        self.wait_for(server)
        self.helper = Helper(HELPER, self.folder)

    def wait_for(self, server: subprocess.Popen[bytes]) -> None:
        while server.poll() is None:
            try:
                urllib.request.urlopen(self.url, timeout=10).close()
            except urllib.error.HTTPError:
                return
            except OSError:
                continue
            return
        self.fail("pypiserver did not start")

    def test_an_upload_and_what_follows(self) -> None:
        text = "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n"
        files = [make(self.folder, "a", "1.0", text, {}) for make in (wheel, sdist)]
        right = ["-r", self.url, "-u", "up", "-p", "right"]
        publish = self.helper.results
        self.assertEqual(publish(*right, "--dry-run", *files), (0, ["not-sent"] * 2, ""))
        status, results, message = publish("-r", self.url, "-u", "up", "-p", "wrong", *files)
        self.assertEqual((status, results), (5, ["failed", "not-sent"]))
        self.assertIn("its password is wrong (status 403", message)
        status, results, message = publish("-r", self.url, "--anonymous", *files)
        self.assertEqual((status, results), (5, ["failed", "not-sent"]))
        self.assertIn("wants a credential (status 401", message)
        self.assertEqual(list((self.folder / "kept").iterdir()), [])
        self.assertEqual(publish(*right, *files), (0, ["uploaded"] * 2, ""))
        self.assertEqual(publish(*right, *files), (0, ["already-there"] * 2, ""))
        wheel(self.folder, "a", "1.0", text + "Summary: other\n", {})
        status, results, message = publish(*right, *files)
        self.assertEqual((status, results), (5, ["failed", "already-there"]))
        self.assertIn("with other bytes", message)
        status, results, _ = publish(*right, "--skip-existing", *files)
        self.assertEqual((status, results), (0, ["skipped", "already-there"]))
        status, _, message = publish("-r", f"{self.url}simple/", "-u", "up", "-p", "right", *files[:1])
        self.assertEqual(status, 5)
        self.assertIn("with other bytes", message)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compares uploads with twine and pypiserver.")
    parser.add_argument("--helper", type=Path, default=HELPER)
    given, rest = parser.parse_known_args()
    HELPER = given.helper.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
