"""What `pages.py` has to know of the documents' commands: what is there before they run, which end otherwise
than with 0, and which are not run here, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from index import Index
from packages import Package

# --- what is there



@dataclass(frozen=True)
class Dashed(Package):
    """A package whose name is written otherwise in the names of its files (PEP 427)."""

    @property
    def filename(self) -> str:
        """The name of its wheel."""
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


PACKAGES = (
    Dashed("acme-core", "1.3", ("web",)),
    Dashed("acme-core", "1.2"),
    Package("web", "2.0"),
    Package("requests", "2.32"),
)
UPLOADS = (Package("foo", "1.2"),)

PROJECT = """[project]
name = "app"
version = "1.0"
requires-python = ">=3.9"
dependencies = ["acme-core"]

[[tool.uv.index]]
name = "foo"
url = "https://pypi.example.org/simple/"
publish-url = "https://pypi.example.org/legacy/"
default = true

[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
# `foo` and `bar` are stored; what asks PyPI itself has nothing to send.
AUTH = """[http-basic.foo]
username = "alice"
password = "s3cret"

[http-basic.bar]
username = "bob"
password = "hunter2"

[pypi-token]
pypi = "not-a-real-token"
"""
SETTINGS = """[repositories.foo]
url = "https://pypi.example.org/simple/"
publish-url = "https://pypi.example.org/legacy/"
"""
# Builds the project without anything else.
BACKEND = f"""import pathlib, sys
sys.path[:0] = [{str(Path(__file__).resolve().parent)!r}]
from packages import Package
def build_wheel(folder, config_settings=None, metadata_directory=None):
    return Package("app").write(pathlib.Path(folder)).name
def build_sdist(folder, config_settings=None):
    raise RuntimeError("wheels only")
"""

FILES = {
    "home/.config/pypoetry/auth.toml": AUTH,
    "home/.config/credential-helper/config.toml": SETTINGS,
    "home/.local/bin/.keep": "",
    "home/.pypirc": "[distutils]\nindex-servers = foo\n[foo]\nrepository = https://pypi.example.org/legacy/\n"
    "password = s3cret\nusername = alice\n",
    "project/pyproject.toml": PROJECT,
    "project/backend.py": BACKEND,
    "project/requirements.txt": "acme-core==1.3\n",
    "project/requirements.in": "acme-core\n",
    "project/build.sh": "#!/bin/sh\nprintf '%s\\n' \"$UV_INDEX_FOO_PASSWORD\"\n",
    "project/Dockerfile": "FROM scratch\n",
}


def files(keyring: bool) -> dict[str, str]:
    """What is there, with or without a keyring."""
    off = "[keyring]\nenabled = false\n"
    return FILES if keyring else {**FILES, "home/.config/pypoetry/config.toml": off}


# Tools as `helper exec` starts them, without what they would do: each is content if it has the password in
# a variable. What the real ones do is tests/clients/ci_matrix.py.
GIVEN = 'env | grep -q "_PASSWORD=s3cret$"'
STANDINS = {
    "poetry": ("ci_matrix.py has the real one", GIVEN),
    "uv": ("ci_matrix.py has the real one", GIVEN),
    "twine": ("ci_matrix.py has the real one", 'env | grep -q "^TWINE_PASSWORD="'),
    "pip": ("ci_matrix.py has the real one", GIVEN),
    "docker": (
        "needs a daemon and an image: only whether the secret or the socket is there is looked at",
        'case "$*" in run*) test -S "$XDG_RUNTIME_DIR/box/agent.sock";; *src=*) test -s "$XDG_RUNTIME_DIR/netrc";; *) ' + GIVEN + ";; esac",
    ),
}


def places(index: Index) -> list[tuple[str, str]]:
    """Where the example server of the documents is; the longest first."""
    return [
        ("https://pypi.example.org/simple/", index.url("foo")),
        ("https://pypi.example.org/legacy/", index.url("foo", "legacy")),
        ("https://pypi.example.org/files/", index.url("foo", "files")),
        ("https://pypi.example.org", index.base),
    ]


# --- running text

# Commands that are spoken of by their name.
NAMES = {
    "helper agent",
    "helper bridge",
    "helper exec",
    "helper explain",
    "helper get",
    "helper index",
    "helper set",
    "helper setup",
    "helper setup uv --store",
    "helper source",
    "helper trust",
    "helper config",
}
# What stands for a word, and a word.
WORDS = {
    "CMD": "true",
    "COMMAND": "get",
    "NAME": "foo",
    "NAME...": "foo",
    "P": '"$XDG_RUNTIME_DIR/agent.sock"',
    "SHELL": "bash",
    "TOOL": "git",
    "URL": "https://pypi.example.org/simple/",
    "[URL]": "https://pypi.example.org/simple/",
}


def with_words(line: str) -> str:
    """A line of running text with words for what stands for a word."""
    return " ".join(WORDS.get(word, word) for word in line.split())


# --- what a line needs before it

BEFORE = {
    "README.md: helper agent status": "helper agent start",
    "docs/agent.md: helper agent status": "helper agent start",
    "helper env --format circleci": 'export BASH_ENV="$PWD/bash_env"',
    "helper env --format github": 'export GITHUB_ENV="$PWD/env" GITHUB_OUTPUT="$PWD/output"; touch env output',
    "helper env foo --format github": 'export GITHUB_ENV="$PWD/env" GITHUB_OUTPUT="$PWD/output"; touch env output',
    "helper import ~/.netrc --apply": "echo machine pypi.example.org login alice password s3cret >~/.netrc",
    "helper trust --remove foo": "helper trust foo https://files.example.net/simple/",
    "helper trust --remove foo https://pypi.example.org/simple/": "helper trust foo https://pypi.example.org/simple/",
}

# With a real keyring on a bus of its own; elsewhere Poetry's setting leaves the keyring out.
WITH_KEYRING = {
    "helper agent unlock --password-stdin": "",
    "helper agent unlock": "",
    "helper import --apply": "",
    "helper import ~/.netrc --apply": "",
    "docs/providers.md: helper set shop alice": "",
}

# --- what ends with another status than 0

STATUS = {
    # The line before has locked the agent, which is a problem.
    "README.md: helper doctor": 1,
    # There is something in plain text.
    "helper scan": 1,
    "helper scan --format sarif": 1,
    # A name is no URL, and nothing is stored for the host itself.
    "helper get pypi.example.org": 1,
    "helper get https://pypi.example.org/": 1,
}

# --- what is not run here, and why

_ITSELF = "builds or tests this project: whoever runs this has done so"
_FOREGROUND = "stays in the foreground: tests/agent.rs"
_SYSTEMD = "needs the systemd of a user's session: tests/systemd.rs"
_REAL = "a real tool: tests/clients/matrix.py"
_PACKAGE = "builds a package, or installs it into this machine: tests/packages does both in a folder"
_WHEEL = "builds the wheel, or installs it: packaging/python/tests/test_wheel.py"
_OTHER_SYSTEM = "needs macOS, Homebrew or Nix: tests/packages reads the file only"
_ENVIRONMENT = "changes the environment in which the tool runs: tests/setup.rs"
_PYPI = "goes to PyPI itself: tests/publish.rs and tests/publish_trusted.rs have servers in its place"

BLOCKS_ELSEWHERE = {
    "helper set acme ci --url https://pypi.example.org/acme/simple/": "the tour: tests/resolve/tour.rs runs it",
}

# What a line begins with that builds, tests or measures this project.
OURS = {
    "tests/": _ITSELF,
    ".ci/": _ITSELF,
    "cargo build ": _ITSELF,
    "cargo test ": _ITSELF,
    "cargo install ": _ITSELF,
    "cargo deny ": "needs the network: tests/supply_chain.py reads the same rules",
    "target/publish/bin/python ": "needs a copy of PyPI's source",
    "CREDENTIAL_HELPER_TEST_ALL_KEYRINGS=1 ": _ITSELF,
}

NOT_HERE = {
    "cargo login --registry my": "a registry of cargo's: tests/bridges/cargo.rs",
    "poetry config http-basic.foo alice": "asks at a terminal: tests/poetry/differential.py",
    "systemctl --user daemon-reload": _SYSTEMD,
    "systemctl --user enable --now credential-helper.socket": _SYSTEMD,
    "systemctl --user restart credential-helper.service": _SYSTEMD,
    "packaging/deb.sh --output dist": _PACKAGE,
    "sudo dpkg -i dist/credential-helper_*.deb": _PACKAGE,
    "sudo apt install ./dist/python3-credential-helper_*.deb": _PACKAGE,
    "packaging/tarball.sh --output dist": _PACKAGE,
    "tar -xzf dist/credential-helper-*-linux-static.tar.gz --strip-components=1 -C ~/.local": _PACKAGE,
    "packaging/wheel.sh": _WHEEL,
    "pip install target/wheels/credential_helper-*.whl": _WHEEL,
    "cp /usr/share/doc/credential-helper/examples/no-commands.conf "
    "~/.config/systemd/user/credential-helper.service.d/": "a file of the Debian package: tests/packages",
    "brew install --HEAD --formula packaging/homebrew/credential-helper.rb": _OTHER_SYSTEM,
    "cp packaging/launchd/io.credentialhelper.agent.plist ~/Library/LaunchAgents/": _OTHER_SYSTEM,
    "nix-build packaging/nix": _OTHER_SYSTEM,
    "helper agent run": _FOREGROUND,
    "helper agent run -v": _FOREGROUND,
    "helper setup poetry": _ENVIRONMENT,
    "helper setup poetry --undo": _ENVIRONMENT,
    "helper setup twine": _ENVIRONMENT,
    "helper setup twine --undo": _ENVIRONMENT,
    "helper setup pdm": _ENVIRONMENT,
    "helper setup hatch": _ENVIRONMENT,
    "helper setup flit": _ENVIRONMENT,
    "poetry install": _REAL,
    "poetry publish -r foo": _REAL,
    "uv publish --index foo": _REAL,
    "pip install --index-url https://pypi.example.org/simple/ mypackage": _REAL,
    "uv pip install mypackage": _REAL,
    "twine upload -r foo dist/*": _REAL,
    "helper publish": _PYPI,
    "helper index audit --ask-public": "asks PyPI itself: tests/resolve/audit.rs",
    "helper env --format fish | source": "a line of fish: tests/env.rs",
    "helper env --format powershell | Out-String | Invoke-Expression": "a line of PowerShell: tests/env.rs",
}
