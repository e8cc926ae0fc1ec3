#!/usr/bin/env python3
"""Real tools inside `helper exec`, against an authenticated index on loopback: tool x variable, as a table.

    tests/clients/ci_matrix.py --helper target/debug/helper
    tests/clients/ci_matrix.py --helper target/debug/helper --row twine --case stale

Prints Markdown; ends with 1 if any cell is not what it has to be. Run it with the Python of
tests/requirements.txt. The tools are installed first where they are missing (`venvs.py`).
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import sys
import tempfile
import time

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

import venvs

from ci_place import PASSWORDS
from ci_place import STALE
from ci_place import USERS
from ci_place import Place
from ci_place import repositories
from ci_rows import ROWS
from ci_rows import Row
from index import Index

PAGE, BEGIN, END = "docs/ci.md", "<!-- tools -->\n", "<!-- tools: end -->\n"


@dataclass(frozen=True)
class Case:
    """A column."""

    key: str
    title: str
    meaning: str
    # Options of `helper exec`.
    options: tuple[str, ...] = ()
    works: bool = True


CASES = (
    Case("exec", "`exec`", "one repository, an agent is running"),
    Case(
        "two",
        "two",
        "two repositories at once, each with an account of its own and a part of what is needed; "
        "an upload goes to the first that is named",
    ),
    Case(
        "stale",
        "stale variables",
        "the environment already has other values of the same variables and a netrc with a wrong password",
    ),
    Case("pristine", "`--pristine`", "the same, with `--pristine`", ("--pristine",)),
    Case("mask", "`--mask`", "with `--mask`", ("--mask",)),
    Case("no-agent", "`--no-agent`", "with `--no-agent`"),
    Case(
        "restricted",
        "restricted socket",
        "from an empty home, by the socket that `agent socket` has opened for this operation",
    ),
    Case(
        "without",
        "without them",
        "the control: without the account and the secret in these variables the tool gets nothing",
        works=False,
    ),
)
# For `--quick`.
QUICK = ("exec", "stale", "restricted")


@dataclass
class Result:
    """What came out of a cell."""

    row: str
    case: str
    works: bool = False
    faults: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    seconds: float = 0


def applies(row: Row, case: Case) -> bool:
    """Whether there is such a cell."""
    if case.key == "two":
        return row.names == ("foo",)
    # The index of the project is read from too, which that socket does not give.
    return not (case.key == "restricted" and row.key == "uv publish index")


def expected(row: Row, case: Case) -> bool:
    """Whether the tool shall get what it came for."""
    return case.works and not row.cannot


def run_cell(row: Row, case: Case, helper: Path) -> Result:
    """Runs one cell; what goes wrong with the test itself is a fault of the cell too."""
    result, begun = Result(row.key, case.key), time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            run_in(stack, row, case, helper, result)
    except Exception as error:  # The other cells are still worth to be seen.
        result.faults.append(f"{type(error).__name__}: {error}")
    result.seconds = time.monotonic() - begun
    return result


def run_in(
    stack: contextlib.ExitStack, row: Row, case: Case, helper: Path, result: Result
) -> None:
    """Runs the tool in surroundings of its own."""
    name = stack.enter_context(tempfile.TemporaryDirectory(prefix="ci-"))
    folder = Path(name).resolve()
    two = case.key == "two"
    names = ("foo", "bar") if two else row.names
    index = stack.enter_context(Index(repositories(two, folder / "git")))
    place = Place(folder, helper, index, two and row.per_host)
    place.write_credentials()
    if case.key != "no-agent":
        stack.enter_context(place.new_agent())
    restricted = case.key == "restricted"
    if restricted:
        place.open_socket(row.operation, names)
    environment = place.environment(restricted)
    if case.key in ("stale", "pristine"):
        environment.update(stale(place, row))
    steps = row.steps(place, names)
    words = [str(helper), *(("--no-agent",) if case.key == "no-agent" else ()), "exec"]
    words += exec_words(row, case, names)
    result.faults += wrong_variables(place, row, words, environment)
    status = None
    for step in steps:
        # What the tool needs itself is not for `helper` to see, nor for `--pristine` to take away.
        own = {**place.tool_environment(), **step.environment}
        taken: list[str] = []
        if case.key == "without":
            taken = [word for one in row.secrets() for word in ("-u", one)]
            own.update(row.without(place))
        argv = [*words, "--", "env", *taken, *(f"{k}={v}" for k, v in own.items()), *step.argv]
        status = place.run(argv, environment)
        result.story.append(f"$ {' '.join(argv)} -> {status}")
        if status != 0:
            break
    result.works = status == 0 and done(row, place, names)
    result.faults += faults(row, case, place, names, result.works, status)
    result.story += [*map(str, index.requests), *place.output.splitlines()[-40:]]


def exec_words(row: Row, case: Case, names: tuple[str, ...]) -> list[str]:
    """The options and names of `helper exec`."""
    words = [*case.options, *row.options]
    # Stale ones have a netrc, which only another one hides.
    if not row.by_netrc and case.key not in ("stale", "pristine"):
        words.append("--no-netrc")
    if row.declares and row.operation == "read" and case.key != "restricted":
        return words
    return [*words, "--only", *names]


def stale(place: Place, row: Row) -> dict[str, str]:
    """Variables as another job could have left them; the true ones of a CI system among them."""
    netrc = place.folder / "stale.netrc"
    netrc.write_text(f"machine 127.0.0.1 login mallory password {STALE}\n")
    netrc.chmod(0o600)
    index = place.url("foo").replace("://", f"://mallory:{STALE}@")
    found = {"NETRC": str(netrc)}
    for prefix in ("TWINE", "PDM_PUBLISH", "FLIT", "UV_PUBLISH"):
        found.update({f"{prefix}_USERNAME": "mallory", f"{prefix}_PASSWORD": STALE})
    places = ("TWINE_REPOSITORY_URL", "PDM_PUBLISH_REPO", "HATCH_INDEX_REPO", "FLIT_INDEX_URL")
    found.update(dict.fromkeys((*places, "UV_PUBLISH_URL"), place.url("bar", "legacy")))
    found.update(HATCH_INDEX_USER="mallory", HATCH_INDEX_AUTH=STALE, TWINE_REPOSITORY="bar")
    found.update(UV_PUBLISH_INDEX="bar", UV_PUBLISH_TOKEN=STALE)
    if row.options:
        found.update(PIP_INDEX_URL=index, PIP_EXTRA_INDEX_URL=index)
    # These are asked first, and true; those are asked later, and are not.
    for name, part in (("foo", "FOO"), ("my.repo", "MY.REPO")):
        if name not in row.names:
            continue
        found[f"POETRY_HTTP_BASIC_{part}_USERNAME"] = USERS[name]
        found[f"POETRY_HTTP_BASIC_{part}_PASSWORD"] = PASSWORDS[name]
        other = part.replace(".", "_")
        found.update({f"UV_INDEX_{other}_USERNAME": "mallory", f"UV_INDEX_{other}_PASSWORD": STALE})
    found["POETRY_REPOSITORIES_TOK_URL"] = place.url("bar", "legacy")
    return found


def wrong_variables(
    place: Place, row: Row, words: list[str], environment: dict[str, str]
) -> list[str]:
    """Those of the row that a command does not get, and those that are left from before."""
    place.run([*words, "--", "env"], environment)
    lines, place.output = place.output.splitlines(), ""
    seen = {line.partition("=")[0] for line in lines}
    found = [f"{name} is not set" for name in row.variables if name not in seen]
    return found + [f"{one.partition('=')[0]} is stale" for one in lines if STALE in one]


def done(row: Row, place: Place, names: tuple[str, ...]) -> bool:
    """Whether the action really was done."""
    if row.operation == "upload":
        targets = names[:1] if row.one_target else names
        taken = {(one.repository, one.user) for one in place.index.uploads}
        return taken == {(name, USERS[name]) for name in targets}
    return any(place.project.rglob(row.proof))


def faults(
    row: Row, case: Case, place: Place, names: tuple[str, ...], works: bool, status: object
) -> list[str]:
    """What is not as it has to be."""
    found = []
    if status is None:
        found.append("hung")
    if works != expected(row, case):
        found.append("worked" if works else "did not work")
    if any(secret in place.output for secret in PASSWORDS.values()):
        found.append("a secret in its output")
    if "panicked at" in place.output:
        found.append("a panic of ours")
    seen = {(one.repository, one.user, one.credential) for one in place.index.requests}
    for repository, user, credential in sorted(seen):
        if credential not in ("none", "right"):
            found.append(f"{user} came to {repository}: {credential}")
        if repository not in (*names, ""):
            found.append(f"came to {repository}")
        if credential == "right" and not expected(row, case):
            found.append("the credential came from elsewhere")
    return found


def table(results: dict[tuple[str, str], Result], rows: list[Row], cases: list[Case]) -> str:
    """The matrix, with footnotes."""
    notes: list[str] = []
    lines = [f"| | variables | {' | '.join(case.title for case in cases)} |"]
    lines.append("|---" * (len(cases) + 2) + "|")
    for row in rows:
        cells = []
        for case in cases:
            result = results.get((row.key, case.key))
            word = "–" if not result else "**WRONG**" if result.faults else ""
            word = word or ("ok" if result and result.works else "no")
            if row.cannot and case.works and word == "no":
                if row.cannot not in notes:
                    notes.append(row.cannot)
                word += f" [{notes.index(row.cannot) + 1}]"
            cells.append(word)
        variables = ", ".join(f"`{one}`" for one in row.variables)
        lines.append(f"| {row.title()} | {variables} | {' | '.join(cells)} |")
    lines += ["", *(f"- [{number}] {note}." for number, note in enumerate(notes, 1))]
    return "\n".join(lines).strip() + "\n"


def write_docs(matrix: str, cells: int) -> None:
    """Puts the matrix between the marks of the page."""
    path = venvs.ROOT / PAGE
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    today = datetime.date.today().isoformat()
    head = f"Made by `tests/clients/ci_matrix.py` on {today}; {cells} runs against an index on loopback.\n\n"
    meanings = "".join(f"- **{case.title}**: {case.meaning}.\n" for case in CASES)
    path.write_text(f"{before}{BEGIN}{head}{matrix}\n{meanings}{END}{after}")


def tell(result: Result) -> None:
    """One line on standard error for a cell, and everything for a wrong one."""
    state = "WRONG" if result.faults else "ok"
    line = f"{state:5} {result.seconds:6.2f}s  {result.row}: {result.case}"
    print(line, file=sys.stderr, flush=True)
    if result.faults:
        for text in (*result.faults, *result.story):
            print(f"      {text}", file=sys.stderr)


def main() -> int:
    """Runs what the command line selects."""
    parser = argparse.ArgumentParser(description="Real tools inside `helper exec`.")
    parser.add_argument("--helper", type=Path, required=True, help="with helperd beside it")
    parser.add_argument("--row", action="append", help="only these rows, by their key")
    parser.add_argument("--case", action="append", help="only these columns, by their key")
    parser.add_argument("--quick", action="store_true", help="some columns, and no installing")
    parser.add_argument("--write-docs", action="store_true", help=f"writes {PAGE} too")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    options = parser.parse_args()
    if options.write_docs and (options.row or options.case or options.quick):
        parser.error("--write-docs is for everything")
    rows = [one for one in ROWS if not options.row or one.key in options.row]
    chosen = options.case or (QUICK if options.quick else None)
    cases = [one for one in CASES if not chosen or one.key in chosen]
    clients = [*{one.client: None for one in rows if one.client}, "uv"]
    if options.quick and venvs.missing(clients):
        print(f"run {venvs.__file__}: missing or old: {venvs.missing(clients)}", file=sys.stderr)
        return 1
    venvs.make(clients)
    helper, begun = options.helper.resolve(), time.monotonic()
    results: dict[tuple[str, str], Result] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        cells = [(row, case) for row in rows for case in cases if applies(row, case)]
        for future in as_completed([pool.submit(run_cell, *cell, helper) for cell in cells]):
            result = future.result()
            results[result.row, result.case] = result
            tell(result)
    matrix = table(results, rows, cases)
    print(matrix)
    wrong = sum(1 for one in results.values() if one.faults)
    if options.write_docs and not wrong:
        write_docs(matrix, len(results))
    seconds = time.monotonic() - begun
    print(f"{len(results)} cells, {wrong} wrong, {seconds:.0f} s", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
