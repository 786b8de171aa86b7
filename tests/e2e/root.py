#!/usr/bin/env python3
"""The root key on a stick and the recovery key on paper: taken off a real node, used from there, and what goes wrong on the way."""
import json
import os
import shutil
import sys

import federation
from cli import Tool, write
from federation import check

LINE_CHARS = 22  # of a line on paper


def take_off(tool, stick, passphrase, wrong):
    """Onto the stick and off the node; what is no copy takes nothing off."""
    shown = json.loads(tool.done("--json", "root"))
    check(shown["root_on_node"] and shown["recovery_on_node"] and len(shown["root_key"]) == 64, f"a new node: {shown}")
    tool.refused("--to", "root", "export")
    tool.refused("there is no file", "root", "export", "--to", stick, "--passphrase-file", os.path.join(stick, "nowhere"))
    check(not [name for name in os.listdir(stick) if name.endswith(".key")], "a refused export left a file")
    path = json.loads(tool.done("--json", "root", "export", "--to", stick, "--passphrase-file", passphrase))["file"]
    check(os.path.dirname(path) == stick and os.path.exists(path), f"the root key is not at {path}")
    tool.refused("already there", "root", "export", "--to", stick, "--passphrase-file", passphrase)
    tool.refused("wrong passphrase", "root", "forget", "--root", path, "--passphrase-file", wrong)
    tool.refused("not a root key", "root", "forget", "--root", passphrase, "--passphrase-file", passphrase)
    tool.refused("--root", "root", "forget")
    check(json.loads(tool.done("--json", "root"))["root_on_node"], "a refused forget took the key off")
    tool.done("root", "forget", "--root", path, "--passphrase-file", passphrase)
    tool.refused("not on this node", "root", "export", "--to", os.path.join(stick, "again"), "--passphrase-file", passphrase)
    return path


def paper(tool):
    lines = json.loads(tool.done("--json", "root", "paper"))["lines"]
    check(len(lines) == 5 and all(len(line) == LINE_CHARS for line in lines), f"the paper has {lines}")
    check(all(line in tool.done("root", "paper") for line in lines), "the paper for people has other lines")
    typed = lines[0].replace(" ", "", 2)[1:]
    mistyped = [lines[0][:3] + ("7" if lines[0][3] != "7" else "8") + lines[0][4:]] + lines[1:]
    tool.refused("line 1 is mistyped", "root", "forget", "--paper", "-", given="\n".join(mistyped).encode())
    tool.refused("line 3 is missing", "root", "forget", "--paper", "-", given="\n".join(lines[:2] + lines[3:]).encode())
    check(json.loads(tool.done("--json", "root"))["recovery_on_node"], "a refused forget took the key off")
    given = "1 " + typed.lower() + "\r\n" + "\n".join(reversed(lines[1:]))
    tool.done("root", "forget", "--paper", "-", given=given.encode())
    tool.refused("not on this node", "root", "paper")


def region(tool, *council):
    return json.loads(tool.done("--json", "council", *council))["region"]


@federation.in_directory
def run(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        passphrase, wrong = write(os.path.join(directory, "passphrase"), "on the stick\n"), write(os.path.join(directory, "wrong"), "no\n")
        tool.done("council", "set", "--region", "North")
        federation.poll(lambda: region(other, "Kita") == "North", 20, "the peer has the changed card")
        with open(os.path.join(kita.directory, "keyring"), "rb") as file:
            before = file.read()
        path = take_off(tool, directory, passphrase, wrong)
        paper(tool)
        with open(os.path.join(kita.directory, "keyring"), "rb") as file:
            check(file.read() != before, "the keyring was not written")
        check(json.loads(tool.done("--json", "status"))["root_on_node"] is False, "status says that the root key is there")
        # Who has no stick changes nothing; who has it does, also after the node was started anew.
        tool.refused("--root", "council", "set", "--region", "East")
        check(region(tool) == "North", "the card was changed without the root key")
        kita.kill()
        kita.start()
        shown = json.loads(tool.done("--json", "root"))
        check(not shown["root_on_node"] and not shown["recovery_on_node"], "the keys are back")
        with_root = ("--root", path, "--root-passphrase-file", passphrase)
        tool.refused("wrong passphrase", "council", "set", "--region", "East", "--root", path, "--root-passphrase-file", wrong)
        tool.done("council", "set", "--region", "East", "--contact-telephone", "011-000-0000", *with_root)
        federation.poll(lambda: region(other, "Kita") == "East", 20, "the peer has the card that the stick signed")
        check("011-000-0000" in other.done("council", "Kita"), "the contact window is not shown")
        # Another council's key signs nothing here.
        strange = json.loads(other.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
        tool.refused("another council", "council", "set", "--region", "West", "--root", strange, "--root-passphrase-file", passphrase)
        tool.refused("another council", "root", "forget", "--root", strange, "--passphrase-file", passphrase, status=2)
        tool.refused("name", "council", "set", "--name-en", "", *with_root)
        tool.done("council", "set", "--hosted-by", "Minami", *with_root)
        check("Minami" in tool.done("council"), "who runs the machine is not said")
        federation.poll(lambda: json.loads(other.done("--json", "council", "Kita"))["hosted_by"] is not None, 20, "the peer has that card")
        other.done("submit", "hosted.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        record = json.loads(other.done("--json", "ls").splitlines()[0])["id"]
        reach = {council["name"]: council["host"] for council in json.loads(other.done("--json", "explain", record))["reach"]}
        check(reach["Kita"] == "Minami", f"explain does not say who runs the machine: {reach}")
        check("run by Minami" in other.done("explain", record), "explain does not say so to people")
        check(region(tool) == "East", "a refused change came through")


@federation.in_directory
def joining(options, directory):
    """Councils that join a community while their root keys are on sticks: with the stick at hand, and with it brought later."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        tool, far = (Tool(options.kairan, node.directory) for node in made.nodes)
        passphrase = write(os.path.join(directory, "joiner"), "on the stick\n")
        for name, brings_stick in (("Nishi", True), ("Higashi", False)):
            node = federation.Node(options.kairand, os.path.join(directory, name), name)
            made.nodes.append(node)  # ended with the others
            node.start()
            joiner = Tool(options.kairan, node.directory)
            path = json.loads(joiner.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
            joiner.done("root", "forget", "--root", path, "--passphrase-file", passphrase)
            with_root = ("--root", path, "--root-passphrase-file", passphrase)
            ticket = json.loads(tool.done("--json", "invite", "--by-hand"))["ticket"]
            ended = joiner.run("join", "--by-hand", ticket, *(with_root if brings_stick else ()))
            check(ended.returncode == 0, f"{name} does not join: {ended.stderr.decode()}")
            check((b"council publish" in ended.stderr) != brings_stick, f"{name} is told: {ended.stderr.decode()}")
            if not brings_stick:
                check(far.run("council", name).returncode == 2, "a card that nobody signed is in the directory")
                joiner.done("council", "publish", *with_root)
            federation.poll(lambda: far.run("council", name).returncode == 0, 30, f"the far council has {name}'s card")
            joiner.refused("already", "council", "publish", *with_root)


@federation.in_directory
def two_machines(options, directory):
    """The state of a node from before its last card, in use again while nobody is there who has that card: both cards meet later."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        check(other.run("alarms").returncode == 1, "an alarm where nothing has happened")
        kita.stop()
        old = os.path.join(directory, "old")
        shutil.copytree(kita.directory, old, ignore=lambda _, names: [n for n in names if n.endswith(".sock") or n == "notify"])
        kita.start()
        tool.done("council", "set", "--region", "North")
        federation.poll(lambda: region(other, "Kita") == "North", 20, "the peer has the first card")
        kita.stop()
        minami.stop()
        shutil.rmtree(os.path.join(kita.directory, "store"))
        shutil.copytree(os.path.join(old, "store"), os.path.join(kita.directory, "store"))
        kita.start()
        tool.done("council", "set", "--region", "South")
        minami.start()
        federation.poll(lambda: other.run("alarms").returncode == 0, 60, "the peer notices two cards of one version")
        federation.poll(lambda: json.loads(other.done("--json", "status"))["alarms"] == 1, 20, "status counts the alarm")
        proof = other.done("--json", "alarms").encode()
        check(json.loads(proof)["kind"] == "council card", f"the alarm is about {proof[:200]}")
        nobody = Tool(options.kairan, os.path.join(directory, "nowhere"))
        proved = json.loads(nobody.done("--json", "alarms", "check", "-", given=proof))
        check(proved["council"] == kita.council.hex(), f"the proof names {proved}")
        half = json.loads(proof)
        half["second"] = half["first"]
        nobody.refused("proves nothing", "alarms", "check", "-", given=json.dumps(half).encode())
        nobody.refused("no lines", "alarms", "check", "-", given=b"nonsense")
        nobody.refused("no lines", "alarms", "check", "-", given=b"")
        other.done("alarms", "settle", "Kita")
        check(json.loads(other.done("--json", "status"))["alarms"] == 0, "settled, and still counted")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run, joining, two_machines))
