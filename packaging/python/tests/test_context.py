"""What a question carries of its process, as tables; ``test_agent`` compares it with what ``helper`` sends."""

from __future__ import annotations

import os
import re
import sys
import unittest
from pathlib import Path
from unittest import mock

from support import PACKAGES, Case

import credential_helper
from credential_helper import context, program


class Folders(unittest.TestCase):
    def folders(self, environment: dict[str, str], platform: str = "linux") -> list[object]:
        return list(context.folders(environment, platform, "/project").values())

    def test_linux(self) -> None:
        self.assertEqual(
            self.folders({"HOME": "/h"}),
            [
                "/h/.config/credential-helper",
                "/h/.local/state/credential-helper",
                "/h/.config/pypoetry",
                "/h/.config/uv",
                "/h/.local/share/uv/credentials",
            ],
        )
        given = {
            "HOME": "/h",
            "XDG_CONFIG_HOME": "/c",
            "XDG_STATE_HOME": "relative",
            "XDG_DATA_HOME": "/d",
            "POETRY_CONFIG_DIR": "here",
            "CREDENTIAL_HELPER_CONFIG_DIR": "/own",
        }
        self.assertEqual(
            self.folders(given),
            ["/own", "/h/.local/state/credential-helper", "/project/here", "/c/uv", "/d/uv/credentials"],
        )
        self.assertEqual(self.folders({"HOME": ""}), [None] * 5)

    def test_macos(self) -> None:
        self.assertEqual(
            self.folders({"HOME": "/h", "UV_CREDENTIALS_DIR": "/s"}, "macos"),
            [
                "/h/Library/Application Support/credential-helper",
                "/h/Library/Application Support/credential-helper",
                "/h/Library/Application Support/pypoetry",
                "/h/.config/uv",
                "/s",
            ],
        )


class Variables(unittest.TestCase):
    ALL = {
        "POETRY_HTTP_BASIC_MY.REPO_USERNAME": "a",
        "POETRY_HTTP_BASIC_MY_REPO_PASSWORD": "b",
        "UV_INDEX_MY_REPO_USERNAME": "",
        "POETRY_PYPI_TOKEN_OTHER": "c",
        "UV_INDEX_URL": "d",
        "UV_INDEX_USERNAME": "f",
        "TWINE_PASSWORD": "e",
    }

    def test_a_name_sends_its_spellings_and_a_url_all(self) -> None:
        own = ["POETRY_HTTP_BASIC_MY.REPO_USERNAME", "POETRY_HTTP_BASIC_MY_REPO_PASSWORD", "UV_INDEX_MY_REPO_USERNAME"]
        for service in ("poetry-repository-my.repo", "pdm-pypi-my.repo", "pdm-repository-my.repo"):
            self.assertEqual(list(context.variables(self.ALL, service)), own)
        for service in ("https://h/simple", "h:8443", "poetry-repository-", "anything"):
            self.assertEqual(sorted(context.variables(self.ALL, service)), sorted([*own, "POETRY_PYPI_TOKEN_OTHER"]))


class Process(Case):
    def test_the_start_of_this_process(self) -> None:
        found = context.process()
        if not Path("/proc/self/stat").exists():
            self.assertIsNone(found)
            return
        assert found is not None
        fields = Path(f"/proc/{os.getpid()}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        self.assertEqual(found, {"pid": os.getpid(), "start": int(fields[19])})

    def test_the_folder_of_poetrys_project(self) -> None:
        project = self.folder / "project"
        project.mkdir()
        here = os.getcwd()
        os.chdir(self.folder)
        self.addCleanup(os.chdir, here)
        poetry = "/usr/bin/poetry"
        for arguments in (["-P", "project"], ["-Pproject"], ["--project", str(project)], ["--project=project"]):
            for command in (poetry, "/x/site-packages/poetry/__main__.py"):
                self.assertEqual(context.working_folder([command, "lock", *arguments]), str(project))
            self.assertEqual(context.working_folder(["/usr/bin/twine", *arguments]), str(self.folder))
        # Poetry goes into its --directory itself.
        for arguments in (["-C", "project"], ["--", "-P", "project"], ["-P"], ["-P", "missing"]):
            self.assertEqual(context.working_folder([poetry, *arguments]), str(self.folder))
        self.assertEqual(context.working_folder([]), str(self.folder))
        os.chdir(project)
        project.rmdir()
        self.assertIsNone(context.working_folder([poetry]))

    def test_the_version_is_that_of_the_programs(self) -> None:
        text = (PACKAGES.parents[1] / "Cargo.toml").read_text(encoding="utf-8")
        found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
        assert found is not None
        self.assertEqual(credential_helper.__version__, found[1])


class Programs(Case):
    def setUp(self) -> None:
        super().setUp()
        mock.patch.stopall()
        self.patch(mock.patch.dict(os.environ, self.environment, clear=True))
        self.patch(mock.patch("sys.executable", str(self.folder / "bin" / "python")))
        self.patch(mock.patch("sys.prefix", sys.base_prefix))
        self.patch(mock.patch("sysconfig.get_path", lambda *_: str(self.folder / "scripts")))

    def install(self, folder: str, *names: str) -> Path:
        place = self.folder / folder
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            (place / name).touch(mode=0o755)
        return place

    def test_beside_python_then_in_the_scripts_then_on_the_path(self) -> None:
        os.environ["PATH"] = str(self.install("path", "helper", "helperd"))
        self.assertEqual(program.find("helperd"), self.folder / "path/helperd")
        for folder in ("scripts", "bin"):
            self.install(folder, "helper", "helperd")
            self.assertEqual(program.find("helper"), self.folder / folder / "helper")

    def test_another_program_of_that_name(self) -> None:
        os.environ["PATH"] = str(self.install("path", "helper"))
        self.assertIsNone(program.find("helper"))
        (self.folder / "path/helperd").touch(mode=0o644)
        self.assertIsNone(program.find("helperd"))

    def test_a_link_and_libexec(self) -> None:
        self.install("usr/bin", "helper")
        self.install("usr/libexec/credential-helper", "helperd")
        link = self.install("links") / "helper"
        link.symlink_to(self.folder / "usr/bin/helper")
        os.environ["PATH"] = str(link.parent)
        self.assertEqual(program.find("helper"), link)
        self.assertEqual(program.find("helperd"), self.folder / "usr/libexec/credential-helper/helperd")

    def test_never_from_the_working_folder(self) -> None:
        here = os.getcwd()
        os.chdir(self.install("project", "helper", "helperd"))
        self.addCleanup(os.chdir, here)
        for path in (".", "", str(self.folder / "project"), "../project"):
            os.environ["PATH"] = path
            self.assertIsNone(program.find("helper"), path)


if __name__ == "__main__":
    unittest.main()
