#!/usr/bin/env python3
"""Links that the operator pauses, resumes, removes and blocks, with real daemons: in force at once, in both directions, without loss."""
import json
import os
import sys

import federation
from cli import Tool
from federation import check


def state(tool, name):
    for line in tool.done("--json", "peers").splitlines():
        peer = json.loads(line)
        if peer["name"] == name:
            return peer["state"]
    return "none"


def knows(tool, value):
    return tool.run("lookup", value).returncode == 0


def send(tool, value, *to):
    tool.done("submit", value, "--label", "amber", "--title", value, "-y", *[part for name in to for part in ("--to", name)])


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami", "Nishi"]) as made:
        kita, minami, _ = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        tool.refused("pause", "peer")
        tool.refused("no council", "peer", "pause", "Nowhere")
        tool.refused("not linked", "peer", "pause", "Nishi")
        tool.refused("-y", "peer", "remove", "Minami")
        tool.done("peer", "pause", "Minami")
        check(state(tool, "Minami") == "paused", "peers does not say that the link is paused")
        check("state: paused" in tool.done("peers"), "peers does not tell people that the link is paused")
        tool.refused("already", "peer", "pause", "Minami")
        send(tool, "paused.kairan-e2e.jp", "Minami")
        send(other, "meanwhile.kairan-e2e.jp", "Kita")
        federation.poll(lambda: state(other, "Kita") == "offline", 60, "the other side notices")
        kita.kill()
        kita.start()
        check(state(tool, "Minami") == "paused", "a restart has opened the link")
        check(not knows(other, "paused.kairan-e2e.jp") and not knows(tool, "meanwhile.kairan-e2e.jp"), "a paused link carries records")
        check(state(other, "Nishi") == "online", "another link suffers")
        tool.done("peer", "resume", "Minami")
        federation.poll(lambda: knows(other, "paused.kairan-e2e.jp") and knows(tool, "meanwhile.kairan-e2e.jp"), 90,
                        "what was missed comes both ways")
        there = [json.loads(line) for line in other.done("--json", "peers").splitlines()]
        rates = [peer for peer in there if peer["name"] == "Kita"][0]
        check(rates["received_records_per_s"] > 0 and rates["received_bytes_per_s"] > 1, f"the link tells no rate: {rates}")
        check(rates["sent_records_per_s"] > 0 and "in the last minute" in other.done("peers"), f"the link tells no rate: {rates}")
        check(os.stat(os.path.join(kita.directory, "sizes")).st_mode & 0o777 == 0o600, "the store's size is not noted")
        # Removed on both sides, and made again by a ticket.
        check(json.loads(tool.done("--json", "peer", "remove", "Minami", "-y"))["done"] == "remove", "remove says something else")
        check(state(tool, "Minami") == "none", "the removed link is listed")
        check(knows(tool, "meanwhile.kairan-e2e.jp"), "records went with the link")
        ticket = json.loads(tool.done("--json", "invite", "--by-hand"))["ticket"]
        other.refused("already", "join", "--by-hand", ticket)
        other.done("peer", "remove", "Kita", "-y")
        other.done("join", "--by-hand", ticket)
        send(tool, "again.kairan-e2e.jp", "Minami")
        federation.poll(lambda: knows(other, "again.kairan-e2e.jp"), 60, "the new link carries records")
        # Blocked: no ticket helps.
        check(tool.run("peer", "blocked").returncode == 1, "somebody is blocked from the beginning")
        tool.done("peer", "block", "Minami", "-y")
        other.done("peer", "remove", "Kita", "-y")
        theirs = json.loads(other.done("--json", "invite", "--by-hand"))["ticket"]
        tool.refused("unblock", "join", "--by-hand", theirs)
        blocked = json.loads(tool.done("--json", "peer", "blocked"))
        check(blocked["council"] == minami.council.hex(), f"blocked: {blocked}")
        tool.done("peer", "unblock", "Minami")
        tool.refused("not blocked", "peer", "unblock", "Minami")
        tool.done("join", "--by-hand", theirs)
        federation.poll(lambda: state(tool, "Minami") == "online", 60, "the link stands again")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
