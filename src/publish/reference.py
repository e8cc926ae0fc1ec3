"""What the libraries of PyPI say of descriptions and classifiers, where they are installed.

Run by `publish::reference`, which has the form of the question and of the answer.
"""

# Both are there before the first line of a script is read. Before any other, the working folder goes:
# it may be a project's, which has modules of any name.
import os
import sys

sys.path[:] = [folder for folder in sys.path if os.path.isabs(folder)]

import io
import json

# What a library prints is no part of the answer.
answers, sys.stdout = sys.stdout, sys.stderr


def version(name):
    from importlib.metadata import version

    try:
        return version(name)
    except Exception:
        return ""


def rendered(one):
    """[whether PyPI would show it, why not]; nothing where that cannot be told here."""
    try:
        if one["markdown"]:
            import readme_renderer.markdown as renderer

            # Its own dependency is an extra.
            if not renderer.variants:
                return None
        else:
            import readme_renderer.rst as renderer
        messages = io.StringIO()
        html = renderer.render(one["text"], stream=messages)
        return [html is not None, messages.getvalue()]
    except Exception:
        return None


def renderer():
    try:
        import readme_renderer

        return version("readme_renderer")
    except Exception:
        return None


def classifiers(asked):
    try:
        from trove_classifiers import classifiers, deprecated_classifiers
    except Exception:
        return None
    known = {}
    for one in asked:
        instead = deprecated_classifiers.get(one)
        if instead is not None:
            known[one] = ["retired", ", ".join(instead)]
        else:
            known[one] = ["known" if one in classifiers else "unknown", ""]
    return {"version": version("trove-classifiers"), "all": known}


question = json.load(sys.stdin.buffer)
answer = {
    "renderer": renderer(),
    "rendered": [rendered(one) for one in question["descriptions"]],
    "classifiers": classifiers(question["classifiers"]),
}
json.dump(answer, answers)
answers.flush()
