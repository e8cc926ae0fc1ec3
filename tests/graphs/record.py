"""Records the dependency graph of a set of requirements, for the indexes of tests and benchmarks.

    python record.py REQUIREMENT... > NAME.tsv

Asks pip once what it would install, and keeps of each package its name, version, Requires-Python,
whether its wheel is for every platform, and those of its requirements that lead to another package
of the set. Nothing of where they came from is kept.
"""

import json
import re
import subprocess
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def main():
    wanted = sys.argv[1:]
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-"]
    report = json.loads(subprocess.run([*command, *wanted], check=True, stdout=subprocess.PIPE).stdout)
    environment = report["environment"]
    packages = {canonicalize_name(one["metadata"]["name"]): one for one in report["install"]}
    extras = {name: set() for name in packages}

    def leads(text, chosen):
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) not in packages:
            return None
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": chosen}):
            return None
        return requirement

    waiting = [Requirement(text) for text in wanted]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        new = {canonicalize_name(extra) for extra in requirement.extras} | {""}
        if new <= extras[name]:
            continue
        extras[name] |= new
        for text in packages[name]["metadata"].get("requires_dist", []):
            if found := leads(text, extras[name]):
                waiting.append(found)
    print("# " + " ".join(wanted))
    for name, one in sorted(packages.items()):
        metadata = one["metadata"]
        lines = [text for text in metadata.get("requires_dist", []) if leads(text, extras[name])]
        lines = [re.sub(r"\s+", " ", line) for line in lines]
        pure = one["download_info"]["url"].split("#")[0].endswith("-none-any.whl")
        fields = [metadata["name"], metadata["version"], metadata.get("requires_python", ""), "pure" if pure else "native", " | ".join(lines)]
        print("\t".join(fields).rstrip("\t"))


main()
