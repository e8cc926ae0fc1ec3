"""Where our keyring answers otherwise than Python's, by name: decided, and decided from the case
alone. Each gives the arguments with which Python's own parser says what ours means, or the end
that is ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from typing import Optional

import store

from cases import Case
from python_side import Ended
from store import Asked

VALUED = ("-p", "--keyring-path", "-b", "--keyring-backend", "--mode", "--output")
VALUED += ("--print-completion",)
FLAGS = ("-h", "--help", "--list-backends", "--disable")
REFUSED = Ended(1, "", False, [])


class Parts(NamedTuple):
    """An argument list taken apart: options with their values, and groups of words."""

    options: list[list[str]]
    groups: list[list[str]]

    @property
    def words(self) -> list[str]:
        return [word for group in self.groups for word in group]


def parts(arguments: list[str]) -> Parts:
    """As the parser sees them; `--` is no word, but stands where words stand."""
    found = Parts([], [])
    rest, only_words, begun = list(arguments), False, False
    while rest:
        argument = rest.pop(0)
        if only_words or argument == "--" or _is_word(argument):
            if not begun:
                found.groups.append([])
            begun = True
            if argument == "--" and not only_words:
                only_words = True
            else:
                found.groups[-1].append(argument)
        else:
            name = _name(argument)
            option = [argument]
            inside = "=" in argument or (not argument.startswith("--") and len(argument) > 2)
            if name in VALUED and not inside and rest and rest[0] != "--" and _is_word(rest[0]):
                option.append(rest.pop(0))
            found.options.append(option)
            begun = False
    return found


def _is_word(argument: str) -> bool:
    if not argument.startswith("-") or argument == "-":
        return True
    if _name(argument):
        return False
    number = argument[1:].replace(".", "", 1)
    return " " in argument or (number.isdigit() and not argument.endswith("."))


def _name(argument: str) -> Optional[str]:
    """The option that this is, also a short form; "" where it is short for several."""
    name = argument.split("=", 1)[0]
    if name in VALUED + FLAGS:
        return name
    if not argument.startswith("--"):
        return argument[:2] if argument[:2] in VALUED + FLAGS else None
    found = [known for known in VALUED + FLAGS if known.startswith(name)]
    return found[0] if len(found) == 1 else "ambiguous" if found else None


def _mode(case: Case) -> Optional[str]:
    """What a `get` prints that nothing is wrong with; `None` for everything else."""
    found = parts(case.arguments)
    chosen = {"--mode": "password", "--output": "plain"}
    values = {"--mode": ("password", "creds"), "--output": ("plain", "json")}
    for option in found.options:
        name = _name(option[0])
        if name not in ("-p", "-b", "--keyring-path", "--keyring-backend", *chosen):
            return None
        inside = "=" in option[0] or (not option[0].startswith("--") and len(option[0]) > 2)
        if len(option) == 1 and not inside:
            return None
        if name in chosen:
            chosen[name] = option[-1].split("=", 1)[-1]
            if chosen[name] not in values[name]:
                return None
    mode = chosen["--mode"]
    least = 2 if mode == "creds" else 3
    is_get = found.words[:1] == ["get"] and least <= len(found.words) <= 3
    return mode if is_get else None


def _is_json(case: Case) -> bool:
    outputs = [o for o in parts(case.arguments).options if _name(o[0]) == "--output"]
    return bool(outputs) and outputs[-1][-1].endswith("json")


def _found(case: Case) -> Optional[tuple[str, str]]:
    words = parts(case.arguments).words
    return store.find(words[1], words[2] if len(words) == 3 and words[2] else None)


class Deviation(NamedTuple):
    """A decided difference."""

    why: str
    applies: Callable[[Case], bool]
    # It is one of Python's argument parser, which changes between versions: it need not show.
    of_parser: bool = False
    # The arguments for Python; or how ours ends.
    instead: Callable[[Case], list[str]] = lambda case: case.arguments
    ours: Callable[[Case, Ended], Ended] = lambda case, theirs: theirs


def _option_first(case: Case) -> list[str]:
    found = parts(case.arguments)
    return [word for option in found.options for word in option] + ["--"] + found.words


def _without_backend(case: Case) -> list[str]:
    arguments = list(case.arguments)
    at = arguments.index("no.such.Backend")
    return arguments[: at - 1] + arguments[at + 1 :]


def _mistake_after_the_end(case: Case) -> Optional[str]:
    """An ambiguous option after one that ends the program."""
    ended = False
    for option in parts(case.arguments).options:
        name = _name(option[0])
        if ended and name == "ambiguous":
            return option[0]
        ended |= name in ("-h", "--help", "--print-completion")
    return None


def _until_mistake(case: Case) -> list[str]:
    return case.arguments[: case.arguments.index(_mistake_after_the_end(case))]


def _nobody(case: Case) -> list[str]:
    """An account that has what is asked for without one."""
    found = _found(case)
    words = list(case.arguments)
    words[len(words) - 1 - words[::-1].index("")] = found[0] if found else "nobody"
    return words


def _asks_without_username(case: Case, theirs: Ended) -> Ended:
    return theirs._replace(asked=[Asked("get", one.service, None) for one in theirs.asked])


def _no_answer(case: Case, theirs: Ended) -> Ended:
    return REFUSED._replace(asked=theirs.asked)


def _lines(case: Case) -> bool:
    found = _found(case) if _mode(case) and not _is_json(case) else None
    return bool(found) and any(character < " " for character in found[1])


def _half(case: Case) -> bool:
    words = parts(case.arguments).words
    found = _found(case) if _mode(case) == "creds" and words[2:] == [""] else None
    return bool(found) and not _is_json(case) and "" in found


def _dashes(case: Case) -> list[str]:
    at = len(case.arguments) - 1 - case.arguments[::-1].index("--")
    return [*case.arguments[:at], "two dashes", *case.arguments[at + 1 :]]


def _with_dashes(case: Case, theirs: Ended) -> Ended:
    named = [
        Asked(*("--" if field == "two dashes" else field for field in one)) for one in theirs.asked
    ]
    return theirs._replace(asked=named)


def _controls(case: Case) -> bool:
    given = case.given.replace("\r\n", "\n").removesuffix("\n")
    return "set" in parts(case.arguments).words[:1] and "\n" in given


# Where several apply, each takes on what the one before it left.
DEVIATIONS = {
    "words after an option": Deviation(
        "Python 3.11 takes no word after an option that follows a word",
        lambda case: len(parts(case.arguments).groups) > 1,
        of_parser=True,
        instead=_option_first,
    ),
    "a word of two dashes": Deviation(
        "Python 3.11 drops it, also where it is the service",
        lambda case: "--" in parts(case.arguments).words,
        of_parser=True,
        instead=_dashes,
        ours=_with_dashes,
    ),
    "empty username": Deviation(
        "an empty username is none: PDM means that by it",
        lambda case: bool(_mode(case)) and parts(case.arguments).words[2:] == [""],
        instead=_nobody,
        ours=_asks_without_username,
    ),
    "two lines or nothing": Deviation(
        "PDM gives the keyring up for its whole run when one of the two lines is empty",
        _half,
        ours=_no_answer,
    ),
    "one line or nothing": Deviation(
        "a password with a control character is not printed as lines",
        _lines,
        ours=_no_answer,
    ),
    "no control characters": Deviation(
        "a password with a control character is not stored",
        _controls,
        ours=lambda case, theirs: REFUSED if theirs.asked else theirs,
    ),
    "no backends": Deviation(
        "-b and -p are ignored, also where there is no such backend",
        lambda case: "no.such.Backend" in case.arguments,
        instead=_without_backend,
    ),
    "not disabled": Deviation(
        "--disable says what to do instead",
        lambda case: "--disable" in case.arguments and "--list-backends" not in case.arguments,
        ours=lambda case, theirs: REFUSED,
    ),
    "help before a mistake": Deviation(
        "Python 3.11 looks for short forms of several options before anything else",
        lambda case: bool(_mistake_after_the_end(case)),
        of_parser=True,
        instead=_until_mistake,
    ),
    "limits": Deviation(
        "what is longer than a service or username can be is not asked",
        lambda case: any(len(word) > 1024 for word in case.arguments),
        ours=lambda case, theirs: REFUSED,
    ),
    "text": Deviation(
        "what is not UTF-8 is not asked",
        lambda case: any("\udcff" in word for word in case.arguments),
        ours=lambda case, theirs: REFUSED,
    ),
}


def concerning(case: Case) -> list[str]:
    """The names of those that apply."""
    return [name for name, deviation in DEVIATIONS.items() if deviation.applies(case)]
