"""Notes, in every Python that the matrix starts, what is asked of the `keyring` package: never an answer."""

import importlib.abc
import importlib.machinery
import os
import sys

CALLS = os.environ.get("CREDENTIAL_HELPER_TEST_CALLS")
FUNCTIONS = ("get_password", "get_credential", "set_password", "delete_password")


class _Tap(importlib.abc.MetaPathFinder):
    """Finds `keyring.core` as everybody does, and wraps its functions after it was loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "keyring.core":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            for function in FUNCTIONS:
                setattr(module, function, _noted(module, getattr(module, function)))

        spec.loader.exec_module = exec_module
        return spec


def _noted(module, function):
    def noted(service, username=None, *secret):
        backend = type(module.get_keyring()).__module__
        with open(CALLS, "a") as log:
            log.write("%s(%r, %r) of %s\n" % (function.__name__, service, username, backend))
        return function(service, username, *secret)

    return noted


if CALLS:
    sys.meta_path.insert(0, _Tap())
