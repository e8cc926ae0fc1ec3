#!/usr/bin/env python3
"""Our `keyring` against Python's own command line: the same arguments, the same entries.

Compared are the exit status, what the store was asked, standard output, and that a miss is silent.
Every difference must be one that was decided, by name (`deviations.DEVIATIONS`). Ends with 1 where
a difference is unexplained or a deviation never showed.
"""

from __future__ import annotations

import argparse
import collections
import os
import re
import sys
import tempfile
import time

from pathlib import Path

import cases
import our_side
import python_side

from deviations import DEVIATIONS
from deviations import concerning
from python_side import Ended

SHOWN = 20
# The version of Python whose argument parser `deviations` describes.
MEASURED = (3, 11)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--helper", type=Path, required=True, help="the program `helper`")
    parser.add_argument("--seed", type=int, default=257)
    parser.add_argument("--cases", type=int, default=900)
    options = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="keyring-") as name:
        folder = Path(name).resolve()
        os.environ["HOME"] = name
        os.environ.pop("PYTHON_KEYRING_BACKEND", None)
        configuration = python_side.use_private_configuration(folder / "configuration")
        with our_side.Agent(folder / "socket") as agent:
            program = our_side.Program(options.helper.resolve(), folder, agent)
            failed = compare(options, program, configuration)
    print(f"took {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def compare(
    options: argparse.Namespace, program: our_side.Program, configuration: Path
) -> bool:
    """Every case, and the table of what came out."""
    found = cases.cases(options.seed, options.cases)
    print(f"seed {options.seed}: {len(found)} argument lists")
    agreed = 0
    statuses: collections.Counter = collections.Counter()
    explained: collections.Counter = collections.Counter()
    unexplained: list[str] = []
    for case in found:
        ours = comparable(program.run(case.arguments, case.given))
        theirs = comparable(python_side.run(case.arguments, case.given, configuration))
        reasons = concerning(case)
        promised = promise(case, reasons, configuration)
        statuses[ours.status] += 1
        if ours != promised:
            unexplained.append(f"{case.shown()}\n    {reasons}: ours {ours}, not {promised}")
        elif theirs == promised:
            agreed += 1
        else:
            explained.update(reasons)
    for status, count in sorted(statuses.items()):
        print(f"{count:6} ended with {status}")
    print(f"{agreed:6} the same as Python's keyring")
    for name, deviation in DEVIATIONS.items():
        print(f"{explained[name]:6} {name}: {deviation.why}")
    print(f"{len(unexplained):6} unexplained")
    for text in unexplained[:SHOWN]:
        print(f"  - {text}")
    never = [name for name in DEVIATIONS if not explained[name]]
    if sys.version_info[:2] != MEASURED:
        never = [name for name in never if not DEVIATIONS[name].of_parser]
    if never:
        print(f"never seen: {', '.join(never)}")
    return bool(unexplained or never)


def promise(case: cases.Case, reasons: list[str], configuration: Path) -> Ended:
    """What our side has to do: what Python does with the arguments that mean the same."""
    meant = case
    for name in reasons:
        meant = meant._replace(arguments=DEVIATIONS[name].instead(meant))
    ended = python_side.run(meant.arguments, meant.given, configuration)
    for name in reasons:
        ended = DEVIATIONS[name].ours(case, ended)
    return comparable(ended)


def comparable(ended: Ended) -> Ended:
    """Without what each says in its own words: the help, the backends, the places, the errors."""
    out = ended.out
    if out.startswith("usage: "):
        out = "the help"
    out = re.sub(r"\A(\S+ \(priority: -?[\d.]+\)\n)+\Z", "backends", out)
    out = re.sub(r"\Aconfig path: .+( \(absent\))?\ndata root: .+\n\Z", "places", out)
    # Only a miss is silent; what ended well may have been warned of.
    silent = ended.silent if ended.status else True
    return ended._replace(out=out, silent=silent)


if __name__ == "__main__":
    sys.exit(main())
