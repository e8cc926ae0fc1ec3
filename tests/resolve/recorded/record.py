"""Records pages of real projects, and the metadata of their wheels, for the index of a test.

    python record.py PROJECT...
    python record.py --wheels           adds WHEEL of the wheels of pages that are recorded already

Asks through pip, with pip's own configuration. Of each page the newest versions are kept, as they
are but for their URLs, which become relative: nothing of where they came from is kept. Of wheels for
one platform those for a few are kept; of metadata the fields that a resolution reads, and WHEEL as it
is. What stands beside a wheel (PEP 658) is what was kept, with its own digest.
"""

import hashlib
import json
import pathlib
import sys

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from pip._internal.commands import create_command
from pip._internal.index.collector import LinkCollector
from pip._internal.network.lazy_wheel import dist_from_wheel_url

VERSIONS = 4
FIELDS = ("Metadata-Version", "Name", "Version", "Requires-Python", "Requires-Dist", "Provides-Extra")
PLATFORMS = ("any", "manylinux", "win_amd64", "macosx_11_0_arm64")


def version_of(name):
    try:
        return parse_wheel_filename(name)[1] if name.endswith(".whl") else parse_sdist_filename(name)[1]
    except ValueError:
        return None


def is_kept(name):
    if name.endswith(".tar.gz"):
        return True
    tags = parse_wheel_filename(name)[3]
    for tag in tags:
        pure = tag.interpreter.startswith("py3")
        fits = tag.platform.startswith(PLATFORMS) and (tag.platform == "any" or tag.platform.endswith(("x86_64", "amd64", "arm64")))
        if fits and (pure or tag.interpreter in ("cp312", "cp313")):
            return True
    return False


def trimmed(text):
    # The description stands behind the first empty line.
    lines = text.replace("\r\n", "\n").split("\n\n")[0].splitlines()
    return "".join(f"{line}\n" for line in lines if line.split(":")[0] in FIELDS)


def entry(link, metadata):
    found = {
        "filename": link.filename,
        "url": f"../../files/{link.filename}",
        "hashes": dict(link._hashes),
        "yanked": False if link.yanked_reason is None else link.yanked_reason or True,
    }
    if link.requires_python:
        found["requires-python"] = link.requires_python
    if getattr(link, "size", None):
        found["size"] = link.size
    if getattr(link, "upload_time", None):
        found["upload-time"] = link.upload_time.isoformat().replace("+00:00", "Z")
    if metadata:
        found["core-metadata"] = {"sha256": hashlib.sha256(metadata.encode()).hexdigest()}
    return found


def main():
    command = create_command("download")
    with command.main_context():
        options, _ = command.parse_args([])
        session = command.get_default_session(options)
        collector = LinkCollector.create(session, options=options)
        if sys.argv[1:] == ["--wheels"]:
            for path in sorted(pathlib.Path(__file__).parent.glob("*.json")):
                add_wheels(path, session, collector)
            return
        for project in map(canonicalize_name, sys.argv[1:]):
            record(project, session, collector)


def all_links(project, collector):
    page = collector.collect_sources(project, lambda link: None)
    return [link for source in page.index_urls for link in collector_links(collector, source)]


def add_wheels(path, session, collector):
    answer = json.loads(path.read_text())
    page = answer["page"]
    links = {link.filename: link for link in all_links(page["name"], collector)}
    answer["wheels"] = {
        name: wheel_of(page["name"], links[name], session)
        for name in (file["filename"] for file in page["files"])
        if name.endswith(".whl")
    }
    path.write_text(json.dumps(answer, indent=1) + "\n")


def wheel_of(project, link, session):
    return str(dist_from_wheel_url(project, link.url_without_fragment, session).read_text("WHEEL"))


def record(project, session, collector):
    links = all_links(project, collector)
    dated = {link: version_of(link.filename) for link in links}
    newest = sorted({version for version in dated.values() if version and not version.is_prerelease})[-VERSIONS:]
    files, texts, wheels = [], {}, {}
    for link, version in dated.items():
        if version not in newest or not is_kept(link.filename):
            continue
        text = None
        if link.filename.endswith(".whl"):
            if version not in texts:
                found = dist_from_wheel_url(project, link.url_without_fragment, session)
                texts[version] = trimmed(str(found.read_text("METADATA")))
            text = texts[version]
            wheels[link.filename] = wheel_of(project, link, session)
        files.append(entry(link, text))
    answer = {
        "page": {"meta": {"api-version": "1.1"}, "name": project, "files": files},
        "metadata": {str(version): text for version, text in texts.items()},
        "wheels": wheels,
    }
    path = pathlib.Path(__file__).with_name(f"{project}.json")
    path.write_text(json.dumps(answer, indent=1) + "\n")


def collector_links(collector, source):
    from pip._internal.index.collector import parse_links

    link = source.link
    response = collector.fetch_response(link)
    return list(parse_links(response)) if response else []


main()
