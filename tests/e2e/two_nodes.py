#!/usr/bin/env python3
"""Two nodes of one council on real daemons: a machine asks by a ticket and is taken in with the root key on a stick; what is submitted at
either is at both and at peers, who do nothing; people entered at one work at the other; one machine is destroyed and nothing is lost; its
keys are revoked. And who was not taken in, or is revoked, gets nothing. An analyst's machine goes on at whichever node there is, and at no
other's."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import federation
import recover
import remote
from cli import Tool, has, lines
from federation import check


def nodes(tool, state=None):
    found = lines(tool.done("--json", "node", "ls"))
    return [node for node in found if state is None or node["state"] == state]


def everywhere(tools, value, what):
    federation.poll(lambda: all(has(tool, value) for tool in tools), 60,
                    lambda: f"{what}: {value} is at {[has(tool, value) for tool in tools]}")


class Further(federation.Node):
    """A machine that asks by a ticket; it runs."""

    def __init__(self, options, directory, name, ticket):  # pylint: disable=super-init-not-called
        os.mkdir(directory, 0o700)
        self.kairand, self.directory, self.name = options.kairand, directory, name
        self.path = os.path.join(directory, "kairand.sock")
        self.process = None
        self.port = federation.free_port()
        endpoint = f"tcp://127.0.0.1:{self.port}"
        self.tool = Tool(options.kairan, directory)
        self.made = json.loads(self.tool.done("--json", "node", "join", "-", "--name", name, "--endpoint", endpoint,
                                              given=ticket.encode()))
        self.council = bytes.fromhex(self.made["council"])
        with open(os.path.join(directory, "kairan.conf"), "w", encoding="utf-8") as file:
            file.write(f"[node]\nlisten = {endpoint}\nendpoint = {endpoint}\nlog_level = info\nworkers = 1\n"
                       "[guard]\nallow_documentation = yes\n")
        self.start()


def mistakes(options, made, directory):
    """What is no ticket for that, and what may not be."""
    kita, minami = made.nodes
    tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
    empty = os.path.join(directory, "empty")
    os.mkdir(empty, 0o700)
    nobody = Tool(options.kairan, empty)
    nobody.refused("which ticket", "node", "join")
    nobody.refused("no usable ticket", "node", "join", "kairan1nonsense")
    nobody.refused("kairan join", "node", "join", tool.done("invite", "--link-only").strip())
    check(not os.path.exists(os.path.join(empty, "keyring")), "a refused join made a keyring")
    ticket = tool.done("node", "invite").strip()
    other.refused("kairan node join", "join", ticket)
    other.refused("already runs", "node", "join", ticket)
    tool.refused("kairan node ls", "node", "add", "00112233")
    tool.refused("which machine", "node", "add")
    tool.refused("--ttl", "node", "invite", "--ttl", "soon")
    check(len(nodes(tool)) == 1 and nodes(tool)[0]["state"] == "this", f"one node is {nodes(tool)}")


def asking(options, made, directory, with_root):
    """The second machine asks; a third one with the same ticket does not get that far. Then the operator decides."""
    kita, _ = made.nodes
    tool = Tool(options.kairan, kita.directory)
    ticket = tool.done("node", "invite").strip()
    second = Further(options, os.path.join(directory, "second"), "zweite", ticket)
    made.nodes.append(second)
    second.tool.refused("kairan node add", "status")
    federation.poll(lambda: nodes(tool, "asks"), 60, second.log_tail)
    asks = nodes(tool, "asks")
    check(len(asks) == 1 and asks[0]["key"] == second.made["key"] and asks[0]["name"] == "zweite", f"who asks: {asks}")
    third = Further(options, os.path.join(directory, "third"), "dritte", ticket)
    made.nodes.append(third)
    federation.poll(lambda: "has used this ticket" in third.log_tail(), 60, third.log_tail)
    check(len(nodes(tool, "asks")) == 1, "who came second with a ticket asks, too")
    third.stop()
    # The root key is not there: its card is not signed, and the machine waits on.
    tool.refused("--root", "node", "add", "zweite")
    check(not nodes(tool, "other"), "a node was taken in without the root key")
    second.kill()
    second.start()
    added = json.loads(tool.done("--json", "node", "add", second.made["key"][:16], *with_root))
    check(added["added"] and added["key"] == second.made["key"], f"added: {added}")
    federation.poll(lambda: [node for node in nodes(tool, "other") if node["online"]], 60, second.log_tail)
    check(not nodes(tool, "asks"), "it still asks")
    federation.poll(lambda: second.tool.run("status").returncode == 0, 60, second.log_tail)
    check([node["key"] for node in nodes(second.tool, "this")] == [second.made["key"]], "it does not know who it is")
    status = json.loads(second.tool.done("--json", "status"))
    check(status["council"] == kita.council.hex(), f"it is another council's: {status}")
    return second


def people(tool, second):
    """Who is entered at one is at the other, to be bound to a user there."""
    tool.done("body", "add", "--name-ja", "札幌市", "--name-en", "Sapporo")
    tool.done("person", "add", "佐藤", "--body", "Sapporo", "--role", "analyst")
    federation.poll(lambda: "佐藤" in second.tool.run("person", "ls").stdout.decode(), 60, second.log_tail)
    check(second.tool.run("submit", "x.kairan-e2e.jp", "--label", "clear", "-y").returncode == 2, "an operator without a role submits")
    second.tool.done("person", "bind", "佐藤", "--user", str(os.getuid()))
    check(json.loads(second.tool.done("--json", "whoami"))["name"] == "佐藤", "who is bound at the second is not that person")
    federation.poll(lambda: second_binding(tool), 60, "the first does not hear of the binding")
    tool.done("person", "bind", "佐藤", "--user", str(os.getuid()))


def second_binding(tool):
    return [person for person in lines(tool.done("--json", "person", "ls")) if person["name"] == "佐藤"]


def confirmed_once(tool, second, other, directory, passphrase):
    """The peer has another root key: both nodes ask, and what is compared at one is not asked at the other."""
    _, paper = recover.take_off(other, directory, passphrase)
    said = lines(other.done("--json", "root", "recover", "--paper", "-", "--to", directory, "--passphrase-file", passphrase, "-y",
                            given=paper.encode()))
    new_root = said[0]["root_key"]
    for node in (tool, second.tool):
        federation.poll(lambda node=node: recover.root_of(node, "Minami") == new_root, 60, "the nodes know the new root key")
        federation.poll(lambda node=node: [alarm["alarm"] for alarm in recover.alarms(node)] == ["root key"], 20, "and are alarmed")
    tool.done("peer", "confirm-root", "Minami", new_root[:20])
    federation.poll(lambda: not recover.alarms(second.tool), 60, second.log_tail)
    second.tool.refused("no link", "peer", "confirm-root", "Minami", new_root[:20])
    second.tool.done("submit", "compared.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
    everywhere([tool, second.tool, other], "compared.kairan-e2e.jp", "after the root key was compared at the other node")


@federation.in_directory
def serving(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        passphrase = os.path.join(directory, "passphrase")
        with open(os.open(passphrase, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("on the stick\n")
        path = json.loads(tool.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
        tool.done("root", "forget", "--root", path, "--passphrase-file", passphrase)
        with_root = ("--root", path, "--root-passphrase-file", passphrase)
        mistakes(options, made, directory)
        tool.done("submit", "early.kairan-e2e.jp", "--label", "green", "-y")
        other.done("submit", "forkita.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        second = asking(options, made, directory, with_root)
        everywhere([second.tool], "early.kairan-e2e.jp", "what was there before")
        everywhere([second.tool], "forkita.kairan-e2e.jp", "what is sealed to the council")
        # The peer has both, and did nothing.
        federation.poll(lambda: len([peer for peer in lines(other.done("--json", "peers")) if peer["state"] == "online"]) == 2, 60,
                        lambda: other.done("peers") + second.log_tail())
        rows = [peer["transport_key"][:16] for peer in lines(other.done("--json", "peers"))]
        check(len(set(rows)) == 2 and all(row in other.done("peers") for row in rows), "peers does not say which node is which")
        all_three = [tool, second.tool, other]
        second.tool.done("submit", "second.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
        tool.done("submit", "first.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
        other.done("submit", "peer.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        for value in ("second", "first", "peer"):
            everywhere(all_three, f"{value}.kairan-e2e.jp", "what is new")
        people(tool, second)
        for one in (tool, second.tool):  # each other's keys are on the card, and no fault
            found = lines(one.run("--json", "doctor").stdout)
            check([line["level"] for line in found if line["check"] == "node-key"] == ["good"], f"doctor of the node keys: {found}")
            check([line["level"] for line in found if line["check"] in ("map", "reader")] == ["good"], f"doctor of the map: {found}")
        # A pause said at one goes for both.
        second.tool.done("peer", "pause", "Minami")
        federation.poll(lambda: all(peer["state"] == "paused" for peer in lines(tool.done("--json", "peers"))), 60, "the other does not pause")
        tool.done("peer", "resume", "Minami")
        federation.poll(lambda: len([peer for peer in lines(other.done("--json", "peers")) if peer["state"] == "online"]) == 2, 60,
                        lambda: other.done("peers"))
        confirmed_once(tool, second, other, directory, passphrase)
        # The first machine burns.
        tool.done("submit", "last.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
        everywhere(all_three, "last.kairan-e2e.jp", "what the first made last")
        lost = nodes(tool, "this")[0]["key"]
        kita.kill()
        shutil.rmtree(kita.directory)
        for value in ("early", "forkita", "second", "first", "peer", "last"):
            check(has(second.tool, f"{value}.kairan-e2e.jp"), f"{value} is lost")
        second.tool.done("submit", "goes-on.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
        other.done("submit", "answers.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        everywhere([second.tool, other], "goes-on.kairan-e2e.jp", "after the loss")
        everywhere([second.tool, other], "answers.kairan-e2e.jp", "after the loss")
        second.kill()
        second.start()
        second.tool.done("node", "revoke", lost[:16], "--since", "0s", *with_root)
        federation.poll(lambda: not nodes(second.tool, "other"), 60, "the lost node is one still")
        federation.poll(lambda: len(lines(other.done("--json", "peers"))) == 1, 60, lambda: other.done("peers"))
        for value in ("early", "first", "last", "goes-on"):
            check(has(other, f"{value}.kairan-e2e.jp") and has(second.tool, f"{value}.kairan-e2e.jp"), f"{value} is gone with its node's key")
        other.done("submit", "new-key.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        everywhere([second.tool, other], "new-key.kairan-e2e.jp", "sealed to the new key")
        check(not other.run("--json", "alarms").stdout, "the peer has an alarm")
        second.tool.done("verify")
        kita.process.wait()


@federation.in_directory
def refusing(options, directory):
    """Who is refused has nothing, and its ticket is void; who is revoked while it runs is cut."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        refused = Further(options, os.path.join(directory, "refused"), "refused", tool.done("node", "invite").strip())
        made.nodes.append(refused)
        federation.poll(lambda: nodes(tool, "asks"), 60, refused.log_tail)
        tool.done("node", "refuse", "refused")
        federation.poll(lambda: "does not admit this ticket" in refused.log_tail(), 90, refused.log_tail)
        check(not nodes(tool, "asks") and not nodes(tool, "other"), "who was refused is there")
        refused.stop()
        taken = Further(options, os.path.join(directory, "taken"), "taken", tool.done("node", "invite").strip())
        made.nodes.append(taken)
        federation.poll(lambda: nodes(tool, "asks"), 60, taken.log_tail)
        tool.done("node", "add", "taken")
        federation.poll(lambda: taken.tool.run("status").returncode == 0, 60, taken.log_tail)
        federation.poll(lambda: len(lines(other.done("--json", "peers"))) == 2, 60, lambda: other.done("peers"))
        tool.done("node", "revoke", taken.made["key"][:16], "--since", "0s")
        federation.poll(lambda: len(lines(other.done("--json", "peers"))) == 1, 60, lambda: other.done("peers"))
        other.done("submit", "secret.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        tool.done("submit", "also.kairan-e2e.jp", "--label", "green", "-y")
        everywhere([tool, other], "secret.kairan-e2e.jp", "after the revocation")
        everywhere([tool, other], "also.kairan-e2e.jp", "after the revocation")
        check(not has(taken.tool, "secret.kairan-e2e.jp") and not has(taken.tool, "also.kairan-e2e.jp"), "who is revoked gets records")


@contextlib.contextmanager
def silence(port):
    """Somebody who takes calls and says nothing."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        yield


def other_council(options, directory, port):
    """Another council's node, where one of ours was."""
    os.mkdir(directory, 0o700)
    node = federation.Node(options.kairand, directory, "Other")
    path = os.path.join(directory, "kairan.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(f":{node.port}", f":{port}"))
    node.start()
    return node


def known(machine):
    (listed,) = lines(machine.done("--json", "enrol", "ls"))
    return [(node["endpoint"].rpartition(":")[2], node["last"], node["state"]) for node in listed["nodes"]]


def turns(machine, word, port):
    """The next command reaches that node and says so in one line; the one after it goes there at once, without a word."""
    begin = time.monotonic()
    ended = machine.run("--json", "whoami")
    took, said = time.monotonic() - begin, ended.stderr.decode()
    check(ended.returncode == 0 and json.loads(ended.stdout)["name"] == "Sato", f"it does not go on: {said}")
    check(word in said and f"is used, tcp://127.0.0.1:{port}." in said and said.count("\n") == 1, f"it does not say which node it uses: {said!r}")
    ended = machine.run("--json", "whoami")
    check(ended.returncode == 0 and not ended.stderr, f"it does not remember who answered: {ended.stderr.decode()!r}")
    check(known(machine)[0][:2] == (str(port), True), f"who answered last is not listed first: {known(machine)}")
    print(f"another node was reached after {took:.1f} s ({word})")
    return took


def stopped_half_way(sato, directory, kita, turn):
    """A submission of many parts, stopped when the first of them is at the node and the last is not; None where all went too fast."""
    path, count = os.path.join(directory, f"much-{turn}.txt"), 150000
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"m{turn}-{i}.kairan-e2e.jp\n" for i in range(count))
    with open(path + ".said", "wb") as said:
        sending = subprocess.Popen(sato.command("submit", path, "--label", "clear", "--title", "Much", "-y"), stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=said, env=sato.environment, cwd="/")
    with kita.client() as client:
        federation.poll(lambda: client.found([f"m{turn}-0.kairan-e2e.jp"]), 60, "the first part is not there", pause_s=0)
        sending.send_signal(signal.SIGSTOP)
        if not client.found([f"m{turn}-{count - 1}.kairan-e2e.jp"]):
            return sending, f"m{turn}-{count - 1}.kairan-e2e.jp", path + ".said"
    sending.send_signal(signal.SIGCONT)
    check(sending.wait(timeout=60) == 0, "a submission from afar failed")
    return None


def in_the_middle(sato, directory, kita, second):
    """A node goes away while much is sent to it: the rest does not go to the other one, which knows nothing of what was sent already."""
    half = next(filter(None, (stopped_half_way(sato, directory, kita, turn) for turn in range(8))), None)
    check(half is not None, "each submission was done before the node could be killed")
    sending, last, path = half
    kita.kill()
    sending.send_signal(signal.SIGCONT)
    check(sending.wait(timeout=120) == 2, "what was cut off is done")
    with open(path, "rb") as said:
        check(b"is used" not in said.read(), "it has turned to the other node")
    check(not has(second.tool, last), "the rest has gone to the other node")
    kita.start()
    sato.done("whoami")


@federation.in_directory
def from_afar(options, directory):
    with federation.Federation(options.kairand, ["Kita"]) as made:
        kita = made.nodes[0]
        tool = Tool(options.kairan, kita.directory)
        tool.done("body", "add", "--name-en", "Sapporo")
        tool.done("person", "add", "Sato", "--body", "Sapporo", "--role", "analyst")
        sato, _ = remote.enrolled(options, made, tool, "Sato")
        check(known(sato) == [(str(kita.port), True, "listed")], f"one node is {known(sato)}")
        second = Further(options, os.path.join(directory, "second"), "zweite", tool.done("node", "invite").strip())
        made.nodes.append(second)
        federation.poll(lambda: nodes(tool, "asks"), 60, second.log_tail)
        tool.done("node", "add", "zweite")
        federation.poll(lambda: second.tool.run("person", "ls").stdout.decode().count("Sato") == 1, 60, second.log_tail)
        sato.done("submit", "before.kairan-e2e.jp", "--label", "clear", "-y")
        everywhere([second.tool], "before.kairan-e2e.jp", "what was submitted from afar")
        check([node[0] for node in known(sato)] == [str(kita.port), str(second.port)], f"it does not know of the second: {known(sato)}")
        in_the_middle(sato, directory, kita, second)
        # One node is gone: at once, and nobody has touched the machine.
        kita.kill()
        check(turns(sato, "nobody listens", second.port) < 15, "it takes long to leave a node that is gone")
        sato.done("submit", "after.kairan-e2e.jp", "--label", "clear", "-y")
        check(has(second.tool, "after.kairan-e2e.jp") and "before" in sato.done("lookup", "before.kairan-e2e.jp"), "it does not work there")
        second.kill()
        sato.refused("none of the council's nodes can be reached", "whoami")
        # Silent, another council's, and back.
        kita.start()
        turns(sato, "nobody listens", kita.port)
        kita.kill()
        second.start()
        with silence(kita.port):
            check(turns(sato, "does not answer", second.port) < 30, "it takes long to leave a node that says nothing")
        second.kill()
        other = other_council(options, os.path.join(directory, "other"), second.port)
        made.nodes.append(other)
        sato.refused("hung up", "whoami")
        kita.start()
        turns(sato, "hung up", kita.port)
        other.kill()
        # A node that was revoked, and shows the card of before: the machine has heard of it from the other one.
        second.start()
        federation.poll(lambda: [node for node in nodes(tool, "other") if node["online"]], 60, second.log_tail)
        second.kill()
        tool.done("node", "revoke", second.made["key"][:16], "--since", "0s")
        sato.done("whoami")
        check([node[2] for node in known(sato) if node[0] == str(second.port)] == ["ended"], f"it does not know that one is revoked: {known(sato)}")
        kita.kill()
        second.start()
        federation.poll(lambda: "does not prove to be your council's node" in sato.run("whoami").stderr.decode(), 30,
                        "a revoked node is believed")  # its key has a second more
        kita.start()
        sato.done("whoami")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, serving, refusing, from_afar))
