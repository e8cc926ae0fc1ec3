"""Completions, asked of each shell as somebody would who presses the tab key."""

from __future__ import annotations

import os
import pty
import select
import time

from pathlib import Path
from typing import Callable
from typing import Iterable

from support import PATIENCE

# What is typed, and some of what each shell has to offer.
TYPED = {
    "helper ge": {"get"},
    "helper agent st": {"start", "stop", "status"},
    "helper get foo --for": {"--format"},
    "helper completions ": {"bash", "zsh", "fish"},
    "helper setup d": {"docker"},
}

BASH = """
. /usr/share/bash-completion/bash_completion
{load}
COMP_LINE={line!r}
COMP_POINT=${{#COMP_LINE}}
read -ra COMP_WORDS <<<"$COMP_LINE"
case $COMP_LINE in *' ') COMP_WORDS+=('') ;; esac
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
by=$(complete -p helper | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$by" helper "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
# Where the package put it: bash-completion finds it by the command's name.
BASH_LOADS = "_completion_loader helper || [ $? = 124 ]"


def bash(run: Callable[..., str], file: str = "") -> None:
    """`run` runs a command and gives what it printed; without a `file`, bash-completion has to find it."""
    load = f". {file}" if file else BASH_LOADS
    if file:
        script = BASH.replace(". /usr/share/bash-completion/bash_completion\n", "")
    else:
        script = BASH
    for line, wanted in TYPED.items():
        offered = set(run("bash", "--norc", "-c", script.format(load=load, line=line)).split())
        assert wanted <= offered, ("bash", line, offered)


def fish(run: Callable[..., str], file: str) -> None:
    for line, wanted in TYPED.items():
        said = run("fish", "--no-config", "-c", f"source {file}; complete -C '{line}'")
        offered = {one.split("\t")[0] for one in said.splitlines()}
        assert wanted <= offered, ("fish", line, offered)


def zsh(environment: dict[str, str], folder: Path) -> None:
    """`folder` has the file `_helper`. zsh completes at a terminal only."""
    for line, wanted in TYPED.items():
        shown = _zsh(environment, folder, line, wanted)
        assert wanted <= shown, ("zsh", line, shown)


def _zsh(environment: dict[str, str], folder: Path, line: str, wanted: Iterable[str]) -> set[str]:
    begin = f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -u -D; PS1=; LISTMAX=1000; print re''ady\n"
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**environment, "TERM": "dumb", "COLUMNS": "200"})
    try:
        os.write(terminal, begin.encode())
        _until(terminal, lambda text: "\nready" in text)
        # Lists what there is, whether or not it is one thing only.
        os.write(terminal, b"bindkey '^X' list-choices; print re''ady\n")
        _until(terminal, lambda text: "\nready" in text)
        os.write(terminal, line.encode() + b"\x18")
        words: set[str] = set()

        def complete(text: str) -> bool:
            # The typed line itself is shown too.
            words.clear()
            words.update(text.partition(line)[2].split())
            return set(wanted) <= words

        _until(terminal, complete)
        return words
    finally:
        os.close(terminal)
        os.waitpid(child, 0)


def _until(terminal: int, enough: Callable[[str], bool]) -> None:
    text = ""
    end = time.monotonic() + PATIENCE
    while not enough(text) and time.monotonic() < end:
        if select.select([terminal], [], [], 1)[0]:
            text += os.read(terminal, 65536).decode("utf-8", "replace").replace("\r", "")
