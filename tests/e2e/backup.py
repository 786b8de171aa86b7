#!/usr/bin/env python3
"""Losing a disk is an errand: backups of a running node, one after the other; its disk destroyed; restored from an old one. The node
signs nothing until it has met its peer again, then holds all, contradicts nothing, and goes on."""
import glob
import json
import os
import shutil
import subprocess
import sys
import threading

import federation
import wire
from cli import Tool
from federation import check


def paper_of(tool, directory):
    """The lines, in a file, and the key off the node."""
    path = os.path.join(directory, "paper")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(json.loads(tool.done("--json", "root", "paper"))["lines"]) + "\n")
    return path


def submit(tool, domain, label="clear", *more):
    return json.loads(tool.done("--json", "submit", domain, "--label", label, *more, "-y"))["ids"][0]


def state_of(tool, record):
    for line in tool.done("--json", "ls").splitlines():
        if json.loads(line)["id"] == record:
            return json.loads(line)["state"]
    return None


def backups(tool, directory, paper):
    """While the node works: a whole one, then what is new; checked, damaged, broken, refused."""
    to = os.path.join(directory, "backups")
    os.mkdir(to)
    stop, told = threading.Event(), []

    def work():
        serial = 0
        with wire.Client(os.path.join(tool.state, "kairand.sock"), 60) as client:
            while not stop.is_set():
                client.submit(wire.token(), wire.CLEAR, f"busy {serial}", [f"b{serial}.kairan-e2e.jp"])
                serial += 1
                told.append(serial)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        federation.poll(lambda: len(told) > 20, 30, "the node takes submissions")
        made = json.loads(tool.done("--json", "backup", "--to", to))
        check(made["kind"] == "full" and made["chain_broken"] is None, f"the first backup: {made}")
        added = [json.loads(tool.done("--json", "backup", "--to", to)) for _ in range(3)]
        check([one["number"] for one in added] == [1, 2, 3], f"what was added: {added}")
    finally:
        stop.set()
        worker.join()
    check(all(os.stat(path).st_mode & 0o777 == 0o600 for path in glob.glob(os.path.join(to, "*"))), "a backup is open to others")
    idle = {"pages_new": 99}

    def is_idle():  # what the node still does by itself (merging, marks) comes to an end
        idle.update(json.loads(tool.done("--json", "backup", "--to", to)))
        return idle["pages_new"] <= 2

    federation.poll(is_idle, 30, lambda: f"nothing is new, and was written all the same: {idle}")
    check(idle["bytes"] < 20000, f"nothing is new, and was written all the same: {idle}")
    count = idle["number"] + 1
    seen = json.loads(tool.done("--json", "backup", "verify", to))
    check(seen["files"] == count and not seen["opened"], f"verify without the paper: {seen}")
    seen = json.loads(tool.done("--json", "restore", "--verify", to, "--paper", paper))
    check(seen["files"] == count and seen["opened"], f"verify with the paper: {seen}")
    files = sorted(glob.glob(os.path.join(to, "*")), key=os.path.getmtime)
    files.sort(key=lambda path: (not path.endswith("-full.kairan-backup"), path[-20:]))
    tool.refused("number 2 is missing", "backup", "verify", *files[:2], *files[3:])
    tool.refused("line 1 is missing", "backup", "verify", to, "--paper", "-", given=b"")
    with open(files[1], "r+b") as file:
        file.seek(500)
        byte = file.read(1)
        file.seek(500)
        file.write(bytes([byte[0] ^ 1]))
        file.flush()
        tool.refused("damaged", "backup", "verify", to)
        file.seek(500)
        file.write(byte)
    tool.refused("there is no directory", "backup", "--to", os.path.join(to, "nowhere", "at", "all"))
    check(tool.run("backup", "verify").returncode == 2, "verify of nothing")
    check(json.loads(tool.done("--json", "status"))["backup"] is not None, "status does not know of the backup")
    shutil.rmtree(to)


@federation.in_directory
def destroyed(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        check(any(json.loads(line)["check"] == "backup" and json.loads(line)["level"] == "warning"
                  for line in tool.run("--json", "doctor").stdout.splitlines()), "doctor does not miss a backup")
        paper = paper_of(tool, directory)
        backups(tool, directory, paper)

        to = os.path.join(directory, "disk")
        os.mkdir(to)
        kept = submit(tool, "kept.kairan-e2e.jp")
        for_them = submit(tool, "amber.kairan-e2e.jp", "amber", "--to", "Minami")
        ticket = json.loads(tool.done("--json", "invite", "--by-hand"))["ticket"]
        tool.done("backup", "--to", to)
        later = submit(tool, "later.kairan-e2e.jp")
        later_amber = submit(tool, "later-amber.kairan-e2e.jp", "amber", "--to", "Minami")
        theirs = submit(other, "theirs.kairan-e2e.jp", "amber", "--to", "Kita")
        tool.done("retract", kept, "--reason", "it was wrong", "-y")
        tool.done("council", "set", "--region", "North")
        wanted = {later, later_amber, theirs, for_them}
        federation.poll(lambda: {json.loads(line)["id"] for line in other.done("--json", "ls").splitlines()} >= wanted, 30, "shared")
        federation.poll(lambda: state_of(other, kept) in (None, "retracted"), 30, "the retraction has arrived")
        federation.poll(lambda: json.loads(other.done("--json", "council", "Kita"))["region"] == "North", 30, "the card has arrived")

        # The disk is gone, and the peer is away when the node comes back.
        kita.kill()
        minami.stop()
        shutil.rmtree(os.path.join(kita.directory, "store"))
        for name in ("keyring", "backup.key", "backup.last", "kairand.lock", "kairand.sock", "kairan.conf"):
            if os.path.lexists(os.path.join(kita.directory, name)):
                os.unlink(os.path.join(kita.directory, name))
        tool.refused("another recovery key", "restore", to, "--to", kita.directory, "--paper", paper_of(Tool_started(other, minami), made.root))
        minami.stop()
        tool.done("restore", to, "--to", kita.directory, "--paper", paper)
        tool.refused("there is a node", "restore", to, "--to", kita.directory, "--paper", paper)
        kita.start()
        status = tool.run("--json", "status")
        shown = json.loads(status.stdout)
        check(status.returncode == 1 and shown["restored"] == "told" and shown["awaited"] == 1 and not shown["well"], f"status: {shown}")
        check(shown["tickets"] == 0, "a ticket of before is still good")
        for arguments in (("submit", "early.kairan-e2e.jp", "--label", "clear", "-y"), ("invite",), ("join", "--by-hand", ticket),
                          ("retract", for_them, "--reason", "no", "-y"), ("council", "set", "--region", "South"), ("restore", "finish")):
            tool.refused("Minami", *arguments)
        check("Minami" in "".join(line for line in tool.done("peers").splitlines()), "peers does not name the peer")
        check(json.loads(tool.done("--json", "peers"))["awaited"] is True, "peers does not say who is awaited")
        check(any(json.loads(line)["check"] == "restored" for line in tool.run("--json", "doctor").stdout.splitlines()), "doctor is silent")
        kita.kill()  # it stays so
        kita.start()
        tool.refused("Minami", "invite")

        minami.start()
        federation.poll(lambda: tool.run("restore", "finish").returncode == 0, 60, "the node has met its peer")
        mine = {json.loads(line)["id"] for line in tool.done("--json", "ls").splitlines()}
        check(mine >= wanted, f"missing after the restore: {wanted - mine}")
        check(state_of(tool, kept) in (None, "retracted"), "what was taken back is there again")
        check(tool.run("lookup", "kept.kairan-e2e.jp").returncode == 1, "what was taken back is found again")
        check(json.loads(tool.done("--json", "council"))["region"] == "North", "the card is an old one")
        again = submit(tool, "again.kairan-e2e.jp")
        tool.done("council", "set", "--region", "South")
        federation.poll(lambda: state_of(other, again) == "stands", 30, "what is new arrives")
        federation.poll(lambda: json.loads(other.done("--json", "council", "Kita"))["region"] == "South", 30, "the next card arrives")
        for each in (tool, other):
            check(json.loads(each.done("--json", "status"))["alarms"] == 0, "an alarm about an honest council")
            check(each.done("verify").strip().endswith("problems: 0"), "the store has problems")
        tool.done("invite")


def Tool_started(tool, node):
    node.start()
    return tool


def by_hand(options):
    """An old copy of the store, put back without a word."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool = Tool(options.kairan, kita.directory)
        submit(tool, "first.kairan-e2e.jp")
        kita.stop()
        data = os.path.join(kita.directory, "store", "data.mdb")
        shutil.copy(data, data + ".old")
        kita.start()
        lost = submit(tool, "lost.kairan-e2e.jp")
        federation.wait_for_reports(minami, {bytes.fromhex(lost)}, 30)
        kita.stop()
        os.replace(data + ".old", data)
        kita.start()
        federation.poll(lambda: "brought a record that this node signed" in kita.log_tail(), 60, "the node notices")
        federation.poll(lambda: tool.run("restore", "finish").returncode == 0, 60, "the node has met its peer")
        check(tool.run("show", lost).returncode == 0, "what was lost is not back")
        submit(tool, "third.kairan-e2e.jp")


@federation.in_directory
def stopped_node(options, directory):
    """A backup of a node that does not run, into a file; and a disk that is full."""
    os.mkdir(os.path.join(directory, "alone"), 0o700)
    node = federation.Node(options.kairand, os.path.join(directory, "alone"), "Alone")
    tool = Tool(options.kairan, node.directory)
    node.start()
    paper = paper_of(tool, os.path.join(directory, "alone"))
    node.stop()
    single = os.path.join(directory, "single.kairan-backup")
    tool.done("backup", "--to", single)
    tool.refused("already", "backup", "--to", single)
    there = os.path.join(directory, "there")
    check("restored in" in tool.done("restore", single, "--to", there, "--paper", paper), "restore says nothing")
    limited = subprocess.run(["bash", "-c", 'ulimit -f 8; trap "" XFSZ; exec "$0" "$@"', options.kairan, "--state", node.directory, "--lang",
                              "en", "backup", "--full", "--to", directory], capture_output=True, check=False, timeout=60)
    check(limited.returncode == 2 and b"no room" in limited.stderr, f"a full disk: {limited}")
    check(not [name for name in os.listdir(directory) if name.startswith(".kairan-backup")], "a full disk left something")
    alone = Tool(options.kairan, there)
    restored = federation.Node.__new__(federation.Node)
    restored.__dict__.update(node.__dict__, directory=there, path=os.path.join(there, "kairand.sock"))
    restored.start()
    try:
        alone.refused("linked with no council", "invite")
        alone.done("restore", "finish", "--force")
        alone.done("invite", "--link-only")
    finally:
        restored.kill()


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, destroyed, by_hand, stopped_node))
