"""The rows of the CI matrix: what each tool is made to do, and the variables that it shall do it with."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

from dataclasses import dataclass
from typing import Callable
from typing import Optional

import git_backend
import venvs

from ci_place import Place
from ci_place import Step
from packages import PKG

PYTHON = getattr(sys, "_base_executable", sys.executable)
Names = tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A tool with its variables."""

    key: str
    tool: str
    # The environment that it is run from; "" for a program of the system.
    client: str
    does: str
    # Those of the repository that is asked for first.
    variables: Names
    steps: Callable[[Place, Names], list[Step]]
    operation: str = "read"
    names: Names = ("foo",)
    # Options of `helper exec` beside the names.
    options: Names = ()
    # Knows hosts: two repositories are on two of them.
    per_host: bool = False
    # With two repositories only the first is uploaded to: there is room for one.
    one_target: bool = True
    # Whether its project says which repositories there are.
    declares: bool = False
    # A file, or folder, that is there when it is done.
    proof: str = "leaf.py"
    # Why it does not work, where it does not: a footnote.
    cannot: Optional[str] = None

    @property
    def by_netrc(self) -> bool:
        """Whether it does it with the netrc."""
        return self.variables == ("NETRC",)

    def secrets(self) -> list[str]:
        """Those that hold an account or a secret; a URL stays, or an upload would go to PyPI."""
        return [one for one in self.variables if not one.endswith(("_URL", "_REPO", "_INDEX"))]

    def without(self, place: Place) -> dict[str, str]:
        """What is set in place of a variable that holds a URL with a secret in it."""
        urls = (one for one in self.variables if one == "PIP_INDEX_URL")
        return {one: place.url(self.names[0]) for one in urls}

    def title(self) -> str:
        """The heading of the row."""
        version = f" {venvs.version(self.client)}" if self.client else ""
        return f"{self.tool}{version}, {self.does}"


def _program(client: str, *arguments: str, name: str = "") -> list[str]:
    return [str(venvs.program(client, name or client)), *arguments]


def _pip(place: Place, indexes: list[str]) -> list[Step]:
    options = ["--no-input", "--disable-pip-version-check", "--no-cache-dir", "--target", "into"]
    return [Step(_program("pip", "install", *options, *indexes, "pkg"))]


def _pip_netrc(place: Place, names: Names) -> list[Step]:
    options = ["--index-url", place.url(names[0])]
    for name in names[1:]:
        options += ["--extra-index-url", place.url(name)]
    return _pip(place, options)


def _pip_index(place: Place, names: Names) -> list[Step]:
    return _pip(place, [])


UV = {
    "UV_PYTHON": PYTHON,
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "UV_KEYRING_PROVIDER": "disabled",
    "UV_NO_CACHE": "1",
}
PROJECT = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["pkg"]\n'


def _uv_sync(place: Place, names: Names) -> list[Step]:
    text = PROJECT
    for name in names:
        text += f'[[tool.uv.index]]\nname = "{name}"\nurl = "{place.url(name)}"\n'
        text += "default = true\n" if name == names[0] else ""
    (place.project / "pyproject.toml").write_text(text)
    return [Step(_program("uv", "sync"), UV)]


def _uv_netrc(place: Place, names: Names) -> list[Step]:
    options = ["--default-index", place.url(names[0])]
    for name in names[1:]:
        options += ["--index", place.url(name)]
    return [Step(_program("uv", "pip", "install", "--target", "into", *options, "pkg"), UV)]


def _uv_publish(place: Place, names: Names) -> list[Step]:
    wheel = str(PKG.write(place.folder / "dist"))
    return [Step(_program("uv", "publish", "--trusted-publishing", "never", wheel), UV)]


def _uv_publish_index(place: Place, names: Names) -> list[Step]:
    text = '[project]\nname = "pkg"\nversion = "1.0"\n'
    for name in names:
        text += f'[[tool.uv.index]]\nname = "{name}"\nurl = "{place.url(name)}"\n'
        text += f'publish-url = "{place.url(name, "legacy")}"\n'
    (place.project / "pyproject.toml").write_text(text)
    # Of another version than the index has: the same file would be left out.
    other = type(PKG)(PKG.name, "2.0", PKG.requires)
    wheel = str(other.write(place.folder / "dist"))
    return [Step(_program("uv", "publish", "--trusted-publishing", "never", wheel), UV)]


POETRY = {"POETRY_VIRTUALENVS_IN_PROJECT": "true", "POETRY_NO_INTERACTION": "1"}


def _poetry(place: Place, sources: list[tuple[str, str]]) -> list[Step]:
    text = PROJECT + "[tool.poetry]\npackage-mode = false\n"
    for source, name in sources:
        text += f'[[tool.poetry.source]]\nname = "{source}"\nurl = "{place.url(name)}"\n'
    (place.project / "pyproject.toml").write_text(text)
    environment = {**POETRY, "POETRY_CACHE_DIR": str(place.folder / "cache")}
    return [Step(_program("poetry", "install", "-n"), environment)]


def _poetry_install(place: Place, names: Names) -> list[Step]:
    return _poetry(place, [(name, name) for name in names])


def _poetry_netrc(place: Place, names: Names) -> list[Step]:
    # Under names that nothing is set for.
    return _poetry(place, [(f"other-{at}", name) for at, name in enumerate(names)])


def _poetry_publish(place: Place, names: Names) -> list[Step]:
    PKG.write(place.project / "dist")
    text = '[project]\nname = "pkg"\nversion = "1.0"\n'
    (place.project / "pyproject.toml").write_text(text)
    return [Step(_program("poetry", "publish", "-n", "-r", name), POETRY) for name in names]


def _twine(place: Place, names: Names) -> list[Step]:
    wheel = str(PKG.write(place.folder / "dist"))
    options = ["--non-interactive", "--disable-progress-bar"]
    return [Step(_program("twine", "upload", *options, wheel))]


PDM = {"PDM_CHECK_UPDATE": "0", "PDM_USE_VENV": "0", "PDM_IGNORE_ACTIVE_VENV": "1"}


def _pdm_project(place: Place, names: Names) -> None:
    text = PROJECT
    for name in names:
        # The first takes the place of the public one.
        source = "pypi" if name == names[0] else name
        text += f'[[tool.pdm.source]]\nname = "{source}"\nurl = "{place.url(name)}"\n'
    (place.project / "pyproject.toml").write_text(text)
    (place.project / ".pdm-python").write_text(PYTHON + "\n")


def _pdm_install(place: Place, names: Names) -> list[Step]:
    _pdm_project(place, names)
    return [Step(_program("pdm", "install", "--no-self"), PDM)]


def _pdm_publish(place: Place, names: Names) -> list[Step]:
    _pdm_project(place, names)
    PKG.write(place.project / "dist")
    return [Step(_program("pdm", "publish", "--no-build"), PDM)]


def _hatch_env(place: Place, names: Names) -> list[Step]:
    """An environment of Hatch's, which it fills with uv."""
    text = '[project]\nname = "app"\nversion = "1"\n'
    text += '[tool.hatch.envs.default]\nskip-install = true\ninstaller = "uv"\n'
    text += f'python = "{PYTHON}"\ndependencies = ["pkg"]\n'
    (place.project / "pyproject.toml").write_text(text)
    # uv would install into the Python that this variable names, not into the environment.
    uv = {name: value for name, value in UV.items() if name != "UV_PYTHON"}
    environment = {
        **uv,
        "HATCH_DATA_DIR": str(place.project / "hatch"),
        "HATCH_ENV_TYPE_VIRTUAL_UV_PATH": str(venvs.program("uv", "uv")),
        "UV_DEFAULT_INDEX": place.url(names[0]),
    }
    if names[1:]:
        environment["UV_INDEX"] = " ".join(place.url(name) for name in names[1:])
    return [Step(_program("hatch", "env", "create"), environment)]


def _hatch(place: Place, names: Names) -> list[Step]:
    wheel = str(PKG.write(place.folder / "dist"))
    return [Step(_program("hatch", "publish", "-n", wheel))]


def _flit(place: Place, names: Names) -> list[Step]:
    (place.project / "pkg.py").write_text('"""Of the tests."""\n__version__ = "1.0"\n')
    text = '[build-system]\nrequires = ["flit_core >=3.2"]\nbuild-backend = "flit_core.buildapi"\n'
    text += '[project]\nname = "pkg"\ndynamic = ["version", "description"]\n'
    (place.project / "pyproject.toml").write_text(text)
    return [Step(_program("flit", "publish", "--format", "wheel"))]


def _libcurl_is_older_than(*wanted: int) -> bool:
    if not shutil.which("curl"):
        return True
    said = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"libcurl/(\d+)\.(\d+)", said)
    return not found or tuple(map(int, found.groups())) < wanted


# libcurl's CURLOPT_NETRC(3).
OLD_LIBCURL = "libcurl before 8.16 does not read `NETRC`" if _libcurl_is_older_than(8, 16) else None


def _curl(place: Place, names: Names) -> list[Step]:
    # By itself it reads the variable only with a newer libcurl.
    script = 'for url; do curl -fsS --netrc-file "$NETRC" -o leaf.py "$url" || exit; done'
    return [Step(["sh", "-c", script, "sh", *(place.url(name) for name in names)])]


def _git(place: Place, names: Names) -> list[Step]:
    for name in names:
        folder = place.index.repositories[name].git
        assert folder
        folder.mkdir(parents=True)
        git_backend.make(folder, "leaf", {**place.environment(), "GIT_CONFIG_NOSYSTEM": "1"})
    urls = [f"{place.url(name, 'git')}leaf.git" for name in names]
    return [Step(["git", "clone", "-q", url, f"cloned-{at}"]) for at, url in enumerate(urls)]


HTTP_BASIC = ("POETRY_HTTP_BASIC_FOO_USERNAME", "POETRY_HTTP_BASIC_FOO_PASSWORD")
DOTTED = ("POETRY_HTTP_BASIC_MY.REPO_USERNAME", "POETRY_HTTP_BASIC_MY.REPO_PASSWORD")
UV_INDEX = ("UV_INDEX_FOO_USERNAME", "UV_INDEX_FOO_PASSWORD")
TWINE = ("TWINE_USERNAME", "TWINE_PASSWORD", "TWINE_REPOSITORY_URL")
NETRC = ("NETRC",)

ROWS: tuple[Row, ...] = (
    Row("pip netrc", "pip", "pip", "install", NETRC, _pip_netrc, per_host=True),
    Row(
        *("pip index", "pip", "pip", "install", ("PIP_INDEX_URL",), _pip_index),
        options=("--pip", "index"),
        per_host=True,
    ),
    Row("uv index", "uv", "uv", "sync", UV_INDEX, _uv_sync, declares=True),
    Row("uv netrc", "uv", "uv", "pip install", NETRC, _uv_netrc, per_host=True),
    Row(
        *("uv publish", "uv", "uv", "publish"),
        ("UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD", "UV_PUBLISH_URL"),
        *(_uv_publish, "upload"),
    ),
    Row(
        *("uv publish token", "uv", "uv", "publish with a token"),
        ("UV_PUBLISH_TOKEN", "UV_PUBLISH_URL"),
        *(_uv_publish, "upload", ("tok",)),
    ),
    Row(
        *("uv publish index", "uv", "uv", "publish to an index of the project"),
        ("UV_PUBLISH_USERNAME", "UV_PUBLISH_PASSWORD", "UV_PUBLISH_INDEX", *UV_INDEX),
        *(_uv_publish_index, "upload"),
        declares=True,
    ),
    Row(
        *("Poetry source", "Poetry", "poetry", "install", HTTP_BASIC, _poetry_install),
        declares=True,
    ),
    Row(
        *("Poetry dotted", "Poetry", "poetry", "install from `my.repo`", DOTTED, _poetry_install),
        names=("my.repo",),
        declares=True,
    ),
    Row("Poetry netrc", "Poetry", "poetry", "install", NETRC, _poetry_netrc, per_host=True),
    Row(
        *("Poetry publish", "Poetry", "poetry", "publish"),
        (*HTTP_BASIC, "POETRY_REPOSITORIES_FOO_URL"),
        *(_poetry_publish, "upload"),
        one_target=False,
    ),
    Row(
        *("Poetry token", "Poetry", "poetry", "publish with a token"),
        ("POETRY_PYPI_TOKEN_TOK", "POETRY_REPOSITORIES_TOK_URL"),
        *(_poetry_publish, "upload", ("tok",)),
        one_target=False,
    ),
    Row("twine", "twine", "twine", "upload", TWINE, _twine, "upload"),
    Row("twine token", "twine", "twine", "upload with a token", TWINE, _twine, "upload", ("tok",)),
    Row("PDM netrc", "PDM", "pdm", "install", NETRC, _pdm_install, per_host=True),
    Row(
        *("PDM publish", "PDM", "pdm", "publish"),
        ("PDM_PUBLISH_USERNAME", "PDM_PUBLISH_PASSWORD", "PDM_PUBLISH_REPO"),
        *(_pdm_publish, "upload"),
    ),
    Row("Hatch netrc", "Hatch", "hatch", "env create", NETRC, _hatch_env, per_host=True),
    Row(
        *("Hatch publish", "Hatch", "hatch", "publish"),
        ("HATCH_INDEX_USER", "HATCH_INDEX_AUTH", "HATCH_INDEX_REPO"),
        *(_hatch, "upload"),
    ),
    Row(
        *("Flit publish", "Flit", "flit", "publish"),
        ("FLIT_USERNAME", "FLIT_PASSWORD", "FLIT_INDEX_URL"),
        *(_flit, "upload"),
    ),
    Row("curl", "curl", "", '`--netrc-file "$NETRC"`', NETRC, _curl, per_host=True),
    Row(
        *("git", "git", "", "clone (libcurl)", NETRC, _git),
        per_host=True,
        proof="cloned-0",
        cannot=OLD_LIBCURL,
    ),
)
