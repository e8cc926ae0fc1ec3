#!/usr/bin/env python3
"""The agent against real Poetry: the same files, variables and keyring, the same questions.

Every difference must be one that was decided, by name (`model.DEVIATIONS`), and decided for that
case: whether it applies follows from the case alone. Ends with 1 where a difference is unexplained,
where fewer than 2,000 cases were compared, or where a deviation never showed.
"""

from __future__ import annotations

import argparse
import collections
import os
import shutil
import sys
import tempfile
import time

from pathlib import Path

import agent_side
import generate
import model
import poetry_side
import writing

from case import write
from case import write_settings
from service import Bus
from service import Keyring

LEAST = 2000
SHOWN = 20
# Every how many cases Poetry, too, reads the real keyring instead of a copy in memory.
REAL_EVERY = 3
LEAST_REAL = 300


def main() -> int:
    options = arguments()
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="poetry-")) if not options.workdir else options.workdir
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = folder.resolve()
    write_settings(folder / "settings")
    # The user's own files and caches stay out of it.
    os.environ["HOME"] = str(folder)
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        os.environ.pop(name, None)
    os.environ.pop("DISPLAY", None)
    os.environ.pop("WAYLAND_DISPLAY", None)
    try:
        failures = run(options, folder)
    finally:
        if not options.workdir:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"took {time.monotonic() - begun:.0f} s")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--helper", type=Path, help="the program `helper`; `helperd` beside it")
    parser.add_argument("--socket", type=Path, help="ask the agent that listens here")
    parser.add_argument("--workdir", type=Path, help="the folder that this agent was started for")
    parser.add_argument("--seed", type=int, default=20250)
    parser.add_argument("--cases", type=int, default=2400)
    options = parser.parse_args()
    if not options.helper and not options.socket:
        parser.error("give --helper, or --socket and --workdir")
    if options.socket and not options.workdir:
        parser.error("--socket needs --workdir")
    return options


def run(options: argparse.Namespace, folder: Path) -> list[str]:
    """Compares; with `--socket`, the agent and DBUS_SESSION_BUS_ADDRESS are the caller's."""
    if options.socket:
        return compare(options, folder, options.socket)
    with Bus(folder / "bus") as bus:
        helperd = options.helper.resolve().with_name("helperd")
        with agent_side.Agent(helperd, folder, bus.environment()) as agent:
            failures = compare(options, folder, agent.path)
            client = agent_side.Client(agent.path)
            keyring = Keyring()
            return failures + writing.run(options.helper.resolve(), folder, agent, client, keyring)


def compare(options: argparse.Namespace, folder: Path, socket: Path) -> list[str]:
    """Every case, and the table of what came out."""
    places = agent_side.Places(folder)
    client = agent_side.Client(socket)
    keyring = Keyring()
    keyring.clear()
    bus = os.environ["DBUS_SESSION_BUS_ADDRESS"]
    states = generate.keyrings()
    cases = generate.cases(options.seed, options.cases)
    print(f"seed {options.seed}: {len(cases)} cases")
    agreed = real = 0
    explained: collections.Counter = collections.Counter()
    unexplained: list[str] = []
    for number, case in enumerate(cases):
        items = states[case.keyring]
        keyring.become(items, case.locked)
        at = folder / "cases" / str(number)
        write(case, at)
        forget_first_use(client, places)
        is_real = number % REAL_EVERY == 0
        real += is_real
        poetrys = poetry_side.ask(case, at, items, is_real)
        ours = agent_side.ask(client, case, at, places, bus)
        shutil.rmtree(at)
        reasons = model.reasons(case, items)
        rule, promise = model.answer(case, items, frozenset()), model.answer(case, items)
        if poetrys == ours and poetrys == rule == promise:
            agreed += 1
        elif reasons and poetrys == rule and ours == promise:
            explained.update(reasons)
        else:
            what = explain(poetrys, rule, ours, promise)
            unexplained.append(f"{what}; concerned by {reasons or 'none'}\n    {case.shown()}")
    keyring.clear()
    table(len(cases), real, agreed, explained, unexplained)
    never = [name for name in model.DEVIATIONS if not explained[name]]
    failures = []
    if unexplained:
        failures.append(f"{len(unexplained)} differences are unexplained")
    if len(cases) < LEAST:
        failures.append(f"fewer than {LEAST} cases were compared")
    if real < LEAST_REAL:
        failures.append(f"fewer than {LEAST_REAL} cases had the real keyring on both sides")
    if never:
        failures.append(f"never seen: {', '.join(never)}")
    return failures


def explain(poetrys: object, rule: object, ours: object, promise: object) -> str:
    told = f"Poetry {poetrys}, agent {ours}"
    if poetrys != rule:
        told += f", but Poetry was expected to say {rule}"
    if ours != promise:
        told += f", but the agent promises {promise}"
    return told


def forget_first_use(client: agent_side.Client, places: agent_side.Places) -> None:
    """What an earlier case bound is no part of the next one."""
    trust = places.state / "trust.toml"
    if trust.exists():
        trust.unlink()
        client.call("Reload", {})


def table(
    count: int, real: int, agreed: int, explained: collections.Counter, unexplained: list[str]
) -> None:
    print(f"{count:6} cases compared, {real} of them with the real keyring on both sides")
    print(f"{agreed:6} same answer")
    print(f"{count - agreed - len(unexplained):6} differ as decided; by deviation:")
    for name, meaning in model.DEVIATIONS.items():
        print(f"{explained[name]:10} {name}: {meaning}")
    print(f"{len(unexplained):6} unexplained")
    for text in unexplained[:SHOWN]:
        print(f"  - {text}")


if __name__ == "__main__":
    sys.exit(main())
