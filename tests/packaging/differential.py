"""Generates cases of the language of packages, with the answers of PyPI's `packaging`.

    python differential.py SEED CASES

One JSON array a line, its first element the kind of case; `mod.rs` beside this file holds the same
questions against the helper. The same seed gives the same cases.
"""

import json
import random
import sys
import sysconfig
from unittest import mock

from packaging import _manylinux, _musllinux, tags
from packaging.markers import InvalidMarker, Marker, UndefinedComparison
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import InvalidTag
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

rng = random.Random()
pick = rng.choice


def chance(one_in):
    return rng.randrange(one_in) == 0


def tell(*case):
    print(json.dumps(case, separators=(",", ":")))


# Versions


def number():
    if chance(60):
        return pick([255, 256, 65535, 65536, 2**32, 2**64 - 1])
    return rng.randrange(4) if not chance(5) else rng.randrange(300)


def digits():
    return ("0" if chance(25) else "") + str(number())


def version_text():
    text = pick(["v", "V"]) if chance(30) else ""
    if chance(12):
        text += digits() + "!"
    text += ".".join(digits() for _ in range(pick([1, 1, 2, 2, 2, 3, 3, 4, 5])))
    if chance(3):
        text += pick(["", "", ".", "-", "_"]) + pick(["a", "b", "rc", "c", "alpha", "beta", "pre", "preview", "RC"])
        text += pick(["", "", ".", "-", "_"]) + (digits() if not chance(6) else "")
    if chance(4):
        if chance(4):
            text += "-" + digits()
        else:
            text += pick([".", "", "-", "_"]) + pick(["post", "rev", "r"]) + pick(["", "", ".", "-", "_"])
            text += digits() if not chance(6) else ""
    if chance(5):
        text += pick([".", "", "-", "_"]) + "dev" + pick(["", "", ".", "-"]) + (digits() if not chance(6) else "")
    if chance(7):
        parts = [pick(["a", "b1", "1", "01", "local", "Ubuntu", "2"]) for _ in range(pick([1, 1, 2, 3]))]
        text += "+" + pick([".", "-", "_"]).join(parts)
    if chance(40):
        text = pick([" ", "\t", "\n", "  "]) + text
    if chance(40):
        text += pick([" ", "\n"])
    return text


def spoilt(text):
    if not text or chance(8):
        return text + pick(["", ".", "*", ".*", "-", "+", "é", "!", "1", "a"])
    place = rng.randrange(len(text))
    what = pick(["", pick(".-_+!*,;@ ()[]'\"<>=~"), pick("abv019é٣"), text[place] * 2])
    return text[:place] + what + text[place + 1 :]


def some_version():
    text = version_text()
    return spoilt(text) if chance(9) else text


def near(version):
    """A version that differs from this one in a part or two, or in none."""
    epoch, release = version.epoch, list(version.release)
    pre, post, dev, local = version.pre, version.post, version.dev, version.local
    for _ in range(pick([0, 1, 1, 2, 3])):
        what = rng.randrange(9)
        if what == 0:
            place = rng.randrange(len(release))
            release[place] = max(0, release[place] + pick([-1, 1]))
        elif what == 1:
            release.append(pick([0, 0, 1]))
        elif what == 2 and len(release) > 1:
            release.pop()
        elif what == 3:
            pre = pick([None, ("a", 0), ("a", 1), ("b", 1), ("rc", 2)])
        elif what == 4:
            post = pick([None, 0, 1, 2])
        elif what == 5:
            dev = pick([None, 0, 1, 2])
        elif what == 6:
            local = pick([None, "a", "local", "1", "1.2"])
        elif what == 7 and chance(4):
            epoch = pick([0, 1])
    text = (f"{epoch}!" if epoch else "") + ".".join(map(str, release))
    text += "".join(map(str, pre)) if pre else ""
    text += f".post{post}" if post is not None else ""
    text += f".dev{dev}" if dev is not None else ""
    return Version(text + (f"+{local}" if local else ""))


def parsed(text):
    try:
        return Version(text)
    except InvalidVersion:
        return None


def normal(text):
    bare = text.removesuffix(".*")
    version = parsed(bare)
    return str(version) + text[len(bare) :] if version else text


def parts_of(version):
    pre = [version.pre[0], str(version.pre[1])] if version.pre else None
    return [str(version), [str(n) for n in version.release], pre]


def version_case():
    text = some_version()
    version = parsed(text)
    tell("version", text, parts_of(version) if version else None)


def order_case():
    first = parsed(version_text())
    second = near(first) if not chance(5) else parsed(version_text())
    tell("order", str(first), str(second), (first > second) - (first < second))


# Specifiers


OPERATORS = ["==", "==", "!=", "<", "<=", ">", ">=", ">=", "~=", "==="]


def specifier_text():
    operator = pick(OPERATORS)
    text = version_text()
    if operator in ("==", "!=") and chance(2):
        base = parsed(text)
        text = (f"{base.epoch}!" if base.epoch else "") + ".".join(map(str, base.release)) + ".*"
    elif operator not in ("==", "!=", "===") and not chance(20):
        text = text.split("+")[0]
    return operator + pick(["", "", "", " "]) + text


def specifiers_text():
    text = pick([",", ",", ", ", " ,"]).join(specifier_text() for _ in range(pick([1, 1, 1, 2, 2, 3])))
    if chance(60):
        text += ","
    return spoilt(text) if chance(12) else text


def specifier_case():
    text = specifiers_text()
    try:
        found = SpecifierSet(text)
    except InvalidSpecifier:
        tell("specifiers", text, None)
        return
    bounds = [version for one in found if (version := parsed(one.version.removesuffix(".*")))]
    asked = []
    for _ in range(5):
        version = near(pick(bounds)) if bounds else parsed(version_text())
        asked.append([str(version), found.contains(version, prereleases=True), found.contains(version, prereleases=False)])
    tell("specifiers", text, asked)


# Markers


ENVIRONMENTS = [
    {
        "implementation_name": name,
        "implementation_version": full if name == "cpython" else "7.3.17",
        "os_name": "nt" if system == "Windows" else "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython" if name == "cpython" else "PyPy",
        "platform_release": release,
        "platform_system": system,
        "platform_version": "#1 SMP",
        "python_full_version": full,
        "python_version": ".".join(full.split(".")[:2]),
        "sys_platform": {"Windows": "win32", "Linux": "linux", "Darwin": "darwin"}[system],
    }
    for name, full, system, machine, release in [
        ("cpython", "3.11.7", "Linux", "x86_64", "6.1.0-13-amd64"),
        ("cpython", "3.9.0", "Windows", "AMD64", "10"),
        ("cpython", "3.13.1", "Darwin", "arm64", "23.1.0"),
        ("pypy", "3.10.14", "Linux", "aarch64", "5.15.0"),
        ("cpython", "2.7.18", "Linux", "i686", "4.4"),
        ("cpython", "3.14.0rc2", "Linux", "x86_64", "6.1"),
    ]
]
STRINGS = [
    "implementation_name",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_system",
    "sys_platform",
]
VERSIONS = ["python_version", "python_version", "python_full_version", "implementation_version"]
EXTRAS = ["a", "test", "Dev_Tools", "dev-tools", "x.y"]


def quoted(text):
    quote = pick("'\"")
    return quote + text.replace(quote, "") + quote


def python_text(name):
    minor = pick(["2.7", "3.6", "3.9", "3.10", "3.11", "3.13", "3.14", "3", "4"])
    if name != "python_version" and chance(2):
        minor += "." + pick(["0", "1", "7", "14"])
    return minor


def atom():
    """A comparison, and what about it is known to be answered in another way."""
    kind = rng.randrange(12)
    if kind < 6:
        name = pick(VERSIONS)
        operator = pick(["==", "!=", "<", "<=", ">", ">=", ">=", "<", "~="])
        value = python_text(name)
        if operator in ("==", "!=") and chance(3):
            value += ".*"
        if operator == "~=" and "." not in value:
            value += pick([".0", ".1"])
        text = f"{name} {operator} {quoted(value)}"
        if chance(10) and ".*" not in value and operator != "~=":
            back = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(operator, operator)
            text = f"{quoted(value)} {back} {name}"
        if chance(60):
            return f"{name} {operator} {quoted(pick(['x', '3.x', '']))}", {"version-text"}
        return text, set()
    if kind < 9:
        name = pick(STRINGS)
        value = pick([environment[name] for environment in ENVIRONMENTS] + ["java", "sunos5", "Linu", "win"])
        operator = pick(["==", "!=", "==", "!=", "in", "not in"])
        if operator in ("in", "not in"):
            if chance(2):
                return f"{name} {operator} {quoted(value + pick([' ', ', ', '']) + 'other')}", set()
            return f"{quoted(value[: pick([2, 5])])} {operator} {name}", set()
        if chance(10):
            return f"{name} {pick(['<', '<=', '>', '>='])} {quoted(value)}", {"string-order"}
        text = f"{name} {operator} {quoted(value)}"
        return (text, set()) if not chance(8) else (f"{quoted(value)} {operator} {name}", set())
    if kind < 11:
        return f"extra {pick(['==', '==', '!='])} {quoted(pick(EXTRAS))}", set()
    odd = rng.randrange(4)
    if odd == 0:
        words = " ".join(python_text("python_version") for _ in range(pick([1, 2, 3])))
        return f"python_version {pick(['in', 'not in'])} {quoted(words)}", {"version-list"}
    if odd == 1:
        return f"platform_release {pick(['>=', '<', '==', '!='])} {quoted(pick(['5.10', '10', '23.1.0', '6.1.0-13-amd64']))}", {"release"}
    if odd == 2:
        return f"platform_version {pick(['==', '!=', 'in'])} {quoted('#1 SMP')}", set()
    return f"platform_python_implementation == {quoted('CPython')}", set()


def marker_text(depth=0):
    text, known = atom()
    for _ in range(pick([0, 0, 1, 1, 2]) if depth < 2 else 0):
        other, more = marker_text(depth + 1)
        known |= more
        text = f"{text} {pick(['and', 'or'])} {other}"
    return (f"({text})", known) if depth and chance(2) else (text, known)


def marker_case():
    text, known = marker_text()
    if chance(15):
        text, known = spoilt(text), known | {"spoilt"}
    place = rng.randrange(len(ENVIRONMENTS))
    extras = rng.sample(EXTRAS, pick([0, 0, 1, 1, 2]))
    try:
        marker = Marker(text)
    except InvalidMarker:
        tell("marker", text, place, extras, sorted(known), None)
        return
    try:
        value = marker.evaluate({**ENVIRONMENTS[place], "extra": set(extras)})
    except UndefinedComparison:
        value = "undefined"
    tell("marker", text, place, extras, sorted(known), value)


# Requirements


def name_text():
    letters = "abzAZ019"
    text = "".join(pick(letters + "-_." * chance(2)) for _ in range(pick([1, 2, 4, 8])))
    return text if not chance(10) else pick(["-", ".", "_", ""]) + text


def requirement_case():
    name = name_text()
    text = pick(["", "", "", " "]) + name
    if chance(3):
        extras = [pick(EXTRAS + ["A-B", "a__b"]) for _ in range(pick([0, 1, 1, 2, 3]))]
        text += pick(["", " "]) + "[" + pick([",", ", ", " , "]).join(extras) + "]"
    kind = rng.randrange(6)
    if kind == 0:
        url = pick(["https://example.org/a.zip", "http://example.org/a/b-1.0-py3-none-any.whl#sha256=00", "file:///tmp/a", "git+https://example.org/a.git@main"])
        text += pick(["@", " @ ", "@ "]) + url + pick(["", " "])
    elif kind == 1:
        text += pick(["", " "]) + "(" + specifiers_text() + ")"
    elif kind < 5:
        text += pick(["", " "]) + specifiers_text()
    known = set()
    if chance(3):
        marker, known = marker_text(1)
        text += pick([";", "; ", " ; "]) + marker
    if chance(12):
        text, known = spoilt(text), known | {"spoilt"}
    try:
        found = Requirement(text)
    except InvalidRequirement:
        tell("requirement", text, None, sorted(known))
        return
    specifiers = sorted({one.operator + normal(one.version) for one in found.specifier})
    tell(
        "requirement",
        text,
        [
            canonicalize_name(found.name),
            sorted({canonicalize_name(extra) for extra in found.extras}),
            specifiers,
            found.url,
            str(found.marker) if found.marker else None,
        ],
        sorted(known),
    )


# Tags


def linux_platforms(machine, narrow, glibc, musl):
    with (
        mock.patch.object(sysconfig, "get_platform", lambda: f"linux-{machine}"),
        mock.patch.object(_manylinux, "_get_glibc_version", lambda: _manylinux._GLibCVersion(*glibc) if glibc else _manylinux._GLibCVersion(-1, -1)),
        mock.patch.object(_manylinux, "_get_manylinux_module", lambda: None),
        mock.patch.object(_manylinux, "_is_linux_armhf", lambda executable: True),
        mock.patch.object(_manylinux, "_is_linux_i686", lambda executable: True),
        mock.patch.object(_musllinux, "_get_musl_version", lambda executable: _musllinux._MuslVersion(*musl) if musl else None),
    ):
        return list(tags._linux_platforms(is_32bit=narrow))


def interpreters():
    """What an interpreter says of itself (`environment.py`), with its tags."""
    pythons = [("cpython", (3, minor), False, False) for minor in range(2, 17)]
    pythons += [("cpython", (3, minor), True, False) for minor in range(13, 17)]
    pythons += [("cpython", (3, 12), False, True), ("cpython", (3, 14), True, True), ("cpython", (2, 7), False, False), ("cpython", (3, 7), False, True)]
    pythons += [("pypy", (3, minor), False, False) for minor in (9, 10, 11)]
    pythons += [("graalpy", (3, 11), False, False), ("pyston", (3, 8), False, False)]
    systems = []
    for machine in ["x86_64", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64", "loongarch64", "mips", "ppc64"]:
        systems.append(("Linux", machine, 64 if machine != "armv7l" else 32, f"linux-{machine}", {"glibc": pick(["2.17", "2.5", "2.28", "2.35", "2.4", "2.40", "3.1", "2.39-2024.1"])}))
        systems.append(("Linux", machine, 64 if machine != "armv7l" else 32, f"linux-{machine}", {"musl": pick(["1.2.3", "1.1", "1.0.0"])}))
    systems.append(("Linux", "x86_64", 32, "linux-x86_64", {"glibc": "2.12"}))
    systems.append(("Linux", "aarch64", 32, "linux-aarch64", {"glibc": "2.31"}))
    for macos in ["10.3.1", "10.4", "10.6", "10.9.5", "10.15", "11.0", "11.7.2", "13.5", "14.0", "26.1"]:
        for machine in ["x86_64", "arm64"]:
            systems.append(("Darwin", machine, 64, "macosx-10.9-universal2", {"macos": macos}))
    systems += [("Darwin", machine, bits, "macosx-10.4-fat", {"macos": macos}) for machine, bits in [("i386", 32), ("ppc", 32), ("ppc64", 64), ("x86_64", 32)] for macos in ["10.3", "10.5", "10.6", "10.7"]]
    systems += [("Windows", machine, 64, platform, {}) for machine, platform in [("AMD64", "win-amd64"), ("x86", "win32"), ("ARM64", "win-arm64")]]
    for version in ["11.0", "12.0", "13.0", "17.4.1", "26.2"]:
        systems.append(("iOS", "iPhone13,2", 64, "ios-13.0-arm64-iphoneos", {"ios": version, "multiarch": pick(["arm64-iphoneos", "arm64-iphonesimulator", "x86_64-iphonesimulator"])}))
    for level in [15, 16, 21, 34]:
        systems.append(("Android", "aarch64", 64, f"android-{level}-" + pick(["arm64_v8a", "armeabi_v7a", "x86_64"]), {"android": level}))
    systems.append(("Emscripten", "wasm32", 32, "emscripten-4.0.9-wasm32", {"pyemscripten": "2025_0"}))
    systems.append(("Emscripten", "wasm32", 32, "emscripten-3.1.58-wasm32", {}))
    systems.append(("FreeBSD", "amd64", 64, "freebsd-14.1-RELEASE-amd64", {}))
    systems.append(("SunOS", "sun4v", 64, "solaris-2.11-sun4v", {}))
    for system in systems:
        for python in [pick(pythons) for _ in range(4)]:
            yield said(python, system)


def said(python, system):
    name, version, threads, debug = python
    system, machine, bits, platform, more = system
    short = ".".join(map(str, version))
    nodot = "".join(map(str, version))
    suffix = {
        "pypy": f".pypy{nodot}-pp73-x86_64-linux-gnu.so",
        "graalpy": f".graalpy242-{nodot}-native-x86_64-linux.so",
        "pyston": f".pyston-23-x86_64-linux-gnu.so",
    }.get(name, f".cpython-{nodot}-x86_64-linux-gnu.so")
    answer = {
        "markers": {
            "implementation_name": name,
            "implementation_version": short + ".1",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": name,
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": short + ".1",
            "python_version": short,
            "sys_platform": system.lower(),
        },
        "version": version,
        "platform": platform,
        "bits": bits,
        "ext_suffix": suffix,
        "free_threaded": threads,
        "debug": debug,
        "pymalloc": True,
        "hard_float": True,
        **{key: more.get(key) for key in ("glibc", "musl", "macos", "ios", "multiarch", "android", "pyemscripten")},
    }
    pair = lambda text: tuple(int(part.split("-")[0]) for part in text.split(".")[:2])
    variables = {
        "Py_DEBUG": int(debug),
        "Py_GIL_DISABLED": int(threads),
        "WITH_PYMALLOC": 1,
        "Py_UNICODE_SIZE": 4,
        "EXT_SUFFIX": suffix,
    }
    with (
        mock.patch.object(tags, "_get_config_var", lambda key, warn=False: variables.get(key)),
        mock.patch.object(sysconfig, "get_config_var", lambda key: more.get("pyemscripten")),
        mock.patch.object(sysconfig, "get_platform", lambda: platform),
    ):
        if system == "Linux":
            glibc, musl = more.get("glibc"), more.get("musl")
            platforms = linux_platforms(machine, bits == 32, glibc and pair(glibc), musl and pair(musl))
        elif system == "Darwin":
            platforms = list(tags.mac_platforms(pair(more["macos"]), tags._mac_arch(machine, bits == 32)))
        elif system == "iOS":
            platforms = list(tags.ios_platforms(pair(more["ios"]), more["multiarch"]))
        elif system == "Android":
            platforms = list(tags.android_platforms(more["android"], platform.rsplit("-", 1)[1]))
        elif system == "Emscripten":
            platforms = list(tags._emscripten_platforms())
            if more:
                # The tag from before PEP 783, which uv takes too.
                platforms.insert(1, f"pyodide_{more['pyemscripten']}_wasm32")
        else:
            platforms = list(tags._generic_platforms())
        if name == "cpython":
            found = list(tags.cpython_tags(version, tags._cpython_abis(version), platforms))
            interpreter = "cp" + nodot
        else:
            short_name = tags.INTERPRETER_SHORT_NAMES.get(name, name)
            found = list(tags.generic_tags(short_name + nodot, None, platforms))
            interpreter = "pp3" if name == "pypy" else None
    found += tags.compatible_tags(version, interpreter, platforms)
    return answer, found


def tag_set(known, found):
    """A compressed set of tags near those that fit."""
    base = pick(found)
    fields = []
    for place, own in enumerate((base.interpreter, base.abi, base.platform)):
        others = [(tag.interpreter, tag.abi, tag.platform)[place] for tag in (pick(found), pick(known))]
        chosen = [own] if not chance(4) else [pick(others)]
        if chance(3):
            chosen += rng.sample(others, pick([1, 2]))
        fields.append(".".join(sorted(set(chosen))))
    return "-".join(fields)


def tags_cases(count):
    environments = list(interpreters())
    known = [tag for _, found in environments for tag in found[:: max(1, len(found) // 40)]]
    for answer, found in environments:
        place = {}
        for rank, tag in enumerate(found):
            place.setdefault(tag, rank)
        tell("tags", json.dumps(answer), [str(tag) for tag in found])
        for _ in range(count // len(environments) + 1):
            text = tag_set(known, found)
            ranks = [place[tag] for tag in tags.parse_tag(text) if tag in place]
            tell("rank", text, min(ranks, default=None))


# Names of files


def wheel_case():
    name = name_text().replace("-", "_")
    parts = [name, version_text().strip().replace("-", "_")]
    if chance(5):
        parts.append(pick(["1", "2b", "10_x", "x1", "", "007"]))
    parts += [pick(["py3", "py2.py3", "cp311", "CP39", "pp310"]), pick(["none", "cp311", "abi3", "cp39.abi3"]), pick(["any", "linux_x86_64", "manylinux_2_17_x86_64.manylinux2014_x86_64", "win32"])]
    text = "-".join(parts) + pick([".whl"] * 20 + [".WHL", ".zip"])
    if chance(10):
        text = spoilt(text)
    try:
        name, version, build, found = parse_wheel_filename(text)
    except (InvalidWheelFilename, InvalidTag):
        tell("wheel", text, canonicalize_name(text.split("-")[0]), None)
        return
    tell("wheel", text, name, [str(version), [str(build[0]), build[1]] if build else None, sorted(map(str, found))])


def sdist_case():
    text = name_text() + "-" + version_text().strip() + pick([".tar.gz"] * 8 + [".zip"] * 4 + [".whl", ".exe"])
    if chance(10):
        text = spoilt(text)
    try:
        name, version = parse_sdist_filename(text)
    except InvalidSdistFilename:
        tell("sdist", text, canonicalize_name(text.rsplit("-", 1)[0]), None)
        return
    tell("sdist", text, name, str(version))


def main():
    seed, cases = int(sys.argv[1]), int(sys.argv[2])
    rng.seed(seed)
    tell("environments", ENVIRONMENTS)
    for make, share in [
        (version_case, 20),
        (order_case, 10),
        (specifier_case, 25),
        (marker_case, 15),
        (requirement_case, 15),
        (wheel_case, 5),
        (sdist_case, 3),
    ]:
        for _ in range(cases * share // 100):
            make()
    tags_cases(cases * 7 // 100)


main()
