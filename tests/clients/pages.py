#!/usr/bin/env python3
"""Every command of the documents, run: the blocks of README.md, CONTRIBUTING.md and docs/, the command lines
of `helper` in running text, and the examples of the manual pages.

    tests/clients/pages.py --helper target/debug/helper [--only PAGE] [-v]

Each block is one shell in a home of its own, with a repository `foo` on loopback whose credential is
stored; https://pypi.example.org of the documents is that server, and nothing else can be reached. A command
has to end with 0, or with what `pages_known.py` says of it, and where a block shows what is printed, it has
to be printed. What cannot be run here stands there too, with its reason; an entry that no document needs any
more is an error. Run it with the Python of tests/requirements.txt.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import Optional

import pages_known as known

from index import Index
from index import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "poetry"))

from service import PASSWORD
from service import Bus

ROOT = Path(__file__).resolve().parents[2]
# What is typed, or piped, where a command asks.
SECRET = "s3cret"
DEADLINE = 60


@dataclass
class Line:
    """A command of a document, and what the document says that it prints."""

    page: str
    number: int
    text: str
    printed: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.page}:{self.number}: {self.text}"

    def known(self, entries: dict[str, Any]) -> Optional[str]:
        """The entry about this line: as it stands on this page, or on any."""
        keys = (f"{self.page}: {self.text}", self.text)
        return next((key for key in keys if key in entries), None)


def documents() -> list[Path]:
    """Every page that may hold commands."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def uncommented(line: str) -> str:
    """A line without its comment: a `#` after a space, outside of quotes."""
    quote = ""
    for at, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "#" and line[:at].endswith(" "):
            return line[:at].rstrip()
    return line.rstrip()


def blocks(page: Path) -> Iterator[list[Line]]:
    """The commands of each block of a page."""
    name, language = str(page.relative_to(ROOT)), None
    found: list[Line] = []
    going_on = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            if language is not None and found:
                yield found
            language = line[3:] if language is None else None
            found, going_on = [], False
        elif language == "console" and line.startswith("$ "):
            found.append(Line(name, number, uncommented(line[2:])))
        elif language == "console" and found:
            found[-1].printed.append(line)
        elif language == "sh" and going_on:
            found[-1].text += "\n" + uncommented(line)
            going_on = line.endswith("\\")
        elif language == "sh" and uncommented(line).strip():
            found.append(Line(name, number, uncommented(line)))
            going_on = line.endswith("\\")


def spans(page: Path) -> Iterator[Line]:
    """The command lines of `helper` in running text, with words for what stands for a word."""
    inside, name = False, str(page.relative_to(ROOT))
    text = page.read_text()
    outside = []
    for line in text.splitlines():
        inside ^= line.startswith("```")
        outside.append("" if inside or line.startswith("```") else line)
    for span in re.finditer(r"`([^`]+)`", "\n".join(outside)):
        line = " ".join(span[1].replace(r"\|", "|").split())
        # The name of a command is not a way to call it.
        if line.startswith("helper ") and line not in known.NAMES:
            number = "\n".join(outside)[: span.start()].count("\n") + 1
            yield Line(name, number, known.with_words(line))


def examples(helper: Path) -> Iterator[Line]:
    """The examples of the manual pages, as they are made by this program."""
    with tempfile.TemporaryDirectory(prefix="pages-man-") as folder:
        environment = {"PATH": os.environ["PATH"], "HOME": folder}
        subprocess.run([helper, "man", "--dir", folder], env=environment, check=True, timeout=DEADLINE)
        for page in sorted(Path(folder).glob("*.1")):
            lines = page.read_text().splitlines()
            begin = lines.index(".SH EXAMPLES")
            for number, line in enumerate(lines[begin:], begin + 1):
                if line.startswith(".B "):
                    text = line[3:].replace("\\(aq", "'").replace("\\(dq", '"')
                    yield Line(page.name, number, text.replace("\\-", "-").replace("\\e", "\\"))


class World:
    """A home for one block."""

    def __init__(self, helper: Path, index: Index, lines: list[Line], bus: Bus) -> None:
        self.index = index
        self.root = Path(tempfile.mkdtemp(prefix="pages-"))
        # As a session has it: in memory. What agents keep there is for no disk.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else self.root
        self.runtime = Path(tempfile.mkdtemp(prefix="pages-run-", dir=memory))
        for name in ("home", "bin", "project/dist", "tmp"):
            (self.root / name).mkdir(parents=True)
        # A copy: nothing here leads into this project.
        shutil.copytree(ROOT / "packaging/systemd", self.root / "project/packaging/systemd")
        for program in ("helper", "helperd"):
            (self.root / "bin" / program).symlink_to(helper.with_name(program))
        if any(word in line.text for line in lines for word in ("helper exec", "docker")):
            for tool, (_, script) in known.STANDINS.items():
                path = self.root / "bin" / tool
                path.write_text(f"#!/bin/sh\n{script}\n")
                path.chmod(0o755)
        self.environment = {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "HOME": str(self.root / "home"),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "TMPDIR": str(self.root / "tmp"),
            "LANG": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            # Nobody listens there: what asks another server than ours finds none.
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        keyring = any(line.known(known.WITH_KEYRING) for line in lines)
        if keyring:
            self.environment["DBUS_SESSION_BUS_ADDRESS"] = bus.address
        for below, text in known.files(keyring).items():
            path = self.root / below
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.here(text))
            path.chmod(0o755 if below.endswith(".sh") else 0o600)
        for package in known.UPLOADS:
            package.write(self.root / "project" / "dist")

    def here(self, text: str) -> str:
        """A text of a document as it is here: its example server is ours."""
        for there, here in known.places(self.index):
            text = text.replace(there, here)
        return text

    def there(self, text: str) -> str:
        """The way back, for what is printed."""
        text = text.replace(str(self.root / "home"), "/home/alice")
        text = text.replace(str(self.runtime), "/run/user/1000")
        for there, here in known.places(self.index):
            text = text.replace(here, there)
        return text

    def run(self, lines: list[Line]) -> list[tuple[Optional[int], str]]:
        """Runs the lines in one shell, each with something to read; status and output of each."""
        (self.root / "typed").write_text(f"{SECRET}\n")
        # The keyring has a password of its own.
        (self.root / "keyring").write_bytes(PASSWORD)
        script = ["set -o pipefail"]
        for number, line in enumerate(lines):
            output = self.root / f"output-{number}"
            typed = self.root / ("keyring" if "--password-stdin" in line.text else "typed")
            before = line.known(known.BEFORE)
            if before:
                script.append(f"{self.here(known.BEFORE[before])} >'{output}' 2>&1 </dev/null || exit 1")
            # A group, not a subshell: what a line exports holds for the next.
            script.append(f"{{ {self.here(line.text)}\n}} <'{typed}' >'{output}' 2>&1; echo $? >'{output}.status'")
        (self.root / "script").write_text("\n".join(script) + "\n")
        shell = subprocess.Popen(
            ["bash", self.root / "script"],
            cwd=self.root / "project",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            shell.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
        ended = []
        for number, _ in enumerate(lines):
            output = self.root / f"output-{number}"
            status = Path(f"{output}.status")
            said = output.read_text(errors="replace") if output.exists() else ""
            ended.append((int(status.read_text()) if status.exists() else None, self.there(said)))
        return ended

    def close(self) -> None:
        """Ends the agent, whatever state it is in, and removes everything."""
        path = self.runtime / "credential-helper/agent.sock"
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asked:
            asked.connect(str(path))
            # Process, user and group of the other end (`unix(7)`).
            told = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            os.kill(int.from_bytes(told[:4], sys.byteorder), signal.SIGKILL)
        shutil.rmtree(self.runtime, ignore_errors=True)
        shutil.rmtree(self.root, ignore_errors=True)


def fits(wanted: str, said: str) -> bool:
    """Whether a line was said; `...` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return any(re.fullmatch(pattern, line) for line in said.splitlines())


class Run:
    """What came out, over all pages."""

    def __init__(self, helper: Path, told: bool, index: Index, bus: Bus) -> None:
        self.helper, self.told, self.index, self.bus = helper, told, index, bus
        self.used: set[str] = set()
        self.wrong: list[str] = []
        self.ran = self.left = 0

    def block(self, lines: list[Line]) -> None:
        """Runs a block, without what cannot be run here."""
        here = []
        reasons = {**known.OURS, **known.NOT_HERE, **known.BLOCKS_ELSEWHERE}
        whole = lines[0].known(known.BLOCKS_ELSEWHERE)
        for line in lines:
            for entries in (known.STATUS, known.BEFORE, known.WITH_KEYRING):
                self.used.update(filter(None, [line.known(entries)]))
            begin = next((begin for begin in known.OURS if line.text.startswith(begin)), None)
            entry = whole or line.known(known.NOT_HERE) or begin
            if entry is None:
                here.append(line)
                continue
            self.used.add(entry)
            self.left += 1
            if self.told:
                print(f"left out {line}\n         {reasons[entry]}")
        if not here:
            return
        world = World(self.helper, self.index, here, self.bus)
        try:
            for line, (status, said) in zip(here, world.run(here)):
                self.judge(line, status, said)
        finally:
            world.close()

    def judge(self, line: Line, status: Optional[int], said: str) -> None:
        """Holds what came out against the page."""
        self.ran += 1
        entry = line.known(known.STATUS)
        wanted = known.STATUS[entry] if entry else 0
        missing = [printed for printed in line.printed if not fits(printed, said)]
        if status == wanted and not missing:
            if self.told:
                print(f"ok       {line}")
            return
        how = "did not end" if status is None else f"ended with {status} instead of {wanted}"
        self.wrong.append(f"{line}\n    {how}; not printed: {missing}\n    it said: {said.strip()!r}")

    def unused(self) -> list[str]:
        """What the lists of `pages_known.py` hold although no document needs it."""
        lists = (known.OURS, known.NOT_HERE, known.BLOCKS_ELSEWHERE, known.STATUS, known.BEFORE, known.WITH_KEYRING)
        return sorted({entry for entries in lists for entry in entries} - self.used)


def self_test() -> None:
    """What reads the pages sees what stands there, and no more."""
    with tempfile.TemporaryDirectory(prefix="pages-", dir=ROOT / "target") as folder:
        page = Path(folder) / "page.md"
        text = "```sh\na 'b # c'   # d\n\ne \\\n  f\n```\n`helper x` and `helper get\nfoo`\n"
        page.write_text(text + "```console\n$ g\nh\n$ i\n```\n```text\nhelper j\n```\n")
        found = [[(line.text, line.printed) for line in lines] for lines in blocks(page)]
        assert found == [[("a 'b # c'", []), ("e \\\n  f", [])], [("g", ["h"]), ("i", [])]], found
        assert [line.text for line in spans(page)] == ["helper x", "helper get foo"]
    assert fits("a ... c", "x\na b c\n") and not fits("a ... c", "x a b c") and not fits("a", "ab")


def main() -> int:
    """Runs everything."""
    self_test()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--helper", type=Path, required=True)
    parser.add_argument("--only", help="pages whose path contains this")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell each line")
    given = parser.parse_args()
    pages = [page for page in documents() if not given.only or given.only in str(page)]
    own = Repository("foo", "alice", SECRET, packages=known.PACKAGES)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pages-bus-"))
        bus = stack.enter_context(Bus(Path(folder)))
        index = stack.enter_context(Index([own]))
        run = Run(given.helper.resolve(), given.verbose, index, bus)
        for page in pages:
            for lines in blocks(page):
                run.block(lines)
        alone = {line.text: line for page in pages for line in spans(page)}
        if not given.only:
            alone |= {line.text: line for line in examples(run.helper)}
        for line in alone.values():
            run.block([line])
    for what in run.wrong:
        print(f"FAILED   {what}")
    unused = [] if given.only else run.unused()
    for text in unused:
        print(f"FAILED   no document has the line that pages_known.py names: {text}")
    print(f"{run.ran} commands ran, {run.left} were left out with a reason, {len(run.wrong)} were wrong")
    return bool(run.wrong or unused or not run.ran)


if __name__ == "__main__":
    sys.exit(main())
