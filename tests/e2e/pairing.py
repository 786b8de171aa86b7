#!/usr/bin/env python3
"""A link made by a ticket that was sent, with real daemons and the real command line: nothing but CLEAR and the directory passes until both
operators have entered the code that the other one reads out; through kills, wrong codes, and a rejection."""
import json
import sys

import federation
from cli import Tool
from federation import check


def peer(tool, name):
    for line in tool.done("--json", "peers").splitlines():
        found = json.loads(line)
        if found["name"] == name:
            return found
    return None


def code(tool, name):
    return json.loads(tool.done("--json", "peer", "code", name))["code"]


def knows(tool, value):
    return tool.run("lookup", value).returncode == 0


def send(tool, value, label, *to):
    tool.done("submit", value, "--label", label, "--title", value, "-y", *[part for name in to for part in ("--to", name)])


def join(tool, other):
    """The steps that the joiner is shown."""
    ticket = json.loads(tool.done("--json", "invite"))["ticket"]
    return [json.loads(line) for line in other.done("--json", "join", ticket).splitlines()]


def agree(tool, other, first="Kita", second="Minami"):
    """The code, the same at both ends, as soon as both have it."""
    federation.poll(lambda: code(tool, second) is not None and code(tool, second) == code(other, first), 30, "both have the same code")
    return code(tool, second)


def wrong_of(right):
    return str((int(right) + 1) % 10 ** 8).zfill(8)


def confirming(tool, other, nodes):
    steps = join(tool, other)
    check([step["step"] for step in steps] == ["dialling", "session", "welcomed", "linked", "pending"], f"steps of a join: {steps}")
    right = agree(tool, other)
    check(steps[-1]["code"] == right, "join shows another code than peers")
    check(peer(tool, "Minami")["state"] == "pending" and peer(other, "Kita")["state"] == "pending", "the link is not pending")
    shown = other.done("peers")
    check(f"{right[:4]} {right[4:]}" in shown and "kairan peer confirm" in shown, f"peers does not show the code: {shown}")
    check("Telephone" in tool.done("peer", "code", "Minami"), "nothing says that one has to telephone")
    send(tool, "clear.kairan-e2e.jp", "clear")
    send(tool, "green.kairan-e2e.jp", "green")
    send(tool, "amber.kairan-e2e.jp", "amber", "Minami")
    federation.poll(lambda: knows(other, "clear.kairan-e2e.jp"), 60, "CLEAR goes over a link that is pending")
    check(not knows(other, "green.kairan-e2e.jp") and not knows(other, "amber.kairan-e2e.jp"), "a pending link carries GREEN or AMBER")
    # A slip costs nothing, a wrong code one of three tries.
    tool.refused("eight digits", "peer", "confirm", "Minami", "1234")
    tool.refused("two tries", "peer", "confirm", "Minami", wrong_of(right))
    check(peer(tool, "Minami")["pairing"]["wrong_codes"] == 1, "a wrong code is not counted")
    for node in nodes:
        node.kill()
        node.start()
    check(agree(tool, other) == right, "a restart has changed the code")
    done = json.loads(tool.done("--json", "peer", "confirm", "Minami", right[:4], right[4:]))
    check(done["done"] == "confirm" and not done["in_force"], f"one word makes a link: {done}")
    federation.poll(lambda: peer(other, "Kita")["pairing"]["confirmed_there"], 30, "the other side hears of it")
    check("other side has yet" in tool.done("peers"), "nothing says who has yet to confirm")
    check(not knows(other, "green.kairan-e2e.jp") and not knows(other, "amber.kairan-e2e.jp"), "one word makes a link")
    nodes[0].kill()
    nodes[0].start()
    federation.poll(lambda: peer(other, "Kita")["online"], 60, "the link comes back")
    check("in force" in other.done("peer", "confirm", "Kita", f"{right[:4]}-{right[4:]}"), "the second word does not make the link")
    federation.poll(lambda: knows(other, "green.kairan-e2e.jp") and knows(other, "amber.kairan-e2e.jp"), 60, "what waited comes")
    check(peer(tool, "Minami")["state"] == "online" and peer(tool, "Minami")["pairing"] is None, "the link is pending for ever")
    tool.refused("in force", "peer", "confirm", "Minami", right)
    check(tool.run("peer", "code", "Minami").returncode == 2, "a link that is in force has a code")


def rejecting(tool, third):
    join(tool, third)
    right = agree(tool, third, "Kita", "Nishi")
    tool.refused("two tries", "peer", "confirm", "Nishi", wrong_of(right))
    tool.refused("one try", "peer", "confirm", "Nishi", wrong_of(right))
    tool.refused("third time", "peer", "confirm", "Nishi", wrong_of(right))
    check(peer(tool, "Nishi") is None, "three wrong codes leave the link")
    federation.poll(lambda: peer(third, "Kita") is None, 60, "the other side's link goes, too")
    join(tool, third)
    agree(tool, third, "Kita", "Nishi")
    tool.done("peer", "reject", "Nishi")
    federation.poll(lambda: peer(third, "Kita") is None and peer(tool, "Nishi") is None, 60, "a rejected link is gone at both ends")
    check(not knows(third, "green.kairan-e2e.jp"), "who was rejected has got GREEN")
    # By hand: who did not take it in person cannot know.
    ticket = json.loads(tool.done("--json", "invite", "--by-hand"))["ticket"]
    third.refused("--by-hand", "join", ticket)
    third.done("join", "--by-hand", ticket)
    federation.poll(lambda: knows(third, "green.kairan-e2e.jp"), 60, "a link by hand carries GREEN")


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami", "Nishi"], is_chain=False) as made:
        tools = [Tool(options.kairan, node.directory) for node in made.nodes]
        confirming(tools[0], tools[1], made.nodes[:2])
        rejecting(tools[0], tools[2])


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
