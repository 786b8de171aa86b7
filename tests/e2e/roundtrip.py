#!/usr/bin/env python3
"""What one council exports, another that is not linked to it imports: the same indicators, under the same label, for CSV, STIX and a MISP
feed."""
import json
import os
import sys

import federation
from cli import Tool
from federation import check

VALUES = """evil.kairan-e2e.jp
xn--wgv71a119e.kairan-e2e.jp
203.0.113.7:8443
198.51.100.0/24
2001:db8::7
http://url.kairan-e2e.jp/a;b?c=$(id)&d=x
0cc175b9c0f1b6a831c399e269772661
86f7e437faa5a7fce15d1ddcb9eaeaea377667b8
ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
CVE-2026-12345
"""


def exported(tool):
    """{(type, value): label}"""
    document = json.loads(tool.done("export", "json"))
    return {(item["type"], item["value"]): item["label"] for item in document["indicators"]}


def blocked(tool):
    return {line.split()[1] for line in tool.done("export", "hosts").splitlines() if line and not line.startswith("#")}


# More than one indicator says: kept whole, as it is.
WHOLE = "[process:name = 'a.exe' AND process:pid > 1] FOLLOWEDBY [domain-name:value = 'second.kairan-e2e.jp'] WITHIN 60 SECONDS"


def check_whole_pattern(ours, other, directory):
    """A pattern of STIX that is no single indicator, from a bundle to a node, to a bundle, to another node, to a bundle."""
    bundle = {"type": "bundle", "id": "bundle--1f2e3d4c-0000-4000-8000-000000000001", "objects": [
        {"type": "indicator", "spec_version": "2.1", "id": "indicator--1f2e3d4c-0000-4000-8000-000000000002",
         "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z", "pattern_type": "stix",
         "pattern": WHOLE, "valid_from": "2026-01-01T00:00:00Z"}]}
    given, between = os.path.join(directory, "whole.json"), os.path.join(directory, "between.json")
    with open(given, "w", encoding="utf-8") as out:
        json.dump(bundle, out)
    ours.done("import", given, "--label", "clear", "-y")
    ours.done("export", "stix", "--out", between)
    other.done("import", between, "--label", "clear", "-y")
    check(("other", WHOLE) in exported(other), f"the pattern is not there: {exported(other)}")
    after = json.loads(other.done("export", "stix"))["objects"]
    found = [item["pattern_type"] for item in after if item.get("pattern") == WHOLE]
    check(found == ["stix"], f"the pattern goes out as {found}")


def event_file(feed):
    names = [name for name in os.listdir(feed) if name not in ("manifest.json", "hashes.csv")]
    check(len(names) == 1, f"events: {names}")
    return os.path.join(feed, names[0])


def run(options):
    forms = ("csv", "stix", "misp-feed")
    with federation.Federation(options.kairand, ["Kita", *forms], is_chain=False) as made:
        ours, *others = (Tool(options.kairan, node.directory) for node in made.nodes)
        ours.done("submit", "-", "--label", "clear", "-y", given=VALUES.encode())
        expected = exported(ours)
        check(len(expected) == 10, f"submitted: {sorted(expected)}")
        for form, other in zip(forms, others):
            path = os.path.join(made.root, form)
            ours.done("export", form, "--out", path)
            path = event_file(os.path.join(path, "tlp-clear")) if form == "misp-feed" else path
            other.done("import", path, "--label", "clear", "-y")
            found = exported(other)
            check(found == expected, f"{form}: {set(found.items()) ^ set(expected.items())}")
            check(blocked(other) == blocked(ours) != set(), f"{form}: blocked there: {blocked(other)}, here: {blocked(ours)}")
            here = ours.done("--json", "ls")
            told = ours.done("--json", "import", path, "--label", "clear", "-y")
            check(ours.done("--json", "ls") == here, f"{form}: an export of one's own is imported: {told}")
            check(form == "csv" or '"state":"known"' in told, f"{form}: own export: {told}")
            counted = json.loads(ours.done("export", "json"))["indicators"]
            check({item["councils"] for item in counted} == {1}, f"{form}: an export of one's own confirms it: {counted}")
            before = other.done("--json", "ls")
            other.run("import", path, "--label", "clear", "-y")
            check(other.done("--json", "ls") == before, f"{form}: what is imported a second time is there twice")
        check_whole_pattern(ours, others[forms.index("stix")], made.root)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
