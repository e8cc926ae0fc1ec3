#!/usr/bin/env python3
"""Real clients against an authenticated index on loopback, each in every case: what came out, as a table.

    tests/clients/matrix.py --helper target/debug/helper          with our bridges and our backend
    tests/clients/matrix.py --with python-keyring                 with Python's keyring: the control

Prints Markdown; ends with 1 if any cell is not what `cases.py` expects. Run it with the Python of
tests/requirements.txt. The tools are installed first where they are missing (`venvs.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import sys
import tempfile
import time

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Optional

import venvs

from cases import CALLS
from cases import CASES
from cases import QUICK
from cases import Case
from cases import Oddity
from home import Home
from home import start_agent
from index import Index
from index import Repository
from packages import ALL
from packages import DEP
from packages import LEAF
from packages import PKG
from packages import Package
from service import Bus
from other_tools import Cargo
from other_tools import Git
from report import Result
from report import Results
from report import oddity
from report import page
from report import table
from tool import PASSWORDS
from tool import USERS
from tool import Tool
from tools import PYTHON_TOOLS

TOOLS: tuple[Tool, ...] = (*PYTHON_TOOLS, Git(), Cargo())

# What Python's keyring has to have chosen.
BACKEND = "credential_helper.backend"


def applies(tool: Tool, case: Case, ours: bool) -> bool:
    """Whether there is such a cell."""
    if not ours and case.agent != "running":
        return False
    return action_of(tool, case) in (*tool.actions, "store")


def action_of(tool: Tool, case: Case) -> str:
    """What the tool is made to do."""
    return tool.actions[0] if case.action == "main" else case.action


def run_cell(tool_name: str, case_key: str, helper: Optional[Path]) -> Result:
    """Runs one cell; what goes wrong with the test itself is a fault of the cell too."""
    try:
        return run_tool(tool_name, case_key, helper)
    except Exception as error:  # The other cells are still worth to be seen.
        fault = f"{type(error).__name__}: {error}"
        return Result(tool_name, case_key, False, [fault], [], [], 0)


def run_tool(tool_name: str, case_key: str, helper: Optional[Path]) -> Result:
    """Runs a tool in a case, in surroundings of its own."""
    tool = next(one for one in TOOLS if one.name == tool_name)
    case = next(one for one in CASES if one.key == case_key)
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="client-"))
        folder = Path(name).resolve()
        bus = stack.enter_context(Bus(folder / "bus"))
        index = stack.enter_context(Index(repositories_of(case, folder)))
        home = Home(folder, bus, helper, index)
        if helper:
            home.agent = start_agent(home)
            stack.enter_context(home.agent)
            stack.callback(home.calm)
        home.install_bridges()
        if case.stored != "nothing":
            for one in case.repositories:
                wrong = "not-" if case.stored == "wrong" else ""
                tool.keep(home, one, wrong + PASSWORDS[one])
        home.trouble(case.agent)
        action = action_of(tool, case)
        commands = tool.commands(action, home, case.repositories)
        for command in commands:
            if bool(home.run(command).status) != command.shall_fail:
                break
        proof = tool.actions[0] if action == "store" else action
        done = tool.proved(proof, home, case.repositories)
        result = Result(
            tool.name,
            case.key,
            done and all(one.status == 0 for one in home.ended[-1:]),
            [],
            home.calls(),
            [str(one) for one in index.requests],
            0,
            [asdict(one) for one in home.ended],
        )
        result.faults = faults(tool, case, home, result, done)
        result.seconds = round(time.monotonic() - begun, 2)
    return result


def repositories_of(case: Case, folder: Path) -> list[Repository]:
    """The index's repositories. Where there are two, each has a part of what is needed."""
    packages: dict[str, tuple[Package, ...]] = {"foo": ALL, "bar": ALL}
    if len(case.repositories) > 1:
        packages = {"foo": (PKG,), "bar": (DEP, LEAF)}
    return [
        Repository(n, USERS[n], PASSWORDS[n], case.refusal, packages[n], folder / "git" / n)
        for n in ("foo", "bar")
    ]


def faults(tool: Tool, case: Case, home: Home, result: Result, done: bool) -> list[str]:
    """What is not as it has to be."""
    odd = oddity(tool, case, home.helper is not None) or Oddity("")
    works = case.works if odd.works is None else odd.works
    found = []
    for one in home.ended:
        text = one.output
        if one.status is None:
            found.append(f"hung for {home.deadline} s")
        if "panicked at" in text or re.search(r'File "[^"]*/credential_helper/', text):
            found.append("a traceback of ours")
        if any(secret in text for secret in PASSWORDS.values()):
            found.append("a secret in its output")
    backends = {one.rpartition(" of ")[2] for one in result.calls if " of " in one}
    if home.helper and backends - {BACKEND}:
        found.append(f"asked {', '.join(backends)}")
    if works != result.works:
        found.append("did not work" if works else "worked")
    if done and not result.works:
        found.append("did it, but ended with an error")
    seen = {(one.repository, one.user, one.credential) for one in home.index.requests}
    kinds = {credential for _, _, credential in seen}
    if "foreign" in kinds and not odd.sends_foreign:
        found.append("sent a credential to another repository")
    if odd.sends_foreign and "foreign" not in kinds and home.helper is None:
        found.append("does not send a credential to another repository any more")
    if works:
        for name in case.repositories:
            # cargo sends a bare token.
            if not {(name, user, "right") for user in (USERS[name], "token")} & seen:
                found.append(f"{USERS[name]} never came to {name}")
    elif "right" in kinds and not case.works:
        found.append("the right credential was sent")
    if not kinds and not result.calls:
        found.append("neither asked for a credential nor came to the index")
    if case.key == "wrong" and "wrong" not in kinds and not odd.why:
        found.append("the wrong password was never sent")
    if not works and case.key != "wrong" and "wrong" in kinds:
        found.append("a credential from nowhere was sent")
    # Without us, git and cargo use what they bring with them.
    counted = home.helper is not None or bool(tool.client)
    if works and counted and not result.calls:
        found.append("got its credential from elsewhere")
    expected = CALLS.get(tool.name, {}).get(case.key)
    as_usual = odd.works is None
    if expected is not None and as_usual and counted and len(result.calls) != expected:
        found.append(f"asked {len(result.calls)} times, not {expected}")
    return found


def tell(result: Result, verbose: bool) -> None:
    """One line on standard error for a cell, and everything for a wrong one."""
    state = "WRONG" if result.faults else "ok"
    line = f"{state:5} {result.seconds:6.2f}s {len(result.calls):2} calls  {result.tool}: {result.case}"
    print(line, file=sys.stderr, flush=True)
    if not result.faults and not verbose:
        return
    for text in (*result.faults, *result.calls, *result.requests):
        print(f"      {text}", file=sys.stderr)
    for command in result.commands:
        print(f"      $ {' '.join(command['argv'])} -> {command['status']}", file=sys.stderr)
        for text in command["output"].splitlines()[-40:]:
            print(f"      | {text}", file=sys.stderr)


def main() -> int:
    """Runs what the command line selects."""
    parser = argparse.ArgumentParser(description="Real clients, each in every case.")
    parser.add_argument("--helper", type=Path, help="our program, with helperd beside it")
    parser.add_argument("--with", dest="control", choices=["python-keyring"], help="the control")
    parser.add_argument("--tool", action="append", help="only these rows")
    parser.add_argument("--case", action="append", help="only these columns, by their key")
    parser.add_argument("--quick", action="store_true", help="some columns, and no installing")
    parser.add_argument("--write-docs", action="store_true", help="writes docs/clients.md too")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("--report", type=Path, help="everything, as JSON")
    parser.add_argument("--verbose", action="store_true", help="everything of every cell")
    options = parser.parse_args()
    partial = options.tool or options.case or options.quick or options.control
    if options.write_docs and partial:
        parser.error("--write-docs is for everything, with --helper")
    if (options.helper is None) == (options.control is None):
        parser.error("either --helper or --with")
    helper = options.helper.resolve() if options.helper else None
    tools = [one for one in TOOLS if not options.tool or one.name in options.tool]
    chosen = options.case or (QUICK if options.quick else None)
    cases = [one for one in CASES if not chosen or one.key in chosen]
    clients = [*{one.client: None for one in tools if one.client}, "keyring"]
    if options.quick and venvs.missing(clients):
        print(f"run {venvs.__file__}: missing or old: {venvs.missing(clients)}", file=sys.stderr)
        return 1
    venvs.make(clients)
    cells = [(t, c) for t in tools for c in cases if applies(t, c, helper is not None)]
    results: Results = {}
    begun = time.monotonic()
    # Processes, because a bus is in a process's environment.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        waiting = [pool.submit(run_cell, t.name, c.key, helper) for t, c in cells]
        for future in as_completed(waiting):
            result = future.result()
            results[result.tool, result.case] = result
            tell(result, options.verbose)
    if options.report:
        options.report.write_text(json.dumps([asdict(one) for one in results.values()], indent=1))
    print(table(results, tools, cases, helper is not None))
    if options.write_docs:
        (venvs.ROOT / "docs" / "clients.md").write_text(page(results, tools, cases))
    wrong = sum(1 for one in results.values() if one.faults)
    seconds = time.monotonic() - begun
    print(f"{len(results)} cells, {wrong} wrong, {seconds:.0f} s", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
