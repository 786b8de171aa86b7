"""The examples of docs/EXPORT.md, docs/IMPORT.md and docs/SCAN.md that are marked to be run (<!-- run: NAME --> before a fenced block), with the folders of a system moved
below a directory of the test's own. The Japanese pages have the same ones."""
import os
import re

from federation import check

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
BLOCK = re.compile(r"^<!-- run: ([a-z-]+) -->\n```\w*\n(.*?)^```$", re.S | re.M)


def _read(name):
    with open(os.path.join(DOCS, name), encoding="utf-8") as file:
        return dict(BLOCK.findall(file.read()))


def examples(root, page="EXPORT"):
    """{name: text} of the English page."""
    english, japanese = _read(f"{page}.md"), _read(f"{page}.ja.md")
    check(english and english == japanese, f"the examples of both languages differ: {set(english.items()) ^ set(japanese.items())}")
    moved = {}
    for name, text in english.items():
        moved[name] = re.sub(r"(?<![\w./])/(srv|var/lib|etc)/", lambda match: os.path.join(root, match[1]) + "/", text)
        for path in re.findall(re.escape(root) + r"/\S*/", moved[name]):
            os.makedirs(path, exist_ok=True)
    return moved
