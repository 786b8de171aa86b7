#!/usr/bin/env python3
"""Logs are searched for what the node knows: by every way in which a log comes, whole words alone; what was found becomes sightings
at everybody who has the record. What cannot be read is said, and costs no other file."""
import gzip
import json
import os
import subprocess
import sys

import doc_blocks
import federation
from cli import Tool
from federation import check, poll

WITHIN_S = 60.0
LOG = b"""1 GET http://Login.BAD.kairan-e2e.jp/a 200
2 GET http://notbad.kairan-e2e.jp/ 200
3 CONNECT bad.kairan-e2e.jp.safe.example:443
4 203.0.113.77 -
5 1203.0.113.7 -
6 hxxp://url.kairan-e2e.jp/kit?x=1
"""
FOUND = [(1, "bad.kairan-e2e.jp", "parent"), (4, "203.0.113.0/24", "network"), (6, "http://url.kairan-e2e.jp/kit", "exact")]


def scan(tool, *arguments, status=0, given=b""):
    """What was found as (line, value, how), in order; the objects; what was said."""
    ended = tool.run("--json", "scan", *arguments, given=given)
    check(ended.returncode == status, f"scan {arguments}: status {ended.returncode}, not {status}: {ended.stderr.decode()[:2000]}")
    items = [json.loads(line) for line in ended.stdout.decode().splitlines()]
    return [(item["line"], item["value"], item["how"]) for item in items if "line" in item], items, ended.stderr.decode()


def ways_in(tool, root):
    folder = os.path.join(root, "logs")
    os.mkdir(folder)
    for name, made in (("plain.log", LOG), ("packed.log.gz", gzip.compress(LOG)), ("halves.gz", gzip.compress(LOG[:60]) + gzip.compress(LOG[60:]))):
        path = os.path.join(folder, name)
        with open(path, "wb") as file:
            file.write(made)
        found, items, _ = scan(tool, path)
        check(found == FOUND, f"{name}: {found}")
    check({item["label"] for item in items if "line" in item} == {"TLP:GREEN"}, f"labels: {items}")
    found, _, _ = scan(tool, "-", given=LOG)
    check(found == FOUND, f"standard input: {found}")
    found, items, _ = scan(tool, folder)
    check(len(found) == 3 * len(FOUND) and len({item["file"] for item in items if "line" in item}) == 3, f"a folder: {found}")
    check(not scan(tool, "-", status=1, given=b"nothing.example 198.51.100.1\n")[0], "what is not known is found")


def sad_paths(tool, root):
    damaged = os.path.join(root, "damaged.gz")
    with open(damaged, "wb") as file:
        file.write(gzip.compress(LOG * 100)[:-20])
    good = os.path.join(root, "good.log")
    with open(good, "wb") as file:
        file.write(LOG)
    found, _, said = scan(tool, damaged, good, status=2)
    check(found[-3:] == FOUND and "damaged.gz" in said, f"beside a damaged file: {found[-3:]}, {said}")
    found, _, said = scan(tool, os.path.join(root, "nowhere"), good, status=2)
    check(found == FOUND and "nowhere" in said, f"beside a missing file: {found}, {said}")
    binary = os.path.join(root, "binary")
    with open(binary, "wb") as file:
        file.write(b"\0\1\2\0" * 1000 + LOG)
    found, _, said = scan(tool, binary, status=1)
    check(not found and "binary" in said, f"a binary file: {found}, {said}")
    found, _, _ = scan(tool, binary, "--binary")
    check([item[1:] for item in found] == [item[1:] for item in FOUND], f"--binary: {found}")
    tool.refused("", "scan")
    tool.refused("--sighting", "scan", "--sighting", "--values", good, good)
    tool.refused("", "scan", "--resume", "-", status=2)


def sightings(ours, theirs, root, record):
    path = os.path.join(root, "seen.log")
    with open(path, "wb") as file:
        file.write(LOG * 3)
    ended = ours.run("scan", path, "--sighting", "-y")
    check(ended.returncode == 0, f"--sighting: {ended.stderr.decode()}")

    def told():
        ended = theirs.run("show", record)
        return ended.returncode == 0 and "Kita" in ended.stdout.decode() and "seen" in ended.stdout.decode()
    poll(told, WITHIN_S, lambda: f"the peer is not told what was seen: {theirs.run('show', record).stdout.decode()}")
    listed = [json.loads(line) for line in theirs.run("--json", "ls", "--kind", "sighting").stdout.decode().splitlines()]
    check(len(listed) == len(FOUND), f"one for each value: {listed}")


def example(tool, root):
    """Its commands, and the output that the page shows behind them."""
    commands = doc_blocks.examples(root, "SCAN")["scan-values"]
    path = os.pathsep.join([os.path.dirname(tool.kairan), os.environ.get("PATH", "")])
    ended = subprocess.run(["sh", "-ec", commands], cwd=root, env=dict(os.environ, PATH=path, LANGUAGE="en", KAIRAN_STATE=tool.state),
                           capture_output=True, timeout=WITHIN_S, check=False)
    check(ended.returncode == 0, f"the example: {ended.stderr.decode()}")
    with open(os.path.join(doc_blocks.DOCS, "SCAN.md"), encoding="utf-8") as file:
        page = file.read()
    for line in ended.stdout.decode().splitlines():
        check(f"    {line}\n" in page, f"the page does not show {line!r}")
    check(len(ended.stdout.splitlines()) >= 2, f"the example finds {ended.stdout}")


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        ours, theirs = (Tool(options.kairan, node.directory) for node in made.nodes)
        text = "bad.kairan-e2e.jp\n203.0.113.0/24\nhxxp://url.kairan-e2e.jp/kit\n"
        record = json.loads(ours.done("--json", "submit", "-", "--label", "green", "-y", given=text.encode()))["ids"][0]
        ways_in(ours, made.root)
        sad_paths(ours, made.root)
        poll(lambda: theirs.run("show", record).returncode == 0, WITHIN_S, "the record does not come to the peer")
        sightings(ours, theirs, made.root, record)
        example(ours, made.root)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
