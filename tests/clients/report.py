"""What came out, as Markdown: the matrix, and the page of it in the documentation."""

from __future__ import annotations

import datetime

from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Optional

from cases import EXCEPTIONS
from cases import OF_PYTHON_KEYRING
from cases import Case
from cases import Oddity
from tool import Tool

NOT_FOR_IT = "–"


@dataclass
class Result:
    """What one tool did in one case."""

    tool: str
    case: str
    works: bool
    faults: list[str]
    calls: list[str]
    requests: list[str]
    seconds: float
    commands: list[dict[str, Any]] = field(default_factory=list)


def oddity(tool: Tool, case: Case, ours: bool) -> Optional[Oddity]:
    """What the tool does by itself, or Python's keyring where it stands in for us."""
    key = (tool.name, case.key)
    return (None if ours else OF_PYTHON_KEYRING.get(key)) or EXCEPTIONS.get(key)


Results = dict[tuple[str, str], Result]


def table(results: Results, tools: list[Tool], cases: list[Case], ours: bool) -> str:
    """The matrix, with what tools do by themselves as footnotes."""
    notes: list[str] = []
    lines = ["| | " + " | ".join(case.title for case in cases) + " |"]
    lines.append("|---" * (len(cases) + 1) + "|")
    for tool in tools:
        cells = [_cell(results.get((tool.name, c.key)), tool, c, ours, notes) for c in cases]
        lines.append(f"| {' | '.join([tool.title(), *cells])} |")
    lines += ["", *(f"- [{number}] {note}." for number, note in enumerate(notes, 1))]
    return "\n".join(lines).strip() + "\n"


def _cell(result: Optional[Result], tool: Tool, case: Case, ours: bool, notes: list[str]) -> str:
    if not result:
        return NOT_FOR_IT
    if result.faults:
        return "**WRONG**"
    word = "ok" if result.works == case.works else "no"
    odd = oddity(tool, case, ours)
    if not odd:
        return word
    if odd.why not in notes:
        notes.append(odd.why)
    return f"{word} [{notes.index(odd.why) + 1}]"


def questions(results: Results, tools: list[Tool]) -> str:
    """How often each tool asked: with an answer, and without."""
    lines = ["| | answered | nothing stored |", "|---|---|---|"]
    for tool in tools:
        counts = []
        for case in (tool.actions[0], "missing"):
            result = results.get((tool.name, case))
            counts.append(str(len(result.calls)) if result else NOT_FOR_IT)
        lines.append(f"| {tool.title()} | {' | '.join(counts)} |")
    return "\n".join(lines) + "\n"


def page(results: Results, tools: list[Tool], cases: list[Case]) -> str:
    """`docs/clients.md`."""
    return PAGE.format(
        date=datetime.date.today().isoformat(),
        cells=len(results),
        matrix=table(results, tools, cases, True),
        questions=questions(results, tools),
        meanings="\n".join(f"- **{case.title}**: {case.meaning}." for case in cases),
    )


PAGE = """# Tools

Each tool below is the real one, run against an index on loopback that wants a credential, with the helper as its keyring:
the bridges `keyring`, `git-credential-helper` and `cargo-credential-helper` first on PATH, and the
Python backend where a tool imports `keyring`. Made by `tests/clients/matrix.py` on {date}; {cells} runs.

{matrix}
**ok**: the tool did what the case says, in time, without an error of ours, with the right account at each repository and,
where no footnote says otherwise, no credential at a repository that it is not for. **no**: the tool by itself cannot.

What the cases are:

{meanings}

## How often a tool asks

In one run for three packages from one repository, or for one upload. Each question is a process of its own, except where
the tool imports `keyring`.

{questions}"""
