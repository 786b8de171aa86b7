#!/usr/bin/env python3
"""A link through a third node, with real daemons: two councils that can only dial out, one in between that allows it and reads nothing.

    through.py --kairand PROGRAM --kairan PROGRAM [--json]

Then measured: what the councils that the one in between serves notice of it while one of the two fills the link."""
import json
import os
import sys
import threading
import time

import federation
import wire
from cli import Tool
from federation import check

ROUNDS = 15
RATES = ("256K", "64M")
FLOOD_RECORDS_MAX = 200
FLOOD_VALUES = 2500  # about 150 KiB a record


def through(tool, name):
    """(state of the link, how it is with the one in between)."""
    for line in tool.done("--json", "peers").splitlines():
        peer = json.loads(line)
        if peer["name"] == name:
            return peer["state"], peer["through"] and peer["through"]["state"]
    return None, None


def waits_for(tool, name, state, within_s=30):
    federation.poll(lambda: through(tool, name)[1] == state, within_s, lambda: f"{name}: {through(tool, name)}, not {state}")


def is_up(tool, name, within_s=60, state="online"):
    federation.poll(lambda: through(tool, name) == (state, "ready"), within_s, lambda: f"{name}: {through(tool, name)}")


def pair(tool):
    return json.loads(tool.done("--json", "forward", "ls"))


def knows(tool, value):
    return tool.run("lookup", value).returncode == 0


def send(tool, value, to):
    tool.done("submit", value, "--label", "amber", "--title", value, "-y", "--to", to)


def code(tool, name):
    return json.loads(tool.done("--json", "peer", "code", name))["code"]


def confirm(kita, minami):
    """As both operators do by telephone."""
    federation.poll(lambda: code(kita, "Minami") is not None and code(kita, "Minami") == code(minami, "Kita"), 30, "both have the same code")
    kita.done("peer", "confirm", "Minami", code(minami, "Kita"))
    minami.done("peer", "confirm", "Kita", code(kita, "Minami"))


def comes_about(kita, minami, naka):
    kita.refused("--through", "peer", "add", "Minami")
    kita.refused("no council", "peer", "add", "Nowhere", "--through", "Naka")
    kita.refused("linked already", "peer", "add", "Naka", "--through", "Minami")
    kita.refused("--through belongs", "peer", "pause", "Naka", "--through", "Naka")
    naka.refused("forward", "forward")
    naka.refused("16K to 64M", "forward", "allow", "Kita", "Minami", "--rate", "1K")
    naka.refused("two other councils", "forward", "allow", "Kita", "Naka")
    check(naka.run("forward", "ls").returncode == 1, "something is passed on from the beginning")
    check("kairan forward allow" in kita.done("peer", "add", "Minami", "--through", "Naka"), "add does not say what is still to be done")
    waits_for(kita, "Minami", "denied")
    kita.refused("linked already", "peer", "add", "Minami", "--through", "Naka")
    naka.done("forward", "allow", "Kita", "Minami", "--rate", "1M")
    waits_for(kita, "Minami", "waiting", 5)
    check(pair(naka)["state"] == "one side asks" and pair(naka)["rate"] == 1 << 20, f"forward ls: {pair(naka)}")
    minami.done("peer", "add", "Kita", "--through", "Naka")
    is_up(kita, "Minami", 20, "pending")
    is_up(minami, "Kita", 20, "pending")
    check(pair(naka)["state"] == "on", f"forward ls: {pair(naka)}")
    for tool, text in ((kita, "through: Naka (it passes frames on)"), (minami, "through: Naka")):
        check(text in tool.done("peers"), "peers does not say by whom the link goes")
    check("Kita <-> Minami" in naka.done("forward", "ls") or "Minami <-> Kita" in naka.done("forward", "ls"), "forward ls for people")


def carries(kita, minami, naka, nodes):
    send(kita, "first.kairan-e2e.jp", "Minami")
    federation.poll(lambda: code(kita, "Minami") is not None and code(minami, "Kita") is not None, 30, "there is a code")
    check(not knows(minami, "first.kairan-e2e.jp"), "records pass before the code is compared")
    confirm(kita, minami)
    send(minami, "back.kairan-e2e.jp", "Kita")
    federation.poll(lambda: knows(minami, "first.kairan-e2e.jp") and knows(kita, "back.kairan-e2e.jp"), 30, "addressed records pass both ways")
    check(not knows(naka, "first.kairan-e2e.jp") and not knows(naka, "back.kairan-e2e.jp"), "the one in between has them")
    check(pair(naka)["bytes"] > 0 and pair(naka)["dropped"] == 0, f"forward ls: {pair(naka)}")
    for node in nodes:  # each of the three, in its turn
        node.kill()
        sender, reader, name = (minami, kita, "Kita") if node is nodes[1] else (kita, minami, "Minami")
        if node is not nodes[0] or sender is minami:
            send(sender, f"while-{node.name.lower()}.kairan-e2e.jp", name)
        node.start()
        if node is nodes[0] and sender is kita:
            send(sender, f"while-{node.name.lower()}.kairan-e2e.jp", name)
        federation.poll(lambda v=f"while-{node.name.lower()}.kairan-e2e.jp", r=reader: knows(r, v), 120,
                        f"what was written while {node.name} was away comes")
    is_up(kita, "Minami")


def ends(kita, minami, naka):
    naka.done("forward", "deny", "Kita", "Minami")
    check(through(kita, "Minami")[1] in ("denied", "ready"), "deny")
    waits_for(kita, "Minami", "denied", 5)
    waits_for(minami, "Kita", "denied", 5)
    check("through a third council is down" in kita.run("doctor").stdout.decode(), "doctor says nothing of the link")
    naka.refused("nothing is passed on", "forward", "deny", "Kita", "Minami")
    send(kita, "denied.kairan-e2e.jp", "Minami")
    send(kita, "open.kairan-e2e.jp", "Naka")
    federation.poll(lambda: knows(naka, "open.kairan-e2e.jp"), 30, "the own link of the one in between goes on")
    check(not knows(minami, "denied.kairan-e2e.jp"), "what is denied passes")
    naka.done("forward", "allow", *(json.loads(tool.done("--json", "council"))["council"] for tool in (minami, kita)))
    federation.poll(lambda: knows(minami, "denied.kairan-e2e.jp"), 60, "allowed again, it comes")
    check(pair(naka)["rate"] == 256 << 10, "the default rate")
    minami.done("peer", "pause", "Kita")
    waits_for(kita, "Minami", "waiting", 5)
    minami.done("peer", "resume", "Kita")
    is_up(kita, "Minami")
    minami.done("peer", "remove", "Kita", "-y")
    waits_for(kita, "Minami", "waiting", 5)
    kita.done("peer", "remove", "Minami", "-y")
    minami.done("peer", "add", "Kita", "--through", "Naka")
    kita.done("peer", "add", "Minami", "--through", "Naka")
    is_up(kita, "Minami", 60, "pending")
    confirm(kita, minami)
    is_up(kita, "Minami")
    naka.done("peer", "pause", "Kita")
    waits_for(minami, "Kita", "not up", 5)
    waits_for(kita, "Minami", "no carrier", 60)
    naka.done("peer", "resume", "Kita")
    is_up(kita, "Minami", 90)


# ---- measured ----

def median(values):
    return sorted(values)[len(values) // 2]


class Flood:
    """One end writes records for the other, as fast as its node takes them, as long as it lasts."""

    def __init__(self, sender, reader, tag):
        self.sender, self.reader, self.tag = sender, reader, tag
        self.wanted, self.failed, self.is_over = [], None, threading.Event()
        self.writer = threading.Thread(target=self.write)

    def __enter__(self):
        self.writer.start()
        federation.poll(lambda: len(self.wanted) > 3 or self.failed, 60, "the flood begins")
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.writer.join()

    def write(self):
        try:
            with self.sender.client() as client:
                while not self.is_over.is_set() and len(self.wanted) < FLOOD_RECORDS_MAX:
                    number = len(self.wanted)
                    values = [f"flood-{self.tag}-{number}-{i}.something-longer.kairan-e2e.jp" for i in range(FLOOD_VALUES)]
                    identity, _ = client.submit(wire.token(), wire.AMBER, f"flood {number}", values, [self.reader.council])
                    self.wanted.append(identity)
        except (OSError, wire.Refused) as failure:
            self.failed = failure

    def has_arrived(self):
        with self.reader.client() as client:
            here = client.reports()
        return all(identity in here for identity in self.wanted)


def arrives(author, readers, number):
    with author.client() as client:
        begin = time.monotonic()
        identity, _ = client.submit(wire.token(), wire.GREEN, "beside", [f"beside-{number}.kairan-e2e.jp"])
    times = []
    for reader in readers:
        with reader.client() as client:
            federation.poll(lambda c=client: identity in c.reports(), 60, f"{reader.name} does not get the record", pause_s=0)
        times.append(time.monotonic() - begin)
    return times


class Beside:
    def __init__(self, author, readers):
        self.author, self.readers, self.number = author, readers, 0

    def measure(self):
        rows = []
        for _ in range(ROUNDS):
            self.number += 1
            rows.append(arrives(self.author, self.readers, self.number))
        return [median([row[i] for row in rows]) for i in range(len(self.readers))]


def measured(nodes, tool, figures):
    naka, kita, minami, nishi = nodes
    beside = Beside(naka, [nishi, minami])
    for name, value in zip(("another peer", "the peer at the other end"), beside.measure()):
        figures[f"quiet: record to {name}, ms"] = value * 1000
    for rate in RATES:
        tool.done("forward", "allow", "Kita", "Minami", "--rate", rate)
        before = pair(tool)
        begin = time.monotonic()
        with Flood(kita, minami, rate.lower()) as flood:
            for name, value in zip(("another peer", "the peer at the other end"), beside.measure()):
                figures[f"{rate} a second: record to {name}, ms"] = value * 1000
        check(flood.failed is None, f"the flood ends: {flood.failed}")
        check(rate != RATES[0] or not flood.has_arrived(), "the link was not filled: nothing is measured")
        federation.poll(flood.has_arrived, 240, f"the flood at {rate} arrives")
        took = time.monotonic() - begin
        after = pair(tool)
        passed = after["bytes"] - before["bytes"]
        figures[f"{rate} a second: passed on, KiB"] = passed / 1024
        figures[f"{rate} a second: passed on, KiB a second"] = passed / 1024 / took
        check(after["dropped"] == before["dropped"], "between honest nodes a piece was dropped")
        check(rate != RATES[0] or passed <= (256 << 10) * took + (128 << 10), f"{passed} bytes in {took:.1f} s are more than was allowed")
    with open(f"/proc/{naka.process.pid}/status", encoding="ascii") as file:
        rss = int(next(line.split()[1] for line in file if line.startswith("RssAnon:")))
    figures["memory of the keeper in between, MiB"] = rss / 1024
    for rate in RATES:
        for name in ("another peer", "the peer at the other end"):
            quiet, now = figures[f"quiet: record to {name}, ms"], figures[f"{rate} a second: record to {name}, ms"]
            figures[f"{rate} a second: record to {name}, ratio to quiet"] = now / quiet
            check(now < 2000, f"{rate}: a record to {name} takes {now:.0f} ms")


def run(options):
    figures = {}
    with federation.Federation(options.kairand, ["Naka"]) as made:
        naka = made.nodes[0]
        for name, dials_only in (("Kita", True), ("Minami", True), ("Nishi", False)):
            directory = os.path.join(made.root, name)
            os.mkdir(directory, 0o700)
            made.nodes.append(federation.Node(options.kairand, directory, name, dials_only=dials_only))
            made.nodes[-1].start()
            with naka.client() as inviter, made.nodes[-1].client() as joiner:
                joiner.join(inviter.invite())
        tools = [Tool(options.kairan, node.directory) for node in made.nodes]
        kita, minami = tools[1], tools[2]
        federation.poll(lambda: "Minami" in kita.done("councils") and "Kita" in minami.done("councils"), 60, "both know each other's card")
        comes_about(kita, minami, tools[0])
        carries(kita, minami, tools[0], made.nodes[:3])
        ends(kita, minami, tools[0])
        measured(made.nodes, tools[0], figures)
        for node in made.nodes:
            node.stop()
    for name, value in figures.items():
        print(json.dumps({"case": name, "value": round(value, 2)}) if options.json else f"{name}: {value:.2f}")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run, json={"action": "store_true"}))
