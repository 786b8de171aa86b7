#!/usr/bin/env python3
"""A net process in a stranger's hands, between two honest councils: it gets nothing to read and can bring nothing in.

    lying_net.py --kairand PROGRAM --liar PROGRAM

What the lying net can do is to break sessions. So while it lies, nothing that it says may enter a store, nobody may get what is not
for them, and nobody may fall over; once it is honest again, everybody has everything that is theirs."""
import argparse
import os
import sys

import federation
import wire
from federation import Failure, check, poll

LIES = 50
CANARY = "canaryvalue"


class Story:
    """What was submitted, and who may have it."""

    def __init__(self, fed):
        self.nodes = fed.nodes
        self.records = {}  # id → (author, label, audience)

    def submit(self, author, label, audience=()):
        serial = len(self.records)
        value = f"{CANARY}{serial}.kairan-e2e.jp"
        with author.client() as client:
            identity, _ = client.submit(wire.token(), label, f"{CANARY} {serial}", [value], [node.council for node in audience])
        self.records[identity] = (author, label, audience)

    def of(self, node):
        return {identity for identity, (author, label, audience) in self.records.items()
                if label == wire.GREEN or author is node or node in audience}

    def submit_round(self):
        left, liar, right = self.nodes
        self.submit(liar, wire.AMBER, [left])
        self.submit(right, wire.AMBER, [liar])
        self.submit(left, wire.GREEN)

    def check_nothing_entered(self):
        for node in self.nodes:
            with node.client() as client:
                strays = set(client.reports()) - self.of(node)
            check(not strays, f"{node.name} shows {len(strays)} records that are not for it")

    def check_all_arrived(self):
        for node in self.nodes:
            federation.wait_for_reports(node, self.of(node), 60)
            with node.client() as client:
                check(set(client.reports()) == self.of(node), f"{node.name} shows what it should not have")
                problems, _ = client.verify()
                check(not problems, f"{node.name}: verify tells {problems[:3]}")


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def run(options):
    with federation.Federation(options.kairand, ("Hokkaido", "Kinki", "Chugoku")) as fed:
        liar = fed.nodes[1]
        liar.stop()
        liar.kairand = options.liar
        liar.start()
        story = Story(fed)
        story.submit_round()
        story.check_all_arrived()  # it carries while it is honest
        check(size_of(os.path.join(liar.directory, "frames")) > 0, "the frames did not go through the liar")
        lie, lies = (os.path.join(liar.directory, name) for name in ("lie", "lies"))
        with open(lie, "w", encoding="ascii"):
            pass
        def goes_on():
            if len(story.records) < 60:
                story.submit_round()
            story.check_nothing_entered()
            return size_of(lies) >= LIES
        poll(goes_on, 120, f"{LIES} lies are not told")
        told = size_of(lies)
        os.unlink(lie)
        story.check_all_arrived()
        with open(os.path.join(liar.directory, "frames"), "rb") as file:
            seen = file.read()
        check(CANARY.encode() not in seen, "net got to read what was in a record")
        for node in fed.nodes:
            check(node.process.poll() is None, f"{node.name} fell over: {node.log_tail()}")
            node.stop()
        print(f"lying net: {told} lies about {len(seen)} bytes of frames; {len(story.records)} records, each where it belongs")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--liar", required=True)
    options = parser.parse_args()
    options.kairand, options.liar = os.path.abspath(options.kairand), os.path.abspath(options.liar)
    try:
        run(options)
    except (Failure, wire.Refused) as failure:
        print(f"lying net: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
