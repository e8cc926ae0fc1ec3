"""The Python tools: how each is made to install, lock and upload."""

from __future__ import annotations

import sys

import venvs

from home import Command
from home import Home
from packages import PKG
from tool import PASSWORDS
from tool import USERS
from tool import Imports
from tool import Tool

PYTHON = getattr(sys, "_base_executable", sys.executable)


class Pip(Tool):
    name, client, actions = "pip", "pip", ("install", "lock")
    provider = "subprocess"
    user_in_url = False

    def _options(self, home: Home, names: tuple[str, ...]) -> list[str]:
        urls = [home.index.url(n, user=USERS[n] if self.user_in_url else "") for n in names]
        options = ["--no-input", "--disable-pip-version-check"]
        options += ["--keyring-provider", self.provider, "--index-url", urls[0]]
        for url in urls[1:]:
            options += ["--extra-index-url", url]
        return options

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        return [self.run("install", "--target", "into", *self._options(home, names), "pkg")]

    def lock(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        return [self.run("lock", *self._options(home, names), "pkg")]


class OldPip(Pip):
    # Without a username in the URL it asks nobody.
    name, client, user_in_url = "pip 25", "pip-25", True
    label, note, program = "pip", ", username in the URL", "pip"


class ImportPip(Imports, Pip):
    name, client, provider = "pip import", "pip-import", "import"
    label, note, program = "pip", ", keyring imported", "pip"


class Uv(Tool):
    name, client = "uv", "uv"
    actions: tuple[str, ...] = ("install", "lock", "upload")
    always = True

    def _project(self, home: Home, names: tuple[str, ...]) -> dict[str, str]:
        text = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["pkg"]\n'
        for name in names:
            url = home.index.url(name, user="" if self.always else USERS[name])
            text += f'[[tool.uv.index]]\nname = "{name}"\nurl = "{url}"\n'
            text += 'authenticate = "always"\n' if self.always else ""
            text += "default = true\n" if name == names[0] else ""
        (home.project / "pyproject.toml").write_text(text)
        return {
            "UV_KEYRING_PROVIDER": "subprocess",
            "UV_PYTHON": PYTHON,
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_PROGRESS": "1",
        }

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        return [self.run("sync", environment=self._project(home, names))]

    def lock(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        return [self.run("lock", environment=self._project(home, names))]

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        wheel, environment = str(PKG.write(home.folder / "dist")), self._project(home, names)
        options = ["--trusted-publishing", "never", wheel]
        return [
            self.run(
                "publish",
                *("--publish-url", home.index.url(name, "legacy"), "--username", USERS[name]),
                *options,
                environment=environment,
            )
            for name in names
        ]


class UserUv(Uv):
    name, always, actions = "uv user", False, ("install", "lock")
    label, note = "uv", ", username in the URL"


class Twine(Imports):
    name, client, actions = "twine", "twine", ("upload",)

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        wheel = str(PKG.write(home.folder / "dist"))
        options = ["--non-interactive", "--disable-progress-bar"]
        return [
            self.run("upload", *options, "--repository-url", home.index.url(n, "legacy"), wheel)
            for n in names
        ]


class Poetry(Imports):
    name, client, actions = "Poetry", "poetry", ("install", "lock", "upload")
    environment = {"POETRY_VIRTUALENVS_IN_PROJECT": "true"}

    def _project(self, home: Home, names: tuple[str, ...]) -> None:
        text = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["pkg"]\n'
        text += "[tool.poetry]\npackage-mode = false\n"
        for name in names:
            text += f'[[tool.poetry.source]]\nname = "{name}"\nurl = "{home.index.url(name)}"\n'
        (home.project / "pyproject.toml").write_text(text)

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._project(home, names)
        return [self.run("install", "-n", environment=self.environment)]

    def lock(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._project(home, names)
        return [self.run("lock", "-n", environment=self.environment)]

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        PKG.write(home.project / "dist")
        text = '[project]\nname = "pkg"\nversion = "1.0"\n'
        (home.project / "pyproject.toml").write_text(text)
        config = home.home / ".config" / "pypoetry" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        urls = [f'[repositories.{n}]\nurl = "{home.index.url(n, "legacy")}"\n' for n in names]
        config.write_text("".join(urls))
        return [self.run("publish", "-n", "-r", name) for name in names]

    def store(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        stored = [self.run("config", f"http-basic.{n}", USERS[n], PASSWORDS[n]) for n in names]
        return [*stored, *self.install(home, names)]


class Pdm(Tool):
    name, client, actions = "PDM", "pdm", ("install", "lock", "upload")
    program = "pdm"
    environment = {"PDM_CHECK_UPDATE": "0", "PDM_USE_VENV": "0", "PDM_IGNORE_ACTIVE_VENV": "1"}

    def _project(self, home: Home, names: tuple[str, ...]) -> None:
        text = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["pkg"]\n'
        for name in names:
            # The first takes the place of the public one.
            source = "pypi" if name == names[0] else name
            text += f'[[tool.pdm.source]]\nname = "{source}"\nurl = "{home.index.url(name)}"\n'
        (home.project / "pyproject.toml").write_text(text)
        (home.project / ".pdm-python").write_text(PYTHON + "\n")

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._project(home, names)
        return [self.run("install", "--no-self", environment=self.environment)]

    def lock(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._project(home, names)
        return [self.run("lock", environment=self.environment)]

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        self._project(home, names)
        PKG.write(home.project / "dist")
        return [
            self.run(
                "publish",
                "--no-build",
                *("--repository", home.index.url(name, "legacy"), "--username", USERS[name]),
                environment=self.environment,
            )
            for name in names
        ]


class ImportPdm(Imports, Pdm):
    name, client = "PDM import", "pdm-import"
    label, note = "PDM", ", keyring imported"


class Hatch(Imports):
    name, client, actions = "Hatch", "hatch", ("upload", "install")

    def install(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        """An environment of Hatch's, which it fills with uv."""
        text = '[project]\nname = "app"\nversion = "1"\n'
        text += '[tool.hatch.envs.default]\nskip-install = true\ninstaller = "uv"\n'
        text += f'python = "{PYTHON}"\ndependencies = ["pkg"]\n'
        (home.project / "pyproject.toml").write_text(text)
        environment = {
            "HATCH_DATA_DIR": str(home.project / "hatch"),
            "HATCH_ENV_TYPE_VIRTUAL_UV_PATH": str(venvs.program("uv", "uv")),
            "UV_KEYRING_PROVIDER": "subprocess",
            "UV_DEFAULT_INDEX": home.index.url(names[0], user=USERS[names[0]]),
        }
        return [self.run("env", "create", environment=environment)]

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        wheel = str(PKG.write(home.folder / "dist"))
        return [
            self.run("publish", "-n", "-r", home.index.url(n, "legacy"), "-u", USERS[n], wheel)
            for n in names
        ]


class Flit(Imports):
    name, client, actions = "Flit", "flit", ("upload",)

    def upload(self, home: Home, names: tuple[str, ...]) -> list[Command]:
        (home.project / "pkg.py").write_text('"""Of the tests."""\n__version__ = "1.0"\n')
        text = (
            '[build-system]\nrequires = ["flit_core >=3.2"]\nbuild-backend = "flit_core.buildapi"\n'
        )
        text += '[project]\nname = "pkg"\ndynamic = ["version", "description"]\n'
        (home.project / "pyproject.toml").write_text(text)
        return [
            self.run(
                "publish",
                *("--format", "wheel"),
                environment={
                    "FLIT_INDEX_URL": home.index.url(name, "legacy"),
                    "FLIT_USERNAME": USERS[name],
                },
            )
            for name in names
        ]


PYTHON_TOOLS: tuple[Tool, ...] = (
    Pip(),
    OldPip(),
    ImportPip(),
    Uv(),
    UserUv(),
    Twine(),
    Poetry(),
    Pdm(),
    ImportPdm(),
    Hatch(),
    Flit(),
)
