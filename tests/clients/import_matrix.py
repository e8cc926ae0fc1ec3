#!/usr/bin/env python3
"""Real tools with a password in plain text, before `helper import --apply` and after it.

    tests/clients/import_matrix.py --helper target/debug/helper [--tool NAME] [--verbose]

Each tool writes its own file where it can, has to work with it, is moved, and has to work again: now with what
it asks of the helper. Ends with 1 where anything else comes out. Run it with the Python of tests/requirements.txt;
the tools are those of `matrix.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile

from pathlib import Path
from typing import Callable
from urllib.parse import quote

import venvs

from home import Command
from home import Ended
from home import Home
from home import start_agent
from index import Index
from index import Repository
from packages import PKG
from service import Bus
from tool import PASSWORDS
from tool import USERS
from tool import Tool
from tools import Hatch
from tools import Pdm
from tools import Pip
from tools import Poetry
from tools import Twine
from tools import Uv

NAME = "foo"
USER, PASSWORD = USERS[NAME], PASSWORDS[NAME]
COMMENT = "# a comment of the user's\n"


class Row:
    """A tool with a file of its own."""

    name = ""
    tool: Tool = Tool()
    action = "install"
    # The file, below the home; below the project where it begins with `project`.
    file = ""

    def place(self, home: Home) -> Path:
        """Where the file is."""
        return (home.folder if self.file.startswith("project") else home.home) / self.file

    def write(self, home: Home) -> None:
        """Leaves the password in plain text."""
        raise NotImplementedError

    def text(self, home: Home, text: str) -> None:
        """Writes the file."""
        self.place(home).parent.mkdir(parents=True, exist_ok=True)
        self.place(home).write_text(text)

    def by_tool(self, home: Home, *arguments: str, **options: object) -> None:
        """Has the tool itself write its file."""
        ended = home.run(self.tool.run(*arguments, **options))
        if ended.status:
            raise RuntimeError(f"{ended.argv}: {ended.status}: {ended.output}")

    def use(self, home: Home) -> list[Command]:
        """What the tool then does."""
        return self.tool.commands(self.action, home, (NAME,))

    def works(self, home: Home) -> bool:
        """Whether it does that, with the right account."""
        shutil.rmtree(home.project)
        keep = self.place(home)
        home.project.mkdir()
        shutil.rmtree(home.folder / "dist", ignore_errors=True)
        home.index.requests.clear()
        home.index.uploads.clear()
        if self.file.startswith("project"):
            keep.write_text(self.kept)
            keep.chmod(self.mode)
        ended: list[Ended] = [home.run(command) for command in self.use(home)]
        done = self.tool.proved(self.action, home, (NAME,))
        seen = {(one.user, one.credential) for one in home.index.requests}
        return done and all(one.status == 0 for one in ended) and (USER, "right") in seen

    kept, mode = "", 0o640


def with_password(url: str) -> str:
    """A URL with what is secret in it."""
    return url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")


class PipConf(Row):
    name, tool, file = "pip, pip.conf", Pip(), ".config/pip/pip.conf"

    def write(self, home: Home) -> None:
        url = with_password(home.index.url(NAME))
        for key, value in (("index-url", url), ("keyring-provider", "subprocess")):
            self.by_tool(home, "config", "set", "--user", f"global.{key}", value)

    def use(self, home: Home) -> list[Command]:
        return [self.tool.run("install", "--no-input", "--target", "into", "pkg")]


class Requirements(Row):
    name, tool, file = "pip, requirements", Pip(), "project/requirements.txt"

    def write(self, home: Home) -> None:
        self.text(home, f"--index-url {with_password(home.index.url(NAME))}\npkg\n")

    def use(self, home: Home) -> list[Command]:
        options = ["--no-input", "--keyring-provider", "subprocess", "--target", "into"]
        return [self.tool.run("install", *options, "-r", "requirements.txt")]


class PoetryAuth(Row):
    name, tool, file = "Poetry, auth.toml", Poetry(), ".config/pypoetry/auth.toml"

    def write(self, home: Home) -> None:
        off = {"POETRY_KEYRING_ENABLED": "false"}
        self.by_tool(home, "config", f"http-basic.{NAME}", USER, PASSWORD, environment=off)


class PoetryUpload(PoetryAuth):
    name, action = "Poetry, auth.toml, upload", "upload"


class Pypirc(Row):
    name, tool, action, file = "twine, .pypirc", Twine(), "upload", ".pypirc"

    def write(self, home: Home) -> None:
        url = home.index.url(NAME, "legacy")
        lines = ["[distutils]", "index-servers = own", "", "[own]", f"repository = {url}"]
        lines += [f"username = {USER}", f"password = {PASSWORD}", ""]
        self.text(home, "\n".join(lines))

    def use(self, home: Home) -> list[Command]:
        wheel = str(PKG.write(home.folder / "dist"))
        options = ["--non-interactive", "--disable-progress-bar", "-r", "own"]
        return [self.tool.run("upload", *options, wheel)]


class UvStore(Row):
    name, tool, file = "uv, its store", Uv(), ".local/share/uv/credentials/credentials.toml"

    def write(self, home: Home) -> None:
        login = ["auth", "login", home.index.url(NAME), "--username", USER, "--password", "-"]
        self.by_tool(home, *login, stdin=PASSWORD)
        # An entry of this store is for all below a URL, which only a repository has.
        home.ask_helper("trust", "own", home.index.url(NAME))


class UvToml(Row):
    name, tool, file = "uv, uv.toml", Uv(), ".config/uv/uv.toml"

    def write(self, home: Home) -> None:
        url = with_password(home.index.url(NAME))
        text = f'keyring-provider = "subprocess"\n[[index]]\nname = "own"\nurl = "{url}"\ndefault = true\n'
        self.text(home, text)

    def use(self, home: Home) -> list[Command]:
        commands = self.tool.commands("install", home, (NAME,))
        project = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["pkg"]\n'
        (home.project / "pyproject.toml").write_text(project)
        for command in commands:
            command.environment.pop("UV_KEYRING_PROVIDER")
        return commands


class PdmConfig(Row):
    name, tool, action, file = "PDM, config.toml", Pdm(), "upload", ".config/pdm/config.toml"

    def write(self, home: Home) -> None:
        lines = ["[repository.own]", f'url = "{home.index.url(NAME, "legacy")}"']
        lines += [f'username = "{USER}"', f'password = "{PASSWORD}"', ""]
        self.text(home, "\n".join(lines))

    def use(self, home: Home) -> list[Command]:
        command = self.tool.commands("upload", home, (NAME,))[0]
        at = command.argv.index("--repository")
        command.argv[at:] = ["--repository", "own"]
        return [command]


class HatchConfig(Row):
    name, tool, action, file = "Hatch, config.toml", Hatch(), "upload", ".config/hatch/config.toml"

    def write(self, home: Home) -> None:
        lines = ["[publish.index.repos.own]", f'url = "{home.index.url(NAME, "legacy")}"']
        lines += [f'user = "{USER}"', f'auth = "{PASSWORD}"', ""]
        self.text(home, "\n".join(lines))

    def use(self, home: Home) -> list[Command]:
        wheel = str(PKG.write(home.folder / "dist"))
        return [self.tool.run("publish", "-n", "-r", "own", wheel)]


ROWS: tuple[Row, ...] = tuple(
    one()
    for one in (
        PipConf,
        Requirements,
        PoetryAuth,
        PoetryUpload,
        Pypirc,
        UvStore,
        UvToml,
        PdmConfig,
        HatchConfig,
    )
)


def run_row(row: Row, helper: Path, tell: Callable[[Home], None]) -> list[str]:
    """What is not as it has to be."""
    faults: list[str] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="import-"))).resolve()
        bus = stack.enter_context(Bus(folder / "bus"))
        index = stack.enter_context(Index([Repository(NAME, USER, PASSWORD)]))
        home = Home(folder, bus, helper, index)
        home.agent = start_agent(home)
        stack.enter_context(home.agent)
        stack.callback(home.calm)
        home.install_bridges()
        row.write(home)
        place = row.place(home)
        place.write_text(COMMENT + place.read_text())
        place.chmod(row.mode)
        row.kept = place.read_text()
        if not row.works(home):
            faults.append("does not work with the password in plain text")
        before = place.read_text()
        for arguments, status in (
            (["scan"], 1),
            (["import"], 0),
            (["import", "--apply"], 0),
            (["scan"], 0),
        ):
            said = ask(home, *arguments, str(place))
            if said.returncode != status:
                faults.append(f"helper {arguments}: {said.returncode}: {said.stdout}{said.stderr}")
            if PASSWORD in said.stdout + said.stderr or quote(PASSWORD, safe="") in said.stdout:
                faults.append(f"helper {arguments} shows the password")
            if arguments == ["import"] and place.read_text() != before:
                faults.append("changed the file without --apply")
        after = row.kept = place.read_text()
        if PASSWORD in after or quote(PASSWORD, safe="") in after:
            faults.append("the password is still there")
        if COMMENT not in after:
            faults.append("the comment is gone")
        row.mode = mode = place.stat().st_mode & 0o777
        # Poetry's own file is closed by what stores into it.
        if mode not in (0o640, 0o600):
            faults.append(f"its mode is {mode:o}")
        home.calls_log.unlink(missing_ok=True)
        if not row.works(home):
            faults.append("does not work with the password in the keyring")
        if not home.calls():
            faults.append("got its credential from elsewhere")
        if faults:
            tell(home)
    return faults


def ask(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Our own command line."""
    return subprocess.run(
        [str(home.helper), *arguments],
        env=home.environment(),
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def main() -> int:
    """Runs what the command line selects."""
    parser = argparse.ArgumentParser(description="Tools before and after an import.")
    parser.add_argument("--helper", type=Path, required=True)
    parser.add_argument("--tool", action="append", help="only these rows")
    options = parser.parse_args()
    rows = [row for row in ROWS if not options.tool or row.name in options.tool]
    venvs.make([row.tool.client for row in rows] + ["uv"])

    def tell(home: Home) -> None:
        for one in home.ended:
            print(f"  $ {' '.join(one.argv)} -> {one.status}\n{one.output}", file=sys.stderr)
        for request in home.index.requests:
            print(f"  {request}", file=sys.stderr)
        print("\n".join(home.calls()), file=sys.stderr)

    wrong = 0
    for row in rows:
        faults = run_row(row, options.helper.resolve(), tell)
        wrong += bool(faults)
        print(f"{'WRONG' if faults else 'ok':5} {row.name}", flush=True)
        for fault in faults:
            print(f"      {fault}", flush=True)
    print(f"{len(rows)} rows, {wrong} wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
