#!/usr/bin/env python3
"""A new transport key on running nodes: with the root key on a stick, a peer away and back, a node killed in the middle, peers that dial
and peers that are dialled, two nodes of one council, a person's machine that heard of it and one that did not."""
import json
import os
import shutil
import sys

import federation
from cli import Tool, write
from federation import check
from remote import Analyst
from two_nodes import Further, everywhere, lines, nodes


def keys(tool):
    return {key["key"]: key for key in lines(tool.done("--json", "node", "keys")) if key["sort"] == "transport"}


def in_use(tool):
    found = [key["key"] for key in keys(tool).values() if key["state"] == "in use"]
    check(len(found) == 1, f"transport keys in use: {found}")
    return found[0]


def turning(tool):
    return json.loads(tool.done("--json", "node", "transport"))


def findings(tool):
    return [line["level"] for line in lines(tool.run("--json", "doctor").stdout.decode()) if line["check"] == "transport-key"]


def passes(from_tool, tools, value):
    from_tool.done("submit", value, "--label", "clear", "-y")
    everywhere(tools, value, "what is submitted")


def online(tool):
    return sorted((peer["name"], peer["state"]) for peer in lines(tool.done("--json", "peers")))


@federation.in_directory
def rotating(options, directory):
    """With the stick; one peer only dials out, one is away; kairand is killed in the middle."""
    with federation.Federation(options.kairand, ["Minami", "Kita", "Nishi"]) as made:
        minami, kita, nishi = made.nodes
        path = os.path.join(directory, "higashi")
        os.mkdir(path, 0o700)
        higashi = federation.Node(options.kairand, path, "Higashi", dials_only=True)
        made.nodes.append(higashi)
        higashi.start()
        with kita.client() as inviter, higashi.client() as joiner:
            joiner.join(inviter.invite())
        tool, north, west, east = (Tool(options.kairan, node.directory) for node in (kita, minami, nishi, higashi))
        secret = write(os.path.join(directory, "passphrase"), "on the stick\n")
        root = json.loads(tool.done("--json", "root", "export", "--to", directory, "--passphrase-file", secret))["file"]
        tool.done("root", "forget", "--root", root, "--passphrase-file", secret)
        with_root = ("--root", root, "--root-passphrase-file", secret)
        first = in_use(tool)
        check(not turning(tool)["comes"] and not findings(tool), "a key is being replaced")
        tool.refused("no transport key", "node", "transport", "finish")
        tool.refused("nonsense", "node", "transport", "nonsense")
        # Without the stick the key waits, and is used for nothing.
        tool.refused("--root", "node", "transport", "rotate")
        check(turning(tool)["comes"] and not turning(tool)["under_way"] and findings(tool) == ["warning"], "a key that waits is not told of")
        minami.stop()
        tool.done("node", "transport", "rotate", *with_root)
        tool.refused("already", "node", "transport", "rotate", *with_root)
        federation.poll(lambda: turning(tool)["links"] == 1, 60, lambda: str(turning(tool)))
        check("Minami" in tool.done("node", "transport") and findings(tool) == ["good"], "whom it waits for is not told")
        check("node transport" in tool.done("status"), "status does not tell of it")
        check(in_use(tool) == first, "another key is in use while a peer has not heard of it")
        tool.refused("node transport", "join", ticket_of(west))
        passes(tool, [west, east], "meanwhile.kairan-e2e.jp")
        for peer in (west, east):
            check(len([name for name, _ in online(peer) if name == "Kita"]) == 1, f"one node is shown twice: {online(peer)}")
        kita.kill()
        kita.start()
        check(in_use(tool) == first, "a restart turned the key")
        passes(west, [tool, east], "again.kairan-e2e.jp")
        minami.start()
        federation.poll(lambda: in_use(tool) != first, 90, lambda: str(turning(tool)) + kita.log_tail())
        check(not turning(tool)["comes"] and keys(tool)[first]["state"] == "replaced", "the key before is not replaced")
        for number, peer in enumerate((north, west, east)):
            passes(tool, [peer], f"to-{number}.kairan-e2e.jp")
            passes(peer, [tool], f"from-{number}.kairan-e2e.jp")
            check(("Kita", "online") in online(peer) and not peer.run("--json", "alarms").stdout, f"the peers: {online(peer)}")
        for node in (kita, nishi, higashi):
            node.kill()
            node.start()
        passes(tool, [north, west, east], "after.kairan-e2e.jp")


def ticket_of(tool):
    return json.loads(tool.done("--json", "invite", "--link-only"))["ticket"]


@federation.in_directory
def two_nodes(options, directory):
    """Of two nodes of one council each has its own; the other one is one node still, and is revoked with all its keys."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        second = Further(options, os.path.join(directory, "second"), "zweite", tool.done("node", "invite").strip())
        made.nodes.append(second)
        federation.poll(lambda: nodes(tool, "asks"), 60, second.log_tail)
        tool.done("node", "add", "zweite")
        federation.poll(lambda: [node for node in nodes(second.tool) if node["state"] == "other" and node["online"]]
                        if second.tool.run("status").returncode == 0 else False, 60, second.log_tail)
        federation.poll(lambda: [state for _, state in online(other)] == ["online"] * 2, 60, lambda: str(online(other)))
        first = in_use(tool)
        tool.done("node", "transport", "rotate")
        federation.poll(lambda: in_use(tool) != first, 60, lambda: str(turning(tool)) + kita.log_tail())
        federation.poll(lambda: [node["transport"] for node in nodes(second.tool, "other") if node["online"]] == [in_use(tool)], 60,
                        lambda: second.tool.done("node", "ls") + second.log_tail())
        check(len(nodes(second.tool)) == 2 and len(nodes(tool)) == 2, "a node is shown twice")
        everyone = [tool, second.tool, other]
        passes(tool, everyone, "one.kairan-e2e.jp")
        passes(second.tool, everyone, "two.kairan-e2e.jp")
        passes(other, everyone, "three.kairan-e2e.jp")
        # The machine with the new key is gone: it is revoked under whatever key it had.
        lost = nodes(tool, "this")[0]["key"]
        root = os.path.join(directory, "root")
        os.mkdir(root)
        secret = write(os.path.join(root, "passphrase"), "on the stick\n")
        stick = json.loads(tool.done("--json", "root", "export", "--to", root, "--passphrase-file", secret))["file"]
        kita.stop()
        second.tool.done("node", "revoke", lost[:16], "--since", "0s", "--root", stick, "--root-passphrase-file", secret)
        federation.poll(lambda: not nodes(second.tool, "other"), 60, lambda: second.tool.done("node", "ls"))
        federation.poll(lambda: len(online(other)) == 1, 60, lambda: str(online(other)))
        passes(other, [second.tool], "goes-on.kairan-e2e.jp")


@federation.in_directory
def machines(options, directory):
    """A machine that has come meanwhile knows the new key; one that has not is told what to do."""
    with federation.Federation(options.kairand, ["Kita"]) as made:
        kita = made.nodes[0]
        tool = Tool(options.kairan, kita.directory)
        tool.done("body", "add", "--name-en", "Sapporo")
        homes = []
        for name in ("Sato", "Suzuki"):
            tool.done("person", "add", name, "--body", "Sapporo", "--role", "analyst")
            home = os.path.join(directory, name)
            os.mkdir(home)
            machine = Analyst(options.kairan, home)
            machine.done("enrol", "-", "--name", "kita", given=json.loads(tool.done("--json", "person", "enrol", name))["ticket"].encode() + b"\n")
            machine.node = "kita"
            homes.append(machine)
        sato, suzuki = homes
        first = in_use(tool)
        keyring = os.path.join(kita.directory, "keyring")
        copy = shutil.copy(keyring, os.path.join(directory, "keyring"))
        tool.done("node", "transport", "rotate")
        check(turning(tool)["machines"] >= 2 and in_use(tool) == first, f"machines are not waited for: {turning(tool)}")
        check(json.loads(sato.done("--json", "whoami"))["name"] == "Sato", "Sato is not let in")
        tool.done("node", "transport", "finish")
        federation.poll(lambda: in_use(tool) != first, 30, kita.log_tail)
        federation.poll(lambda: sato.run("whoami").returncode == 0, 30, kita.log_tail)
        for _ in range(2):
            check(json.loads(sato.done("--json", "whoami"))["name"] == "Sato", "Sato's machine does not follow")
        check(json.loads(Analyst(sato.kairan, sato.environment["HOME"]).done("--json", "whoami"))["name"] == "Sato", "its only node is not found")
        suzuki.refused("enrolled anew", "whoami")
        second = in_use(tool)
        sato.done("submit", "afar.kairan-e2e.jp", "--label", "clear", "-y")
        tool.done("node", "transport", "rotate")
        sato.done("whoami")
        tool.done("node", "transport", "finish")
        federation.poll(lambda: in_use(tool) != second, 30, kita.log_tail)
        federation.poll(lambda: sato.run("whoami").returncode == 0, 30, kita.log_tail)
        check("afar" in sato.done("lookup", "afar.kairan-e2e.jp"), "it does not follow twice")
        # The node is restored from the keyring of before: the machine, which has followed twice, finds it under the first key.
        kita.stop()
        shutil.copy(copy, keyring)
        kita.start()
        federation.poll(lambda: sato.run("whoami").returncode == 0, 30, kita.log_tail)
        check(sato.run("whoami").stderr == b"" and in_use(tool) == first, "it does not find a node that was restored")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, rotating, two_nodes, machines))
