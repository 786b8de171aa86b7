#!/usr/bin/env python3
"""Two real daemons: what one council takes back is gone at the other, and what it puts in its place is there."""
import argparse
import json
import sys

import federation
from cli import Tool
from federation import Failure, check, poll

WITHIN_S = 60.0


def finds(tool, value):
    ended = tool.run("--json", "lookup", value)
    check(ended.returncode in (0, 1), f"lookup: {ended.stderr.decode()}")
    return ended.returncode == 0


def retract(ours, theirs):
    record = ours.done("submit", "wrong.kairan-e2e.jp", "--label", "clear", "-y").strip()
    poll(lambda: finds(theirs, "wrong.kairan-e2e.jp"), WITHIN_S, "the record does not come to the peer")
    theirs.refused("only its author", "retract", record, "--reason", "x", "-y")
    ours.refused("--reason", "retract", record, "-y")
    ours.refused("-y", "retract", record, "--reason", "x")
    ours.refused("kairan ls", "retract", "0011223344556677", "--reason", "x", "-y")
    check(finds(ours, "wrong.kairan-e2e.jp"), "a refused retraction took the record back")
    by = ours.done("retract", record[:16], "--reason", "wrong host", "-y").strip()
    poll(lambda: not finds(theirs, "wrong.kairan-e2e.jp"), WITHIN_S, "the record does not go at the peer")
    for tool in (ours, theirs):
        shown = json.loads(tool.done("--json", "show", record))
        check(shown["taken_back"]["state"] == "retracted" and shown["taken_back"]["by"] == by, f"show says {shown}")
        check(shown["taken_back"]["reason"] == "wrong host" and shown["title"] == "" and "values" not in shown, f"show says {shown}")
        listed = [json.loads(line) for line in tool.done("--json", "ls").splitlines()]
        check([item["id"] for item in listed] == [by], f"ls says {listed}")
        check("cannot be called back" in tool.done("explain", record), "explain does not say what cannot be called back")
    ours.refused("already", "retract", record, "--reason", "x", "-y")
    ours.refused("final", "retract", by, "--reason", "x", "-y")


def revise(ours, theirs):
    record = ours.done("submit", "old.kairan-e2e.jp", "--label", "clear", "-y").strip()
    poll(lambda: finds(theirs, "old.kairan-e2e.jp"), WITHIN_S, "the record does not come to the peer")
    ours.done("revise", record, "new.kairan-e2e.jp", "-y")
    poll(lambda: finds(theirs, "new.kairan-e2e.jp"), WITHIN_S, "the revision does not come to the peer")
    poll(lambda: not finds(theirs, "old.kairan-e2e.jp"), WITHIN_S, "the old record does not go at the peer")
    shown = json.loads(theirs.done("--json", "show", record))
    check(shown["taken_back"]["state"] == "revised", f"show says {shown}")
    check(ours.run("retractions").returncode == 1, "something waits")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--kairan", required=True)
    options = parser.parse_args()
    try:
        with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
            ours, theirs = (Tool(options.kairan, node.directory) for node in made.nodes)
            retract(ours, theirs)
            revise(ours, theirs)
    except Failure as failure:
        print(f"takeback: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
