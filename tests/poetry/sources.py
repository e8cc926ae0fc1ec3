"""Poetry's own package sources: reads and changes projects, one JSON request a line.

`{"read": FOLDER}` answers with the pool in the order in which it is searched, `{"run": [ARGUMENT...]}`
with the status of a `poetry` command. What is refused is an error, never a traceback.
"""

from __future__ import annotations

import json
import sys

from pathlib import Path

from cleo.io.inputs.argv_input import ArgvInput
from cleo.io.null_io import NullIO
from cleo.io.outputs.buffered_output import BufferedOutput
from poetry.console.application import Application
from poetry.factory import Factory
from poetry.repositories.single_page_repository import SinglePageRepository


def read(folder: str) -> dict[str, object]:
    try:
        poetry = Factory().create_poetry(Path(folder), io=NullIO(), disable_plugins=True)
    except Exception as error:  # noqa: BLE001
        return {"error": f"{type(error).__name__}: {error}"}
    pool = poetry.pool
    sources = []
    for repository in pool.all_repositories:
        sources.append(
            {
                "name": repository.name,
                "url": repository.url.rstrip("/"),
                "priority": pool.get_priority(repository.name).name.lower(),
                "page": isinstance(repository, SinglePageRepository),
            }
        )
    return {"sources": sources}


def run(arguments: list[str]) -> dict[str, object]:
    application = Application()
    application.auto_exits(False)
    output, errors = BufferedOutput(), BufferedOutput()
    status = application.run(ArgvInput(["poetry", "--no-plugins", *arguments]), output, errors)
    return {"status": status, "output": output.fetch(), "errors": errors.fetch()}


for line in sys.stdin:
    request = json.loads(line)
    answer = read(request["read"]) if "read" in request else run(request["run"])
    print(json.dumps(answer), flush=True)
