# What an interpreter says of itself, as one JSON object. Runs on every Python from 3.6 on, and
# without site: nothing of the environment's packages is imported.
import os, sys


def full(info):
    kind = "" if info[3] == "final" else info[3][0] + str(info[4])
    return "%d.%d.%d%s" % (info[0], info[1], info[2], kind)


def glibc():
    try:
        return os.confstr("CS_GNU_LIBC_VERSION").rsplit()[1]
    except Exception:
        return None


def quick():
    # The usual interpreter, whose words need no module that takes longer to import than all else.
    # None for any other, and where a test asks for the words of the modules.
    usual = (
        sys.implementation.name == "cpython"
        and sys.platform == "linux"
        and sys.version_info >= (3, 8)
        and glibc()
        and "_PYTHON_HOST_PLATFORM" not in os.environ
        and sys.argv[1:] != ["whole"]
    )
    if not usual:
        return None
    import _imp

    system, _, release, version, machine = os.uname()
    suffix = _imp.extension_suffixes()[0]
    python = sys.version.split()[0]
    multiarch = getattr(sys.implementation, "_multiarch", None)
    texts = [
        system, release, version, machine, suffix, python, multiarch or "", sys.abiflags, os.name
    ]
    if any(not " " <= letter <= "~" or letter in "\"\\" for text in texts for letter in text):
        return None

    def word(value):
        if value is None or isinstance(value, bool):
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, dict):
            return "{%s}" % ", ".join('"%s": %s' % (key, word(value[key])) for key in value)
        return '"%s"' % value if isinstance(value, str) else str(value)

    return word(
        {
            "markers": {
                "implementation_name": sys.implementation.name,
                "implementation_version": full(sys.implementation.version),
                "os_name": os.name,
                "platform_machine": machine,
                "platform_python_implementation": "CPython",
                "platform_release": release,
                "platform_system": system,
                "platform_version": version,
                "python_full_version": python,
                "python_version": "%d.%d" % sys.version_info[:2],
                "sys_platform": sys.platform,
            },
            "version": list(sys.version_info[:2]),
            "platform": "linux-" + machine.replace(" ", "_").replace("/", "-"),
            "bits": 32 if sys.maxsize < 2**32 else 64,
            "ext_suffix": suffix,
            "free_threaded": "t" in sys.abiflags,
            "debug": "d" in sys.abiflags or hasattr(sys, "gettotalrefcount"),
            "pymalloc": True,
            "hard_float": "hf" in (multiarch or suffix),
            "glibc": glibc(),
            "musl": None,
            "macos": None,
            "ios": None,
            "multiarch": multiarch,
            "android": None,
            "pyemscripten": None,
        }
    )


said = quick()
if said is not None:
    print(said)
    sys.exit()

import json, platform, sysconfig

var = sysconfig.get_config_var


def musl():
    # The loader is mapped into this process, and says its version when run by itself.
    try:
        import subprocess

        for line in open("/proc/self/maps"):
            path = line.split(None, 5)[-1].strip()
            if "ld-musl" in path:
                run = subprocess.Popen([path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                said = run.communicate()[1].decode("utf-8", "replace")
                return said.split("Version", 1)[1].split()[0]
    except Exception:
        pass
    return None


def macos():
    version = platform.mac_ver()[0]
    if version.startswith("10.16"):
        # What an interpreter built against an old SDK says on every newer system.
        import subprocess

        version = subprocess.check_output(
            [sys.executable, "-sS", "-c", "import platform; print(platform.mac_ver()[0])"],
            env={"SYSTEM_VERSION_COMPAT": "0"},
        ).decode().strip()
    return version


system = platform.system()
print(
    json.dumps(
        {
            "markers": {
                "implementation_name": sys.implementation.name,
                "implementation_version": full(sys.implementation.version),
                "os_name": os.name,
                "platform_machine": platform.machine(),
                "platform_python_implementation": platform.python_implementation(),
                "platform_release": platform.release(),
                "platform_system": system,
                "platform_version": platform.version(),
                "python_full_version": platform.python_version(),
                "python_version": ".".join(platform.python_version_tuple()[:2]),
                "sys_platform": sys.platform,
            },
            "version": list(sys.version_info[:2]),
            "platform": sysconfig.get_platform(),
            "bits": 32 if sys.maxsize < 2**32 else 64,
            "ext_suffix": var("EXT_SUFFIX") or "",
            "free_threaded": bool(var("Py_GIL_DISABLED")),
            "debug": bool(var("Py_DEBUG")) or hasattr(sys, "gettotalrefcount"),
            "pymalloc": var("WITH_PYMALLOC") is None or bool(var("WITH_PYMALLOC")),
            "hard_float": "hf" in (var("MULTIARCH") or var("SOABI") or ""),
            "glibc": glibc() if system == "Linux" else None,
            "musl": musl() if system == "Linux" and not glibc() else None,
            "macos": macos() if system == "Darwin" else None,
            "ios": platform.ios_ver()[1] if system == "iOS" else None,
            "multiarch": getattr(sys.implementation, "_multiarch", None),
            "android": platform.android_ver().api_level if system == "Android" else None,
            "pyemscripten": var("PYEMSCRIPTEN_PLATFORM_VERSION"),
        }
    )
)
