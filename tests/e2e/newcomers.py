#!/usr/bin/env python3
"""What a newcomer gets, as the charter says it: in one community all GREEN records, in another those written from when it is in. What
its founder wrote hours before is made by a node whose clock is behind."""
import argparse
import json
import os
import sys
import tempfile

from cli import Tool
from federation import Failure, Node, check, poll

WITHIN_S = 40
HOURS_AGO_S = 3 * 3600


class Council(Tool):
    def __init__(self, options, node):
        super().__init__(options.kairan, node.directory)
        self.node = node

    def submit(self, label, value):
        done = json.loads(self.done("--json", "submit", "-", "--label", label, "-y", given=value.encode()))
        return done["ids"][0]

    def finds(self, value):
        return self.run("lookup", value).returncode == 0

    def has(self, value):
        poll(lambda: self.finds(value), WITHIN_S, f"{self.node.name} has {value}", 0.05)


def make(options, directory, name, **how):
    path = os.path.join(directory, name)
    os.mkdir(path, 0o700)
    return Node(options.kairand, path, name, **how)


def join(newcomer, inviter):
    ticket = json.loads(inviter.done("--json", "invite", "--by-hand"))["ticket"]
    steps = [json.loads(line) for line in newcomer.done("--json", "join", "--by-hand", ticket).splitlines()]
    check(steps[-1]["step"] == "member", f"the join ended with {steps[-1]}")


def since(council, name):
    shown = [json.loads(line) for line in council.done("--json", "community", "show").splitlines()]
    return next(line for line in shown if line.get("name") == name and "council" in line)["since"], shown[-1]["newcomers"]


def play(options, directory, newcomers, nodes):
    past = ("env", "LD_PRELOAD=" + options.past, f"KR_PAST_S={HOURS_AGO_S}")
    made = make(options, directory, "Kita", community="Test", newcomers=newcomers, prefix=past)
    nodes.append(made)
    made.start(prefix=past)
    kita = Council(options, made)
    old = kita.submit("green", "old.example")
    kita.submit("clear", "old-clear.example")
    made.stop()
    made.start()

    gets_past = newcomers != "from-now-on"
    councils = [kita]
    for name in ("Minami", "Nishi"):  # each is let in by the one before it
        nodes.append(make(options, directory, name))
        nodes[-1].start()
        councils.append(Council(options, nodes[-1]))
        join(councils[-1], councils[-2])
    for number, author in enumerate(councils):  # what is new comes behind what is old
        author.submit("green", f"green{number}.example")
        author.submit("clear", f"clear{number}.example")
        for council in councils:
            for value in (f"green{number}.example", f"clear{number}.example", "old-clear.example"):
                council.has(value)
    for council in councils[1:]:
        if gets_past:
            council.has("old.example")
        council.node.kill()  # and whatever a new session compares
        council.node.start()
        council.done("status", "--wait", "30s")
        check(council.finds("old.example") == gets_past, f"{council.node.name}: what is old is there, or is not")
    check(kita.finds("old.example"), "its author has lost it")

    reach = {council["name"]: council["reason"] for council in json.loads(kita.done("--json", "explain", old))["reach"]}
    expected = "allow-member" if gets_past else "deny-before"
    check(reach == {"Minami": expected, "Nishi": expected}, f"explain says {reach}")
    check(("no member of the community yet" in kita.done("explain", old)) != gets_past, "explain does not say why to people")
    for council in councils:
        date, what = since(council, "Nishi")
        check(what == ("past" if gets_past else "from-now-on") and (date is None) == gets_past, f"show says {date}, {what}")
        check(since(council, "Kita")[0] is None, "a founder is no newcomer")
    text = kita.done("community", "show")
    check(("from when they are in" in text and "GREEN since" in text) != gets_past, f"show says {text!r}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--kairan", required=True)
    parser.add_argument("--past", required=True, help="past.c, as a library")
    options = parser.parse_args()
    for newcomers in ("from-now-on", "past", None):
        nodes = []
        with tempfile.TemporaryDirectory(prefix="kairan-e2e-newcomers-") as directory:
            try:
                play(options, directory, newcomers, nodes)
                if newcomers is None:
                    kita = Council(options, nodes[0])
                    rules = ("--vouches", "1", "--quorum", "1", "--newcomers")
                    kita.refused("past or from-now-on", "community", "create", "Other", *rules, "sometimes")
                    kita.done("community", "create", "Other", *rules, "from-now-on")
                    check("from when they are in" in kita.done("community", "show", "Other"), "the charter says otherwise")
            finally:
                for node in nodes:
                    if node.process is not None and node.process.poll() is None:
                        node.kill()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"newcomers: {failure}")
