#!/usr/bin/env python3
"""PyPI's own validators beside `helper publish --check`: the same files are taken and refused.

Needs a copy of PyPI's source (warehouse), of which nothing is kept here, and a Python with
`tests/publish/requirements.txt` and `tests/publish/oracle-requirements.txt`:
    tests/publish/oracle.py --helper target/debug/helper --warehouse DIR

The forms are those that helper sends to a recording server. PyPI's `forklift/forms.py`,
`forklift/metadata.py` and `utils/readme.py` judge them, in the order of `forklift/legacy.py`. What
PyPI looks up in its database, and what it does with the file itself, is not part of this.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import re
import sys
import tempfile
import types

from pathlib import Path

from webob.multidict import MultiDict

from support import Fields
from support import Helper
from support import Recorder
from support import sdist
from support import wheel

MARKDOWN = "Description-Content-Type: text/markdown"
LONG = "l" * 33

# What stands behind metadata version, name and version, by the version of the metadata.
CASES: dict[str, tuple[str, str]] = {
    "nothing": ("2.1", ""),
    "everything of 1.0": (
        "1.0",
        "Summary: s\nHome-page: https://h.example/\nAuthor: A\nAuthor-email: a@h.example\nLicense: MIT\nPlatform: p\n"
        "Platform: q\nKeywords: one,two three , four\n",
    ),
    "everything of 1.1": (
        "1.1",
        "Download-URL: https://h.example/d\nClassifier: Programming Language :: Python\nSupported-Platform: linux\n"
        "Requires: r\nProvides: p\nObsoletes: o\n",
    ),
    "everything of 1.2": (
        "1.2",
        "Maintainer: M\nMaintainer-email: m@h.example\nRequires-Dist: a (>=1)\nRequires-Dist: b\nRequires-Python: >=3.9\n"
        "Requires-External: C\nProject-URL: Docs,https://h.example/docs\nProvides-Dist: p\nObsoletes-Dist: o\n",
    ),
    "everything of 2.1": (
        "2.1",
        f"Summary: Jos\u00e9 \u2603\n{MARKDOWN}; charset=UTF-8; variant=GFM\nProvides-Extra: test\n"
        "Requires-Dist: a; extra == 'test'\n\n# T\u00e9xt\n",
    ),
    "everything of 2.2": ("2.2", "Dynamic: Classifier\nDynamic: Summary\n\nbody\n"),
    "everything of 2.3": ("2.3", "Provides-Extra: a-b\n\nbody\n"),
    "everything of 2.4": ("2.4", "License-Expression: MIT OR Apache-2.0\nLicense-File: LICENSE\n"),
    "everything of 2.5": ("2.5", "Import-Name: a\nImport-Namespace: b\n"),
    "metadata 1.3": ("1.3", ""),
    "metadata 2.0": ("2.0", ""),
    "metadata 2.6": ("2.6", ""),
    "a field of a later version": ("1.0", "Requires-Dist: a\n"),
    "an extra of a later version": ("1.2", "Provides-Extra: a\n"),
    "dynamic before 2.2": ("2.1", "Dynamic: Summary\n"),
    "a licence expression before 2.4": ("2.3", "License-Expression: MIT\n"),
    "a long summary": ("2.1", f"Summary: {'s' * 513}\n"),
    "a summary that fits": ("2.1", f"Summary: {'s' * 512}\n"),
    "a summary of two lines": ("2.1", "Summary: a\n        b\n"),
    "a description as HTML": ("2.1", "Description-Content-Type: text/html\n\nx\n"),
    "a description in Latin-1": ("2.1", f"{MARKDOWN}; charset=latin-1\n\nx\n"),
    "an unknown variant": ("2.1", f"{MARKDOWN}; variant=Other\n\nx\n"),
    "CommonMark": ("2.1", f"{MARKDOWN}; variant=CommonMark\n\nx\n"),
    "plain text": ("2.1", "Description-Content-Type: text/plain\n\n``x\n"),
    "capitals in the type": ("2.1", "Description-Content-Type: Text/X-RST\n\nx\n"),
    "reStructuredText": ("2.1", "Description-Content-Type: text/x-rst\n\nT\n=\n\n*x*\n"),
    "an open literal": ("2.1", "Description-Content-Type: text/x-rst\n\n``x\n"),
    "an unknown role": ("2.1", "\nsee :ref:`x`\n"),
    "comments alone": ("2.1", "\n.. comment\n"),
    "a comment alone as Markdown": ("2.1", f"{MARKDOWN}\n\n[//]: # (x)\n"),
    "HTML in Markdown": ("2.1", f"{MARKDOWN}\n\n<script>x</script>\n"),
    "a requirement by URL": ("2.1", "Requires-Dist: b @ https://h.example/b.whl\n"),
    "a broken requirement": ("2.1", "Requires-Dist: b >> 1\n"),
    "a requirement with parentheses": ("2.1", "Requires-Dist: b (<2,>=1) ; python_version < '4'\n"),
    "a requirement with a broken marker": ("2.1", "Requires-Dist: b; colour == 'red'\n"),
    "a requirement for any 1.*": ("2.1", "Requires-Dist: b >= 1.*\n"),
    "something that it stands for, by URL": ("2.1", "Provides-Dist: b @ https://h.example/b.whl\n"),
    "something that it stands for, broken": ("2.1", "Provides-Dist: b b\n"),
    "something that it replaces, broken": ("2.1", "Obsoletes-Dist: -\n"),
    "a Python without an operator": ("2.1", "Requires-Python: 3.9\n"),
    "a Python that is no version": ("2.1", "Requires-Python: >=3.x\n"),
    "a Python with many operators": ("2.1", "Requires-Python: >=3.9, !=3.10.*, <4\n"),
    "a Python with a star": ("2.1", "Requires-Python: >=3.*\n"),
    "a Python that is compatible": ("2.1", "Requires-Python: ~=3.9\n"),
    "a Python compatible with one number": ("2.1", "Requires-Python: ~=3\n"),
    "private": ("2.1", "Classifier: Private :: Do Not Upload\n"),
    "a retired classifier": ("2.1", "Classifier: Natural Language :: Ukranian\n"),
    "an unknown classifier": ("2.1", "Classifier: A :: B\n"),
    "a classifier in capitals": ("2.1", "Classifier: TOPIC :: Utilities\n"),
    "dynamic: Version": ("2.2", "Dynamic: Version\n"),
    "dynamic: nothing known": ("2.2", "Dynamic: Colour\n"),
    "dynamic in small letters": ("2.2", "Dynamic: requires-dist\n"),
    "dynamic: Provides-Dist": ("2.2", "Dynamic: Provides-Dist\n"),
    "a home page without a scheme": ("2.1", "Home-page: www.example.org\n"),
    "a home page by ftp": ("2.1", "Home-page: ftp://h.example/\n"),
    "an unknown home page": ("2.1", "Home-page: UNKNOWN\n"),
    "an unknown download": ("2.1", "Download-URL: UNKNOWN\n"),
    "a project URL by ftp": ("2.1", "Project-URL: Docs, ftp://h.example/\n"),
    "a project URL without a label": ("2.1", "Project-URL: https://h.example/\n"),
    "a project URL without a URL": ("2.1", "Project-URL: Docs,\n"),
    "a long label": ("2.1", f"Project-URL: {LONG}, https://h.example/\n"),
    "a label twice": ("2.1", "Project-URL: A, https://h.example/\nProject-URL: A, https://h.example/2\n"),
    "two licences": ("2.4", "License: MIT\nLicense-Expression: MIT\n"),
    "an unknown licence expression": ("2.4", "License-Expression: MIT-ish\n"),
    "a licence expression in small letters": ("2.4", "License-Expression: mit or apache-2.0\n"),
    "a licence expression of our own": ("2.4", "License-Expression: LicenseRef-Own\n"),
    "a licence expression with an exception": (
        "2.4",
        "License-Expression: GPL-3.0-or-later WITH GCC-exception-3.1\n",
    ),
    "a broken licence expression": ("2.4", "License-Expression: MIT OR\n"),
    "a licence file outside": ("2.4", "License-File: ../LICENSE\n"),
    "an author without an address": ("2.1", "Author-email: nobody\n"),
    "an author with a name": ("2.1", "Author-email: A B <a@h.example>\n"),
    "an author with a broken address": ("2.1", "Author-email: a@h..example\n"),
    "an author at localhost": ("2.1", "Author-email: a@localhost\n"),
    "an author at a domain of nobody": ("2.1", "Author-email: a@h.local\n"),
    "an author behind a comma in quotes": ("2.1", 'Author-email: "B, A" <a@h.example>\n'),
    "a keyword as import name": ("2.5", "Import-Name: class\n"),
    "two authors": ("2.1", "Author-email: a@h.example, b@h.example\n"),
    "a maintainer without an address": ("2.1", "Maintainer-email: M <m at h>\n"),
    "an extra with a space": ("2.1", "Provides-Extra: a b\n"),
    "an extra with an underscore": ("2.3", "Provides-Extra: a_b\n"),
    "an extra with an underscore before 2.3": ("2.1", "Provides-Extra: a_b\n"),
    "an import name that is none": ("2.5", "Import-Name: a-b\n"),
    "a private import name": ("2.5", "Import-Name: a ; private\n"),
    "an unknown field": ("2.1", "Colour: red\n"),
}

# Where the two differ on purpose, and why.
DIFFER: dict[str, str] = {
    "an unknown licence expression": "the list of licences is not known here; the expression's form is looked at",
}


def validators(warehouse: Path):
    """PyPI's own, without the database behind them."""
    sys.path.insert(0, str(warehouse))
    source = ast.parse((warehouse / "warehouse/utils/project.py").read_text())
    # The module loads all of PyPI; the form needs this one pattern of it.
    wanted = [
        node
        for node in source.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PROJECT_NAME_RE"
    ]
    stub = types.ModuleType("warehouse.utils.project")
    stub.PROJECT_NAME_RE = eval(compile(ast.Expression(wanted[0].value), "project.py", "eval"), {"re": re})
    sys.modules[stub.__name__] = stub
    names = ["forklift.forms", "forklift.metadata", "utils.readme"]
    return [importlib.import_module(f"warehouse.{name}") for name in names]


def refusal(fields: Fields, warehouse: list) -> str:
    """Why PyPI refuses this form; nothing where it does not."""
    forms, metadata, readme = warehouse
    posted = MultiDict((name, value) for name, value in fields if name != "content")
    # As `forklift/decorators.py` has it: what old tools wrote where there was nothing.
    for name in set(posted):
        if posted[name].strip() == "UNKNOWN":
            del posted[name]
    form = forms.UploadForm(posted)
    if not form.validate():
        return str(form.errors)
    try:
        read = metadata.parse(None, form_data=posted)
    except ExceptionGroup as group:
        return "; ".join(str(one) for one in group.exceptions)
    if read.description:
        kind = read.description_content_type or "text/x-rst"
        if readme.render(read.description, kind, use_fallback=False) is None:
            return "the description failed to render"
    return ""


def compared(helper_program: Path, warehouse: list) -> int:
    recorder, wrong = Recorder(), 0
    unsent = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        helper = Helper(helper_program, folder)
        # The renderer that helper asks is the one beside this script.
        helper.variables["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        for at, (case, (version, more)) in enumerate(CASES.items()):
            text = f"Metadata-Version: {version}\nName: a\nVersion: 1.{at}\n{more}"
            for make in (wheel, sdist):
                files = {} if "outside" in case else {"LICENSE": "text\n"}
                file = make(folder, "a", f"1.{at}", text, files)
                helper.run("-r", recorder.url, "-u", "helper", "-p", "x", file)
                ended = helper.run("--check", "--json", "-r", "pypi", file)
                ours = json.loads(ended.stdout)["files"][0]["message"] or ""
                if (form := recorder.forms.get(("helper", file.name))) is None:
                    # Nowhere to be sent: it has to be refused here.
                    unsent.append(f"{case}: {ours}")
                    wrong += not ours
                    continue
                theirs = refusal(form, warehouse)
                if bool(theirs) == bool(ours):
                    continue
                if case in DIFFER:
                    print(f"differs   {case} ({make.__name__}): {DIFFER[case]}")
                    continue
                wrong += 1
                print(f"WRONG     {case} ({make.__name__}): PyPI: {theirs or 'takes it'}; helper: {ours or 'takes it'}")
    recorder.close()
    for line in unsent:
        print(f"never sent  {line}")
    print(f"{2 * len(CASES)} files, {wrong} judged otherwise than by PyPI")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Compares `publish --check` with PyPI's validators.")
    parser.add_argument("--helper", type=Path, default=Path("target/debug/helper"))
    parser.add_argument("--warehouse", type=Path, required=True, help="a copy of PyPI's source")
    given = parser.parse_args()
    sys.exit(compared(given.helper.resolve(), validators(given.warehouse)))
