"""What we depend on, against the rules of deny.toml: licences, versions, sources, reasons.

    tests/supply_chain.py [--advisories FOLDER] [--write-docs]

Needs cargo and the crates that it has fetched, no network and no further program; cargo-deny reads
the same rules. Every part of the lock file is looked at, for every system and with every feature.
With --advisories it also looks up each version in a copy of the advisory database of RustSec, and
--write-docs writes what came out to docs/supply-chain.md.
"""

from __future__ import annotations

import argparse
import collections
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "supply-chain.md"
BEGIN, END = "<!-- made by tests/supply_chain.py -->", "<!-- end -->"
OWN = {"credential-helper", "credential-helper-protocol"}


def metadata() -> dict:
    command = ["cargo", "metadata", "--locked", "--offline", "--all-features", "--format-version", "1"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


# --- licences: an SPDX expression is allowed if a choice of it is (SPDX 2.3, annex D)


def allowed(expression: str, licences: set[str]) -> bool:
    """Whether some choice within the expression needs allowed licences alone."""
    # Before SPDX expressions, a slash stood for "or".
    words = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def either() -> bool:
        result = both()
        while words and words[0] == "OR":
            words.pop(0)
            result = both() or result
        return result

    def both() -> bool:
        result = one()
        while words and words[0] == "AND":
            words.pop(0)
            result = one() and result
        return result

    def one() -> bool:
        word = words.pop(0)
        if word == "(":
            result = either()
            assert words.pop(0) == ")", expression
            return result
        if words and words[0] == "WITH":
            words.pop(0)
            word = f"{word} WITH {words.pop(0)}"
        return word in licences

    result = either()
    assert not words, expression
    return result


def licences(packages: list[dict], rules: dict) -> list[str]:
    everywhere = set(rules["allow"])
    extra = {one["crate"]: set(one["allow"]) for one in rules["exceptions"]}
    wrong, used = [], set()
    for package in packages:
        name, expression = package["name"], package["license"]
        if not expression:
            wrong.append(f"{name}: no licence expression")
        elif not allowed(expression, everywhere):
            if allowed(expression, everywhere | extra.get(name, set())):
                used.add(name)
            else:
                wrong.append(f"{name}: {expression} is not allowed")
    wrong += [f"{name}: its exception is not needed" for name in extra if name not in used]
    return wrong


# --- versions and sources


def versions(packages: list[dict], rules: dict) -> list[str]:
    found = collections.defaultdict(set)
    for package in packages:
        found[package["name"]].add(package["version"])
    wrong = [f"{one['crate']}: banned, {one['reason']}" for one in rules["deny"] if one["crate"] in found]
    skipped = set()
    for one in rules["skip"]:
        name, version = one["crate"].split("@")
        if len(found[name]) < 2 or version not in found[name]:
            wrong.append(f"{one['crate']}: its exception is not needed")
        if not one.get("reason"):
            wrong.append(f"{one['crate']}: its exception has no reason")
        skipped.add((name, version))
    for name, those in sorted(found.items()):
        left = {version for version in those if (name, version) not in skipped}
        if len(left) > 1:
            wrong.append(f"{name}: several versions, {', '.join(sorted(left))}")
    return wrong


def sources(packages: list[dict], lock: dict) -> list[str]:
    """Everything but our own comes from crates.io, with the digest of what was locked."""
    wrong = []
    for package in packages:
        name, source = package["name"], package["source"]
        if source is None:
            if name not in OWN:
                wrong.append(f"{name}: a path outside of this project")
        elif not re.fullmatch(r"registry\+https://github\.com/rust-lang/crates\.io-index", source):
            wrong.append(f"{name}: comes from elsewhere than crates.io")
    for package in lock["package"]:
        if package["name"] not in OWN and not re.fullmatch(r"[0-9a-f]{64}", package.get("checksum", "")):
            wrong.append(f"{package['name']}: no digest in Cargo.lock")
    return wrong


def ours(packages: list[dict]) -> list[str]:
    """Each direct dependency: a reason in CONTRIBUTING.md, and a version."""
    table = (ROOT / "CONTRIBUTING.md").read_text().split("| crate | why |\n|---|---|\n")[1]
    rows = table.split("\n\n")[0].splitlines()
    reasons = {name for row in rows for name in re.findall("`([^`]+)`", row.split("|")[1]) if row.split("|")[2].strip()}
    wrong = []
    for package in packages:
        if package["name"] not in OWN:
            continue
        for need in package["dependencies"]:
            if need["name"] not in OWN and need["name"] not in reasons:
                wrong.append(f"{need['name']}: no reason in CONTRIBUTING.md")
            if need["req"] == "*":
                wrong.append(f"{need['name']}: any version is taken")
    return wrong


# --- advisories: each is a TOML block in a file `crates/NAME/RUSTSEC-...md`


def number(version: str) -> tuple:
    core, _, pre = version.split("+")[0].partition("-")
    numbers = tuple(int(part) for part in core.split("."))
    # A pre-release comes before its release; its parts by number, then by text (semver.org, 11).
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")) if pre else ()
    return (*numbers, *(0,) * (3 - len(numbers)), 0 if pre else 1, parts)


def fits(version: str, requirement: str) -> bool:
    """Whether a version fits `>= 1.2, < 2`; without an operator it is Cargo's caret."""
    for part in requirement.split(","):
        operator, wanted = re.fullmatch(r"\s*([<>=^~]*)\s*([0-9][^\s]*)\s*", part).groups()
        ours, bound = number(version), number(wanted)
        if operator in ("^", "~", ""):
            numbers = [int(one) for one in wanted.split("-")[0].split(".")]
            first = next((at for at, one in enumerate(numbers) if one), len(numbers) - 1)
            at = first if operator != "~" else min(1, len(numbers) - 1)
            above = number(".".join(str(one) for one in [*numbers[:at], numbers[at] + 1]))
            holds = bound <= ours < above
        else:
            holds = {"<": ours < bound, "<=": ours <= bound, ">": ours > bound, ">=": ours >= bound, "=": ours == bound}[
                operator
            ]
        if not holds:
            return False
    return True


def advisories(packages: list[dict], folder: pathlib.Path, rules: dict) -> tuple[list[str], int]:
    wrong, read = [], 0
    for package in packages:
        for path in sorted((folder / "crates" / package["name"]).glob("*.md")):
            read += 1
            text = path.read_text()
            advisory = tomllib.loads(text.split("```toml\n", 1)[1].split("\n```", 1)[0])
            about, good = advisory["advisory"], advisory.get("versions", {})
            if about.get("withdrawn") or about["id"] in {one["id"] for one in rules["ignore"]}:
                continue
            fine = [*good.get("patched", []), *good.get("unaffected", [])]
            if not any(fits(package["version"], one) for one in fine):
                kind = about.get("informational", "vulnerability")
                wrong.append(f"{package['name']} {package['version']}: {about['id']} ({kind})")
    return wrong, read


def commit(folder: pathlib.Path) -> str:
    command = ["git", "-C", str(folder), "log", "-1", "--format=%cs"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.decode().strip() or "of an unknown date"


def self_test() -> None:
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0", False),
        ("GPL-3.0 OR MIT", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR GPL-3.0) AND ISC", True),
        ("ISC AND (GPL-3.0 OR LGPL-3.0)", False),
        ("Apache-2.0 WITH LLVM-exception OR MIT", True),
        ("Unlicense/MIT", True),
    ]:
        assert allowed(expression, {"MIT", "ISC"}) is expected, expression
    for version, requirement, expected in [
        ("1.2.3", ">= 1.2.3", True),
        ("1.2.3", "> 1.2.3", False),
        ("1.2.3", ">= 1.0.0, < 1.2.3", False),
        ("1.2.3", "^1.2", True),
        ("2.0.0", "^1.2", False),
        ("0.2.9", "^0.2.3", True),
        ("0.3.0", "^0.2.3", False),
        ("0.0.4", "^0.0.3", False),
        ("1.2.9", "~1.2.3", True),
        ("1.3.0", "~1.2.3", False),
        ("1.0.0-rc.2", "< 1.0.0", True),
        ("1.0.0-rc.2", ">= 1.0.0-rc.10", False),
        ("0.11.1+wasi", "<= 0.11.1", True),
        ("1.0.0", "=1.0.0", True),
    ]:
        assert fits(version, requirement) is expected, (version, requirement)
    twice = [{"name": "a", "version": version} for version in ("1.0.0", "2.0.0")]
    assert versions(twice, {"deny": [], "skip": []}) == ["a: several versions, 1.0.0, 2.0.0"]
    assert versions(twice, {"deny": [], "skip": [{"crate": "a@1.0.0", "reason": "r"}]}) == []
    assert versions(twice[:1], {"deny": [{"crate": "a", "reason": "r"}], "skip": []}) == ["a: banned, r"]


def table(packages: list[dict], rows: list[tuple[str, str, list[str]]]) -> str:
    lines = ["| what | looked at | result |", "|---|---|---|"]
    lines += [f"| {what} | {seen} | {'; '.join(wrong) or 'nothing found'} |" for what, seen, wrong in rows]
    counts = collections.Counter(" ".join(package["license"].replace("/", " OR ").split()) for package in packages)
    lines += ["", "| licence | crates |", "|---|---|"]
    lines += [f"| {licence} | {count} |" for licence, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--advisories", type=pathlib.Path, help="a copy of RustSec's advisory database")
    parser.add_argument("--write-docs", action="store_true", help="write the result to docs/supply-chain.md")
    given = parser.parse_args()
    self_test()
    rules = tomllib.loads((ROOT / "deny.toml").read_text())
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    packages = metadata()["packages"]
    others = [package for package in packages if package["name"] not in OWN]
    names = {need["name"] for package in packages if package["name"] in OWN for need in package["dependencies"]}
    rows = [
        ("licences", f"{len(others)} crates", licences(packages, rules["licenses"])),
        ("banned crates, several versions", f"{len(others)} crates", versions(others, rules["bans"])),
        ("sources and digests", f"{len(lock['package'])} entries of Cargo.lock", sources(packages, lock)),
        ("reasons in CONTRIBUTING.md", f"{len(names - OWN)} direct dependencies", ours(packages)),
    ]
    if given.advisories:
        found, read = advisories(others, given.advisories, rules["advisories"])
        seen = f"{read} advisories about these crates, in the database of {commit(given.advisories)}"
        rows.append(("advisories", seen, found))
    for what, seen, wrong in rows:
        print(f"{'FAILED' if wrong else 'ok':7} {what}: {seen}")
        for line in wrong:
            print(f"        {line}")
    if given.write_docs:
        before, rest = PAGE.read_text().split(BEGIN)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        made = f"{BEGIN}\n\nOn {today}:\n\n{table(others, rows)}\n\n{END}"
        PAGE.write_text(before + made + rest.split(END)[1])
    return any(wrong for _, _, wrong in rows)


if __name__ == "__main__":
    sys.exit(main())
