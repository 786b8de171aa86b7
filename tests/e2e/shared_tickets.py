#!/usr/bin/env python3
"""Tickets for persons' machines at two nodes of one council, on real daemons: made at one that is gone, used at the other; used at one and
shown at the other; used at both while they do not see each other, with the alarm that follows; and what a machine is told meanwhile. And an invitation of
another council, made at one that is gone, used at the other."""
import json
import os
import shutil
import sys
import time

import federation
from cli import Tool
from federation import check
from pairing import code
from remote import machine, machines_of
from two_nodes import Further, everywhere, lines, nodes


def ticket_of(tool, name):
    return json.loads(tool.done("--json", "person", "enrol", name))["ticket"]


def enrolled(analyst, ticket):
    """At a node whose network side may not have been told of the ticket yet, as after a start."""
    ended = None

    def is_let_in():
        nonlocal ended
        ended = analyst.run("--json", "enrol", "-", "--name", "kita", given=ticket.encode() + b"\n")
        return ended.returncode == 0 or b"does not admit this key" not in ended.stderr

    federation.poll(is_let_in, 60, lambda: f"never let in: {ended}")
    check(ended.returncode == 0, f"enrol: {ended}")
    analyst.node = "kita"
    return json.loads(ended.stdout)


class Both:
    """The two nodes; what is said at one is at the other."""

    def __init__(self, first, second):
        self.nodes, self.tools, self.marks = [first, second], [Tool(first.kairan, first.directory), second.tool], 0

    def in_step(self):
        """Marks that go from one to the other as tickets do, and not by way of a peer: bodies, entered while the two see each other."""
        for tool, node in zip(self.tools, self.nodes):
            federation.poll(lambda tool=tool: any(other["online"] for other in nodes(tool, "other")), 60, node.log_tail)
        self.marks += 1
        marks = [f"mark-{self.marks}-{number}" for number in range(len(self.tools))]
        for tool, mark in zip(self.tools, marks):
            tool.done("body", "add", "--name-en", mark)
        for tool, node in zip(self.tools, self.nodes):
            federation.poll(lambda tool=tool: all(mark in tool.done("--json", "body", "ls") for mark in marks), 60, node.log_tail)

    def only(self, number):
        """The other one does not run."""
        self.nodes[1 - number].kill()
        if self.nodes[number].process.poll() is not None:
            self.nodes[number].start()


def at_another(options, directory, both):
    """Used at one and shown at the other, which says so; and whoever's answer was lost ends his enrolment there."""
    first, second = both.tools
    ticket = ticket_of(first, "Sato")
    both.in_step()
    sato, thief = machine(options, directory, "sato"), machine(options, directory, "thief")
    said = enrolled(sato, ticket)
    both.in_step()
    both.only(1)
    ended = thief.run("enrol", ticket, "--name", "kita")
    check(ended.returncode == 2 and "another machine was enrolled with this ticket" in ended.stderr.decode(), f"shown at the other: {ended}")
    check(f"127.0.0.1:{both.nodes[0].port} (" in ended.stderr.decode() and "another node of the council is used" in ended.stderr.decode(), f"it is not said that the first is away: {ended}")
    check(not os.path.exists(os.path.join(thief.environment["HOME"], ".config/kairan/nodes/kita")), "a key that nobody knows is left")
    check(said["machine"] in machines_of(second, "Sato"), "the other does not know that machine")
    both.nodes[0].start()


def twice(options, directory, both):
    """Two machines, each at another node while that one is alone."""
    first, second = both.tools
    ticket = ticket_of(second, "Suzuki")
    both.in_step()
    early, late = machine(options, directory, "early"), machine(options, directory, "late")
    both.only(1)
    one = enrolled(early, ticket)
    both.only(0)
    two = enrolled(late, ticket)
    check(machines_of(first, "Suzuki") == [two["machine"]], "the second one is not enrolled")
    both.nodes[1].start()
    for tool, node in zip(both.tools, both.nodes):
        federation.poll(lambda tool=tool: tool.run("alarms").returncode == 0, 60, node.log_tail)
        federation.poll(lambda tool=tool: machines_of(tool, "Suzuki") == [one["machine"]], 60, node.log_tail)
        alarm = lines(tool.done("--json", "alarms"))
        check(len(alarm) == 1 and alarm[0]["alarm"] == "ticket used twice" and alarm[0]["name"] == "Suzuki" and not alarm[0]["settled"] and
              alarm[0]["machine"] == one["machine"] and alarm[0]["taken_off"] == two["machine"], f"the alarm: {alarm}")
        check("one ticket was used by two machines" in tool.done("alarms"), tool.done("alarms"))
        check("ALARM" in tool.done("status") and json.loads(tool.done("--json", "status"))["alarms"] == 1, "status says nothing of it")
        check("open alarms: 1" in tool.run("doctor").stdout.decode(), tool.run("doctor").stdout.decode())
        check("one ticket for a machine of Suzuki was used by two machines" in node.log_tail(), node.log_tail())
    check(json.loads(early.done("--json", "whoami"))["name"] == "Suzuki", "who was first is not let in")
    check(late.run("whoami").returncode == 2, "who was second is let in")
    first.done("alarms", "settle", "Kita")
    check(json.loads(first.done("--json", "status"))["alarms"] == 0, "it is not settled")
    check(lines(first.done("--json", "alarms"))[0]["settled"], "a settled alarm is not shown as one")


def burnt(options, directory, both):
    """The node that made it is destroyed; and where nobody serves a ticket, it is said of all."""
    second = both.tools[1]
    ticket = ticket_of(both.tools[0], "Sato")
    both.tools[0].done("submit", "burnt.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
    everywhere(both.tools, "burnt.kairan-e2e.jp", "what will be burnt")
    both.in_step()
    both.nodes[0].kill()
    shutil.rmtree(both.nodes[0].directory)
    abe = machine(options, directory, "abe")
    said = enrolled(abe, ticket)
    check(said["person_name"] == "Sato" and said["machine"] in machines_of(second, "Sato"), f"enrolled: {said}")
    check(json.loads(abe.done("--json", "whoami"))["name"] == "Sato", "it is not let in")
    abe.done("lookup", "burnt.kairan-e2e.jp")
    both.nodes[1].kill()
    nobody = machine(options, directory, "nobody")
    ended = nobody.run("enrol", ticket, "--name", "kita")
    # (Its network side may outlive it for a moment.)
    check(ended.returncode == 2 and any(word in ended.stderr.decode() for word in ("nobody listens", "hung up")), f"nobody is there: {ended}")


@federation.in_directory
def run(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita = made.nodes[0]
        kita.kairan = options.kairan
        tool = Tool(options.kairan, kita.directory)
        second = Further(options, os.path.join(directory, "second"), "zweite", tool.done("node", "invite").strip())
        made.nodes.append(second)
        federation.poll(lambda: nodes(tool, "asks"), 60, second.log_tail)
        tool.done("node", "add", "zweite")
        federation.poll(lambda: second.tool.run("status").returncode == 0, 60, second.log_tail)
        tool.done("body", "add", "--name-en", "Sapporo")
        for name in ("Sato", "Suzuki"):
            tool.done("person", "add", name, "--body", "Sapporo", "--role", "analyst")
        tool.done("person", "add", "Operator", "--body", "Sapporo", "--role", "analyst,approver,admin", "--user", str(os.getuid()))
        federation.poll(lambda: "Operator" in second.tool.run("person", "ls").stdout.decode(), 60, second.log_tail)
        second.tool.done("person", "bind", "Operator", "--user", str(os.getuid()))
        both = Both(kita, second)
        at_another(options, directory, both)
        twice(options, directory, both)
        burnt(options, directory, both)
        kita.process.wait()


@federation.in_directory
def invitations(options, directory):
    """An invitation made at one node, which is killed: the other council joins at the second one, and compares its code there."""
    with federation.Federation(options.kairand, ["Kita", "Nishi"], is_chain=False) as made:
        kita, nishi = made.nodes
        tool, west = Tool(options.kairan, kita.directory), Tool(options.kairan, nishi.directory)
        second = Further(options, os.path.join(directory, "second"), "zweite", tool.done("node", "invite").strip())
        made.nodes.append(second)
        federation.poll(lambda: nodes(tool, "asks"), 60, second.log_tail)
        tool.done("node", "add", "zweite")
        federation.poll(lambda: second.tool.run("status").returncode == 0, 60, second.log_tail)
        ticket = json.loads(tool.done("--json", "invite", "--link-only"))["ticket"]
        federation.poll(lambda: json.loads(second.tool.done("--json", "status"))["tickets"] == 1, 60, second.log_tail)
        kita.kill()
        started = time.monotonic()
        ended = west.run("--json", "join", ticket)
        check("no connection can be made" in ended.stderr.decode() and time.monotonic() - started < 15, f"a node that is gone is left late: {ended}")
        steps = [line["step"] for line in lines(ended.stdout.decode())]
        check(ended.returncode == 0 and steps[-1] == "pending" and f"127.0.0.1:{second.port}" in ended.stderr.decode(), f"joined: {ended}")
        federation.poll(lambda: code(second.tool, "Nishi") is not None and code(second.tool, "Nishi") == code(west, "Kita"), 30, "one code")
        right = code(west, "Kita")
        second.tool.done("peer", "confirm", "Nishi", right)
        west.done("peer", "confirm", "Kita", right)
        federation.poll(lambda: [peer["state"] for peer in lines(west.done("--json", "peers"))][:1] == ["online"], 60, lambda: west.done("peers"))
        kita.start()
        federation.poll(lambda: [peer["state"] for peer in lines(tool.run("--json", "peers").stdout.decode())] == ["online"], 90,
                        lambda: tool.done("peers") + kita.log_tail())
        tool.done("submit", "both.kairan-e2e.jp", "--label", "amber", "--to", "Nishi", "-y")
        everywhere([west, second.tool], "both.kairan-e2e.jp", "over the link that was made at the other node")
        check(not any(node.run("--json", "alarms").stdout for node in (tool, second.tool, west)), "there is an alarm")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run, invitations))
