"""Dependencies as Poetry reads them: generated entries, and what real Poetry makes of each.

Prints one JSON object a line; tests/poetry_language reads them and compares.
Usage: SEED ENTRIES PROJECTS, in a folder of its own: projects are written there.
"""

import json
import logging
import random
import re
import sys
import warnings
from pathlib import Path

from packaging.markers import Marker
from poetry.core.constraints.version import Version
from poetry.core.factory import Factory

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

PYTHONS = ["2.7.18", "3.6.0", "3.7.17", "3.8.0", "3.8.10", "3.9.0", "3.9.1", "3.10.4", "3.11.0", "3.12.3", "4.0.1"]
PLATFORMS = [
    ("linux", "posix", "Linux", "x86_64"),
    ("win32", "nt", "Windows", "AMD64"),
    ("darwin", "posix", "Darwin", "arm64"),
]
ENVIRONMENTS = [
    {
        "implementation_name": "cpython",
        "implementation_version": python,
        "os_name": os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "6.1.0",
        "platform_system": system,
        "platform_version": "#1",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": platform,
    }
    for python in PYTHONS
    for platform, os_name, system, machine in PLATFORMS
]
ALWAYS = ["0.0.1", "0.1", "1", "1.0.1", "1.2.3", "2.0a1", "2.0.dev1", "2", "3.1.4", "10.0", "1!1.0"]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def version(self) -> str:
        pick = self.random.choice
        parts = [str(pick([0, 0, 1, 2, 3, 10])) for _ in range(pick([1, 2, 2, 3, 3, 3, 4]))]
        text = ".".join(parts)
        if self.random.random() < 0.2:
            text += pick(["a1", "b2", "rc1", ".dev3", ".post1", "-beta.2", "a1.dev2", ".post2.dev1"])
        if self.random.random() < 0.04:
            text = "1!" + text
        if self.random.random() < 0.04:
            text = "v" + text
        return text

    def single(self) -> str:
        pick = self.random.choice
        roll = self.random.random()
        if roll < 0.04:
            return "*"
        if roll < 0.16:
            parts = [str(pick([0, 1, 2, 3])) for _ in range(pick([1, 2, 2, 3]))]
            return pick(["", "==", "!=", "=", ">="]) + ".".join(parts) + ".*"
        operator = pick(["^", "^", "~", "~=", ">=", ">", "<=", "<", "==", "=", "", "!="])
        return operator + pick(["", "", "", " "]) * bool(operator) + self.version()

    def constraint(self) -> str:
        pick = self.random.choice
        groups = []
        for _ in range(pick([1, 1, 1, 1, 2, 2, 3])):
            parts = [self.single() for _ in range(pick([1, 1, 1, 2, 2, 3]))]
            groups.append(pick([",", ", ", " , ", " "]).join(parts))
        text = pick([" || ", "||", "|", " | "]).join(groups)
        if self.random.random() < 0.03:
            text += ","
        if self.random.random() < 0.03:
            at = self.random.randrange(len(text))
            text = text[:at] + pick("^~=<>*., |x-!") + text[at:]
        return text

    def python(self) -> str:
        pick = self.random.choice
        version = lambda: pick(["2.7", "3", "3.6", "3.8", "3.8.1", "3.9", "3.9.0", "3.10", "3.11", "4.0"])  # noqa: E731
        single = lambda: pick(["^", "~", ">=", "<", "<=", ">", "", "==", "!="]) + version()  # noqa: E731
        # Parts that exclude each other are a fault in Poetry, and nobody writes them.
        several = lambda: pick([f">={version()},<4.1", single(), single(), "3.8.*", "!=3.9.*", "*"])  # noqa: E731
        return pick([" || ", "|"]).join(several() for _ in range(pick([1, 1, 1, 2])))

    def marker(self) -> str:
        pick = self.random.choice
        one = lambda: pick(  # noqa: E731
            [
                "sys_platform == 'linux'",
                "sys_platform != 'win32'",
                "os_name == \"nt\"",
                "python_version >= '3.9'",
                "python_version < '3.8'",
                "python_version == '3.10'",
                "python_full_version >= '3.8.5'",
                "platform_machine == 'arm64'",
                "implementation_name == 'cpython'",
                "python_version in '3.8, 3.9'",
                "platform_python_implementation != 'PyPy'",
            ]
        )
        text = one()
        for _ in range(pick([0, 0, 1, 1, 2])):
            text = f"{text} {pick(['and', 'or'])} {one()}"
            if self.random.random() < 0.3:
                text = f"({text})"
        return text

    def entry(self) -> "str | dict[str, object]":
        pick, chance = self.random.choice, self.random.random
        if chance() < 0.5:
            return self.constraint()
        table: dict[str, object] = {}
        kind = pick(["version"] * 6 + ["git", "url", "path", "file"])
        if kind == "version":
            if chance() < 0.95:
                table["version"] = self.constraint()
        elif kind == "git":
            table["git"] = pick(
                ["https://example.org/a/b.git", "ssh://git@example.org/a/b.git", "https://example.org:8443/b"]
            )
            if chance() < 0.7:
                table[pick(["branch", "tag", "rev"])] = pick(["main", "v1.0", "feature/x", "0123abcd"])
        elif kind == "url":
            table["url"] = pick(["https://example.org/x-1.0-py3-none-any.whl", "http://example.org:81/x-1.0.tar.gz"])
        elif kind == "path":
            table["path"] = pick(["../x", "x/y", "/srv/x"])
        else:
            table["file"] = pick(["x-1.0.tar.gz", "../x-1.0-py3-none-any.whl"])
        if kind != "version" and chance() < 0.3:
            table["subdirectory"] = pick(["s", "s/t"])
        if chance() < 0.3:
            table["extras"] = self.random.sample(["one", "Two_2", "three"], pick([1, 2]))
        if chance() < 0.2:
            table["optional"] = True
        if chance() < 0.4:
            table["python"] = self.python()
        if chance() < 0.3:
            table["markers"] = self.marker()
        if chance() < 0.2:
            table["platform"] = pick(["linux", "win32", "linux || darwin", "!=win32", "darwin|win32"])
        if chance() < 0.2:
            table["allow-prereleases"] = pick([True, False])
        if chance() < 0.2:
            table["source"] = pick(["inner", "PyPI"])
        return table


def near(text: str) -> "list[str]":
    """Versions at which the answer may change."""
    found = []
    for stem in set(re.findall(r"(?:\d+!)?\d+(?:\.\d+)*", text)):
        epoch, _, release = stem.rpartition("!")
        epoch = epoch and epoch + "!"
        parts = [int(part) for part in release.split(".")]
        found += [f"{stem}{end}" for end in ("", ".0", "a1", "a2", "b2", "rc1", ".dev0", ".dev3", ".post1", ".post2", ".1")]
        for at in range(len(parts)):
            up = [*parts[:at], parts[at] + 1, *(0 for _ in parts[at + 1 :])]
            bumped = epoch + ".".join(map(str, up))
            found += [bumped, bumped + ".dev0", bumped + "a1", bumped + ".1"]
    return sorted(set(found))


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def answer(entry: "str | dict[str, object]") -> "dict[str, object]":
    case: dict[str, object] = {"toml": toml(entry), "error": False}
    try:
        dependency = Factory.create_dependency("Some.Name", entry, root_dir=None)
    except Exception:  # whatever Poetry ends with: it does not take the entry
        case["error"] = True
        return case
    try:
        said = dependency.to_pep_508()
    except ValueError:  # it fails on a comma at the end of alternatives, which it takes otherwise
        marker = dependency.marker
        said = "Some.Name" if marker.is_any() or marker.is_empty() else f"Some.Name ; {marker}"
    _, _, marker = said.partition(" ; ")
    read = Marker(marker) if marker else None
    case["pep508"] = said
    # A marker that nothing fulfils has no words in PEP 508: Poetry leaves it out.
    never = dependency.marker.is_empty()
    case["markers"] = [
        not never and (read is None or read.evaluate(dict(environment))) for environment in ENVIRONMENTS
    ]
    case["extras"] = sorted(dependency.extras)
    case["source"] = dependency.source_name
    case["prereleases"] = bool(dependency.allows_prereleases()) and not dependency.is_direct_origin()
    case["url"] = said.partition(" ; ")[0].partition(" @ ")[2] or None
    versions = {}
    if not dependency.is_direct_origin():
        text = entry if isinstance(entry, str) else str(entry.get("version", "*"))
        for version in sorted({*ALWAYS, *near(text)}):
            versions[version] = dependency.constraint.allows(Version.parse(version))
    case["versions"] = versions
    return case


def project(generator: Generator) -> str:
    """A project whose dependencies stand in [project], in Poetry's table, or in both."""
    pick, chance = generator.random.choice, generator.random.random
    constraint = lambda: pick([">=1", "<3", "==2", ">=1,<2", "!=1.0.1", ">1"])  # noqa: E731

    def standard() -> str:
        extras = pick(["", "", "[x]"])
        marker = f" ; {generator.marker()}" if chance() < 0.3 else ""
        if chance() < 0.15:
            return f"{pick('abcd')}{extras} @ https://example.org/{pick('pq')}-1.0.tar.gz{marker}"
        return f"{pick('abcd')}{extras}{constraint()}{marker}"

    def table() -> "dict[str, object]":
        found: dict[str, object] = {}
        for name in generator.random.sample("abcd", pick([0, 1, 2, 3])):
            one: dict[str, object] = {}
            if chance() < 0.15:
                one["url"] = f"https://example.org/{pick('pq')}-1.0.tar.gz"
            else:
                one["version"] = pick([constraint(), "^1", "*"])
            for key, value in [
                ("markers", generator.marker()),
                ("source", "inner"),
                ("extras", ["y"]),
                ("optional", True),
                ("allow-prereleases", True),
            ]:
                if chance() < 0.2 and not ("url" in one and key in ("source", "allow-prereleases")):
                    one[key] = value
            found[name] = [one, {**one, "markers": generator.marker()}] if chance() < 0.1 else one
        return found

    lines = ["[project]", 'name = "own"', 'version = "1"']
    dynamic = ["dependencies"] if chance() < 0.15 else []
    if dynamic:
        lines.append(f"dynamic = {toml(dynamic)}")
    if chance() < 0.7 and "dependencies" not in dynamic:
        lines.append(f"dependencies = {toml([standard() for _ in range(pick([0, 1, 2, 3]))])}")
    if chance() < 0.3:
        lines += ["[project.optional-dependencies]", f"more = {toml([standard()])}"]
    lines.append("[tool.poetry.dependencies]")
    lines += [f"{name} = {toml(one)}" for name, one in table().items()]
    if chance() < 0.4:
        lines += ["[dependency-groups]", f"test = {toml([standard() for _ in range(pick([0, 1, 2]))])}"]
    if chance() < 0.4:
        lines.append("[tool.poetry.group.test.dependencies]")
        lines += [f"{name} = {toml(one)}" for name, one in table().items()]
    return "\n".join(lines) + "\n"


def locked_for(text: str) -> "dict[str, object]":
    """What Poetry locks for a project, one line a dependency."""
    Path("pyproject.toml").write_text(text)
    case: dict[str, object] = {"project": text, "error": None}
    try:
        package = Factory().create_poetry(Path.cwd()).package
        groups = [package.dependency_group(name) for name in package.dependency_group_names(include_optional=True)]
        found = [dependency for group in groups for dependency in group.dependencies_for_locking]
    except Exception as error:  # whatever Poetry ends with
        case["error"] = str(error)
        return case
    lines = []
    for dependency in found:
        never = dependency.marker.is_empty()
        marker = dependency.marker.without_extras()
        read = None if marker.is_any() or marker.is_empty() else Marker(str(marker))
        holds = [not never and (read is None or read.evaluate(dict(one))) for one in ENVIRONMENTS]
        allows = [
            version
            for version in ALWAYS
            if not dependency.is_direct_origin() and dependency.constraint.allows(Version.parse(version))
        ]
        lines.append(
            json.dumps(
                [
                    dependency.name,
                    sorted(dependency.extras),
                    dependency.source_url if dependency.is_direct_origin() else None,
                    dependency.source_name,
                    allows,
                    "".join(str(int(one)) for one in holds),
                ]
            )
        )
    case["lines"] = sorted(lines)
    return case


def main() -> None:
    seed, cases, projects = map(int, sys.argv[1:])
    generator = Generator(seed)
    print(json.dumps([ENVIRONMENTS, ALWAYS]))
    for _ in range(cases):
        print(json.dumps(answer(generator.entry())))
    for _ in range(projects):
        print(json.dumps(locked_for(project(generator))))


main()
