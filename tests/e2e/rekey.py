#!/usr/bin/env python3
"""Keys that are due, and keys that were stolen: real nodes with new keys, while they run, with the root key on a stick, and from an older
copy of the keyring; a thief with a copy of a whole node, what it signs, dates back and takes back, and how all of it is undone."""
import copy
import json
import os
import shutil
import sys

import federation
from cli import Tool, has, lines, write
from federation import check


def keys(tool, sort="node"):
    return {key["key"]: key for key in lines(tool.done("--json", "node", "keys")) if key["sort"] == sort}


def in_use(tool, sort="node"):
    found = [key for key in keys(tool, sort).values() if key["state"] == "in use"]
    check(len(found) == 1, f"keys in use: {found}")
    return found[0]["key"]


def findings(tool, check_name):
    return [line["level"] for line in lines(tool.run("--json", "doctor").stdout.decode()) if line["check"] == check_name]


@federation.in_directory
def rotating(options, directory):
    """A new key, with the root key on a stick and the peer away; the keyring from before then; keys made and never signed."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        passphrase = write(os.path.join(directory, "passphrase"), "on the stick\n")
        path = json.loads(tool.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
        tool.done("root", "forget", "--root", path, "--passphrase-file", passphrase)
        with_root = ("--root", path, "--root-passphrase-file", passphrase)
        first, sealing = in_use(tool), in_use(tool, "sealing")
        old = os.path.join(directory, "keyring.old")
        shutil.copy2(os.path.join(kita.directory, "keyring"), old)
        check(findings(tool, "node-key") == ["good"], "a new node's key is not good")
        # Without the stick the keys wait, and are used for nothing.
        tool.refused("--root", "node", "rotate")
        check(in_use(tool) == first and "comes next" in [key["state"] for key in keys(tool).values()], "the new key does not wait")
        check(findings(tool, "node-key") == ["warning", "good"], "doctor does not say that a key waits")
        waiting = [key["key"] for key in keys(tool).values() if key["state"] == "comes next"]
        minami.stop()
        turned = json.loads(tool.done("--json", "node", "rotate", *with_root))
        check([turned["key"]] == waiting and turned["before"] == first and turned["before_until"], f"the keys turned: {turned}")
        check(in_use(tool) == turned["key"] and keys(tool)[first]["state"] == "replaced", "another key is in use")
        check(in_use(tool, "sealing") != sealing and sealing in keys(tool, "sealing"), "the sealing key did not turn")
        tool.done("submit", "turned.kairan-e2e.jp", "--label", "green", "-y")
        minami.start()
        federation.poll(lambda: has(other, "turned.kairan-e2e.jp"), 60, "who was away has what the new key signed")
        card = json.loads(other.done("--json", "council", "Kita"))["keys"]
        check(len(card["node"]) == 2, f"the card has {card}")
        other.done("submit", "sealed.kairan-e2e.jp", "--label", "amber", "--to", "Kita", "-y")
        federation.poll(lambda: has(tool, "sealed.kairan-e2e.jp"), 20, "what was sealed to the new key is read")
        kita.kill()
        kita.start()
        check(in_use(tool) == turned["key"], "after a restart another key is in use")
        # The keyring from before: accepted while the overlap lasts, and doctor says what to do about it.
        kita.stop()
        shutil.copy2(old, os.path.join(kita.directory, "keyring"))
        kita.start()
        check(in_use(tool) == first, "the old keyring has a new key")
        check(json.loads(tool.done("--json", "status"))["node_key_until"] == turned["before_until"], "status does not tell the end")
        tool.done("submit", "restored.kairan-e2e.jp", "--label", "green", "-y")
        federation.poll(lambda: has(other, "restored.kairan-e2e.jp"), 60, "what the old key signs meanwhile is accepted")
        again = json.loads(tool.done("--json", "node", "rotate", *with_root))
        check(again["before"] == first and again["key"] not in (first, turned["key"]), f"turned again: {again}")
        check(keys(tool)[turned["key"]]["state"] == "not here", "the key that is lost is not told of")
        tool.done("submit", "again.kairan-e2e.jp", "--label", "green", "-y")
        federation.poll(lambda: has(other, "again.kairan-e2e.jp"), 20, "what the third key signs is accepted")
        tool.refused("rotate", "node", "nonsense")
        # A revocation that is refused leaves what was planned as it is.
        planned = json.loads(tool.done("--json", "node", "rotate", "--at", "30d", *with_root))["key"]
        strange = os.path.join(directory, "strange")
        os.mkdir(strange)
        strange = json.loads(other.done("--json", "root", "export", "--to", strange, "--passphrase-file", passphrase))["file"]
        wrong = write(os.path.join(directory, "wrong"), "not on the stick\n")
        used = in_use(tool)
        tool.refused("--root", "node", "revoke", used[:16], "--since", "1h")
        tool.refused("in force", "node", "revoke", used[:16], "--since", "1h", "--root", strange, "--root-passphrase-file", passphrase)
        tool.refused("passphrase", "node", "revoke", used[:16], "--since", "1h", "--root", path, "--root-passphrase-file", wrong)
        check(keys(tool)[planned]["state"] == "comes next" and keys(tool)[planned]["turn"], f"the planned key is gone: {keys(tool)}")
        revoked = json.loads(tool.done("--json", "node", "revoke", used[:16], "--since", "1h", *with_root))
        check(revoked["replaced"] and in_use(tool) not in (used, planned), f"revoked: {revoked}, {keys(tool)}")


@federation.in_directory
def on_a_day(options, directory):
    """A new key for a day that is to come: told beforehand, put off, called off, and in use on that day without anybody doing anything."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        first, sealing = in_use(tool), in_use(tool, "sealing")
        tool.refused("within a year", "node", "rotate", "--at", "2020-01-01")
        tool.refused("--at takes a day", "node", "rotate", "--at", "tomorrow")
        tool.refused("one of the two", "node", "rotate", "--at", "30d", "--cancel")
        tool.refused("no replacement", "node", "rotate", "--cancel")
        planned = json.loads(tool.done("--json", "node", "rotate", "--at", "30d"))
        check(planned["before"] == first and planned["at"] and planned["before_until"] > planned["at"], f"planned: {planned}")
        check(in_use(tool) == first and keys(tool)[planned["key"]]["turn"] == planned["at"], f"keys: {keys(tool)}")
        check(json.loads(tool.done("--json", "status"))["node_key_next"] == {"key": planned["key"], "at": planned["at"], "here": True},
              "status does not tell of it")
        check(findings(tool, "node-key") == ["good", "good"], f"doctor: {findings(tool, 'node-key')}")
        check("turns to a new key" in tool.done("status") and "signs from" in tool.done("node", "keys"), "people are not told")
        federation.poll(lambda: len(json.loads(other.done("--json", "council", "Kita"))["keys"]["node"]) == 2, 30, "Minami knows beforehand")
        kita.kill()
        kita.start()
        check(in_use(tool) == first, "a restart before that day turns the key")
        tool.done("node", "rotate", "--cancel")
        check(in_use(tool) == first and keys(tool)[first]["until"] is None, "what was called off left an end")
        check(keys(tool)[planned["key"]]["state"] == "set aside" and findings(tool, "node-key") == ["good"], f"keys: {keys(tool)}")
        soon = json.loads(tool.done("--json", "node", "rotate", "--at", "3s"))
        check(soon["key"] == planned["key"], "another key is made")
        federation.poll(lambda: in_use(tool) == planned["key"], 30, "the key turns by itself")
        check(in_use(tool, "sealing") != sealing and sealing in keys(tool, "sealing"), "the sealing key did not turn")
        check(keys(tool)[first]["state"] == "replaced" and json.loads(tool.done("--json", "status"))["node_key_next"] is None, "it is still planned")
        tool.done("submit", "on-a-day.kairan-e2e.jp", "--label", "green", "-y")
        federation.poll(lambda: has(other, "on-a-day.kairan-e2e.jp"), 30, "what the new key signs is accepted")


def copy_of(node, directory):
    """The whole node, as who stole its disk has it."""
    shutil.copytree(node.directory, directory, ignore=lambda _, names: [n for n in names if n.endswith(".sock") or n == "notify"])
    thief = copy.copy(node)
    thief.directory, thief.path = directory, os.path.join(directory, "kairand.sock")
    return thief


def submit(tool, value):
    return json.loads(tool.done("--json", "submit", value, "--label", "clear", "-y"))["ids"][0]


def state(tool, record):
    ended = tool.run("--json", "show", record)
    return json.loads(ended.stdout)["taken_back"]["state"] if ended.returncode == 0 and json.loads(ended.stdout)["taken_back"] else None


def steal(options, made, directory, genuine):
    """While Kita is off and Nishi is away, somebody else is Kita: reports, also such that are dated back, and takes a genuine one back."""
    kita, minami, _ = made.nodes
    other = Tool(options.kairan, minami.directory)
    thief = copy_of(kita, os.path.join(directory, "thief"))
    tool = Tool(options.kairan, thief.directory)
    false = []
    for value, prefix in (("false.kairan-e2e.jp", ()),
                          ("dated-back.kairan-e2e.jp", ("env", "LD_PRELOAD=" + options.past, "KR_PAST_S=1800") if options.past else ())):
        thief.start(prefix)
        false.append(submit(tool, value))
        federation.poll(lambda value=value: has(other, value), 60, f"Minami believes {value}")
        if prefix:
            created = [line["created"] for line in lines(other.done("--json", "ls", "--limit", "100")) if line["id"] == false[-1]]
            check(created and created[0] < lines(other.done("--json", "show", genuine))[0]["created"], f"not dated back: {created}")
        elif len(false) == 1:  # once, where nothing can be dated back
            tool.done("retract", genuine, "--reason", "so says the thief", "-y")
            federation.poll(lambda: not has(other, "genuine.kairan-e2e.jp"), 60, "Minami obeys the retraction")
        thief.stop()
    return false


@federation.in_directory
def stolen(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami", "Nishi"]) as made:
        kita, minami, nishi = made.nodes
        tool, other, away = (Tool(options.kairan, node.directory) for node in made.nodes)
        key, sealing = in_use(tool), in_use(tool, "sealing")
        genuine, kept = submit(tool, "genuine.kairan-e2e.jp"), submit(tool, "kept.kairan-e2e.jp")
        federation.poll(lambda: has(away, "genuine.kairan-e2e.jp") and has(away, "kept.kairan-e2e.jp"), 60, "Nishi has what is genuine")
        nishi.stop()
        kita.stop()
        false = steal(options, made, directory, genuine)
        kita.start()
        federation.poll(lambda: all(has(tool, value) for value in ("false.kairan-e2e.jp", "dated-back.kairan-e2e.jp")), 60,
                        "Kita hears from Minami what it never signed")
        tool.refused("--since", "node", "revoke", key[:16])
        tool.refused("no node key", "node", "revoke", "00" * 8, "--since", "1h")
        tool.refused("eight", "node", "revoke", "zz", "--since", "1h")
        # What the thief signed while Kita was off might be Kita's own, from before a restore: it meets its peers first.
        federation.poll(lambda: json.loads(tool.run("--json", "status").stdout)["restored"] == "no", 60, "Kita has met its peers")
        revoked = json.loads(tool.done("--json", "node", "revoke", key[:16], "--since", "1h"))
        check(revoked["revoked"] == key and revoked["replaced"], f"revoked: {revoked}")
        check(in_use(tool) != key and in_use(tool, "sealing") != sealing, "the stolen keys are still in use")
        for one in (tool, other):
            federation.poll(lambda one=one: [state(one, record) for record in false] == ["false", "false"], 60,
                            lambda one=one: f"what the thief signed is called false: {[state(one, record) for record in false]}")
            check(not has(one, "false.kairan-e2e.jp") and not has(one, "dated-back.kairan-e2e.jp"), "what is false is found")
            check(has(one, "kept.kairan-e2e.jp") and state(one, kept) is None, "what is genuine is not found")
        check("FALSE" in other.done("show", false[0]), "show does not say to people that it is false")
        # Nishi was away: what was taken back falsely comes from there, and nothing false is believed there.
        nishi.start()
        for one in (away, other, tool):
            federation.poll(lambda one=one: has(one, "genuine.kairan-e2e.jp") and state(one, genuine) is None, 90,
                            "what the thief took back is back")
        check(not has(away, "false.kairan-e2e.jp") and not has(away, "dated-back.kairan-e2e.jp"), "Nishi believes the thief")
        submit(tool, "goes-on.kairan-e2e.jp")
        federation.poll(lambda: has(away, "goes-on.kairan-e2e.jp"), 60, "what the new key signs is everywhere")
        # The thief goes on, too; nobody listens.
        kita.stop()
        thief = copy.copy(kita)
        thief.directory = os.path.join(directory, "thief")
        thief.path = os.path.join(thief.directory, "kairand.sock")
        thief.start()
        Tool(options.kairan, thief.directory).run("submit", "still.kairan-e2e.jp", "--label", "clear", "-y")
        other.done("submit", "meanwhile.kairan-e2e.jp", "--label", "clear", "-y")
        federation.poll(lambda: has(away, "meanwhile.kairan-e2e.jp"), 60, "the others go on meanwhile")
        check(not has(other, "still.kairan-e2e.jp"), "a revoked key is believed")
        thief.stop()
        kita.start()
        federation.poll(lambda: has(tool, "meanwhile.kairan-e2e.jp"), 60, "Kita is back")


@federation.in_directory
def without_a_community(options, directory):
    """A council that shares nothing with Kita but the link hears of new keys and of stolen ones all the same."""
    with federation.Federation(options.kairand, ["Kita", "Higashi"], is_chain=False) as made:
        kita, higashi = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, higashi.directory)
        other.done("join", "--by-hand", json.loads(tool.done("--json", "invite", "--by-hand", "--link-only"))["ticket"])
        first = in_use(tool)
        tool.done("node", "rotate")
        genuine = submit(tool, "linked.kairan-e2e.jp")
        federation.poll(lambda: has(other, "linked.kairan-e2e.jp"), 60, "Higashi has what the new key signed")
        kita.stop()
        thief = copy_of(kita, os.path.join(directory, "second-thief"))
        thief.start()
        false = submit(Tool(options.kairan, thief.directory), "linked-false.kairan-e2e.jp")
        federation.poll(lambda: has(other, "linked-false.kairan-e2e.jp"), 60, "Higashi believes the thief")
        thief.stop()
        kita.start()
        federation.poll(lambda: has(tool, "linked-false.kairan-e2e.jp"), 60, "Kita hears of it")
        federation.poll(lambda: json.loads(tool.run("--json", "status").stdout)["restored"] == "no", 60, "Kita has met its peer")
        tool.done("node", "revoke", in_use(tool), "--since", "1h")
        federation.poll(lambda: state(other, false) == "false", 60, "Higashi hears of the stolen key")
        check(has(other, "linked.kairan-e2e.jp") and state(other, genuine) is None, "what is genuine is gone")
        # An older key, long replaced: the one in use stays.
        now = in_use(tool)
        tool.done("node", "revoke", first, "--since", "1h")
        check(in_use(tool) == now, "another key came into use")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, rotating, on_a_day, stolen, without_a_community, past={"help": "past.c, as a library"}))
