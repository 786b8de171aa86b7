#!/usr/bin/env python3
"""The root key was stolen, and lost: the paper makes another one. Linked councils confirm it, what the thief signed counts no more, and
what he goes on signing nobody takes; a node that is gone is restored by the same paper first."""
import copy
import json
import os
import shutil
import sys
import time

import federation
from cli import Tool, has, lines, write
from federation import check


def root_of(tool, *council):
    return json.loads(tool.done("--json", "council", *council))["root_key"]


def region(tool, *council):
    return json.loads(tool.done("--json", "council", *council))["region"]


def alarms(tool):
    ended = tool.run("--json", "alarms")
    return lines(ended.stdout.decode()) if ended.returncode == 0 else []


def take_off(tool, directory, passphrase):
    """Both keys off the node: what is on the stick, and what is on paper."""
    stick = json.loads(tool.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
    tool.done("root", "forget", "--root", stick, "--passphrase-file", passphrase)
    paper = "\n".join(json.loads(tool.done("--json", "root", "paper"))["lines"])
    tool.done("root", "forget", "--paper", "-", given=paper.encode())
    return stick, paper


def backup_key(node):
    with open(os.path.join(node.directory, "backup.key"), encoding="ascii") as file:
        return file.read()


def copy_of(node, directory):
    shutil.copytree(node.directory, directory, ignore=lambda _, names: [n for n in names if n.endswith(".sock") or n == "notify"])
    thief = copy.copy(node)
    thief.directory, thief.path = directory, os.path.join(directory, "kairand.sock")
    return thief


def mistakes(tool, other, directory, passphrase, paper, strange):
    """None of them changes anything."""
    before = root_of(tool)
    to = ("--to", directory, "--passphrase-file", passphrase, "-y")
    tool.refused("which paper", "root", "recover", "--to", directory)
    tool.refused("another council", "root", "recover", "--paper", "-", *to, given=strange.encode())
    tool.refused("missing", "root", "recover", "--paper", "-", *to, given="\n".join(paper.splitlines()[1:]).encode())
    tool.refused("not both", "root", "recover", "--paper", "-", "--keep-others", "--end-others", *to, given=paper.encode())
    tool.refused("--taken-over", "root", "recover", "--paper", "-", "--taken-over", *to, given=paper.encode())
    tool.refused("takes a span", "root", "recover", "--paper", "-", "--since", "spring", *to, given=paper.encode())
    tool.refused("never replaced", "root", "recover", "--finish")
    other.refused("no link", "peer", "confirm-root", "Kita")
    check(root_of(tool) == before, "a mistake changed the root key")


@federation.in_directory
def stolen(options, directory):
    with federation.Federation(options.kairand, ["Minami", "Kita", "Nishi"]) as made:
        minami, kita, nishi = made.nodes
        other, tool, third = (Tool(options.kairan, node.directory) for node in made.nodes)
        passphrase = write(os.path.join(directory, "passphrase"), "on the stick\n")
        _, strange = take_off(other, directory, passphrase)
        # The thief has what the stick has: a copy of the node from before the key was taken off.
        tool.done("submit", "before.kairan-e2e.jp", "--label", "green", "-y")
        federation.poll(lambda: has(other, "before.kairan-e2e.jp") and has(third, "before.kairan-e2e.jp"), 60, "all have the first report")
        kita.stop()
        thief = copy_of(kita, os.path.join(directory, "thief"))
        thiefs = Tool(options.kairan, thief.directory)
        kita.start()
        stick, paper = take_off(tool, directory, passphrase)
        mistakes(tool, other, directory, passphrase, paper, strange)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time()))
        time_before = time.time()
        federation.poll(lambda: time.time() >= time_before + 1.1, 5, "a second has gone")
        kita.stop()
        thief.start()
        thiefs.done("council", "set", "--region", "Thief")
        federation.poll(lambda: region(other, "Kita") == "Thief", 60, "Minami believes the thief")
        thief.stop()
        kita.start()
        federation.poll(lambda: region(tool) == "Thief", 60, "Kita hears what it never signed")
        old_root, old_backup = root_of(tool), backup_key(kita)
        said = lines(tool.done("--json", "root", "recover", "--paper", "-", "--to", directory, "--since", since, "--passphrase-file",
                               passphrase, "-y", given=paper.encode()))
        check(len(said) == 2 and said[0]["root_key"] == said[1]["replaced"] and len(said[0]["lines"]) == 5, f"recover says {said}")
        new_root = said[0]["root_key"]
        check(root_of(tool) == new_root != old_root and os.path.exists(said[0]["file"]), "the root key is not another one")
        check(backup_key(kita) != old_backup, "backups are still sealed to the former paper")
        shown = json.loads(tool.done("--json", "root"))
        check(shown == {"root_on_node": False, "recovery_on_node": False, "root_key": new_root}, f"root shows {shown}")
        # Peers follow, and hold the link until they have called.
        for peer in (other, third):
            federation.poll(lambda peer=peer: root_of(peer, "Kita") == new_root, 60, "peers know the new root key")
            federation.poll(lambda peer=peer: [alarm["alarm"] for alarm in alarms(peer)] == ["root key"], 20, "and are alarmed")
            check(json.loads(peer.done("--json", "status"))["alarms"] == 1, "status does not count the alarm")
        tool.done("submit", "clear.kairan-e2e.jp", "--label", "clear", "-y")
        tool.done("submit", "held.kairan-e2e.jp", "--label", "green", "-y")
        tool.done("submit", "sealed.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "-y")
        for peer in (other, third):
            federation.poll(lambda peer=peer: has(peer, "clear.kairan-e2e.jp"), 60, "TLP:CLEAR goes over a held link")
        check(not any(has(peer, value) for peer in (other, third) for value in ("held.kairan-e2e.jp", "sealed.kairan-e2e.jp")),
              "more than TLP:CLEAR went over a held link")
        other.refused("are not the first", "peer", "confirm-root", "Kita", old_root[:20])
        other.refused("are not the first", "peer", "confirm-root", "Kita", new_root[:12])
        other.refused("add the digits", "peer", "confirm-root", "Kita")
        groups = [new_root[i:i + 4] for i in range(0, 20, 4)]
        confirmed = json.loads(other.done("--json", "peer", "confirm-root", "Kita", *groups))
        check(confirmed["confirmed"] == new_root and not alarms(other), f"confirmed: {confirmed}")
        federation.poll(lambda: has(other, "held.kairan-e2e.jp") and has(other, "sealed.kairan-e2e.jp"), 60, "records flow again")
        check(not has(third, "held.kairan-e2e.jp"), "Nishi has not called, and was given a GREEN report")
        third.done("peer", "confirm-root", "Kita", new_root[:20].upper())
        federation.poll(lambda: has(third, "held.kairan-e2e.jp"), 60, "records flow to Nishi too")
        # The council's own word again, with the new stick; the old one and the old paper are of no use.
        with_new = ("--root", said[0]["file"], "--root-passphrase-file", passphrase)
        tool.run("council", "set", "--region", "West", "--root", stick, "--root-passphrase-file", passphrase)
        check(region(tool) == "Thief", "the old root key signs")
        tool.done("council", "set", "--region", "North", *with_new)
        federation.poll(lambda: region(other, "Kita") == "North" and region(third, "Kita") == "North", 60, "peers have the mended card")
        tool.refused("replaced by a later one", "root", "recover", "--paper", "-", "--to", directory, "--passphrase-file", passphrase, "-y",
                     given=paper.encode())
        tool.done("root", "recover", "--finish", "--since", since, "--root", said[0]["file"], "--passphrase-file", passphrase)
        # The thief goes on, where nobody can tell him, and then says so.
        for node in made.nodes:
            node.stop()
        thief.start()
        thiefs.done("council", "set", "--region", "Again")
        thiefs.done("council", "set", "--region", "And again")
        thief.stop()
        minami.start()
        nishi.start()
        thief.start()
        federation.poll(lambda: root_of(thiefs) == new_root, 60, "even the thief's node learns that its key is none")
        check(region(other, "Kita") == "North" and region(third, "Kita") == "North", "the thief's card was taken")
        check(not alarms(other), f"an alarm: {alarms(other)}")
        thief.stop()


@federation.in_directory
def gone(options, directory):
    """No stick, no machine: a backup and the paper."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        passphrase = write(os.path.join(directory, "gone"), "on the stick\n")
        _, paper = take_off(tool, directory, passphrase)
        at = write(os.path.join(directory, "paper"), paper + "\n")
        kept = os.path.join(directory, "backups")
        os.mkdir(kept, 0o700)
        tool.done("backup", "--to", kept)
        kita.stop()
        shutil.rmtree(kita.directory)
        nobody = Tool(options.kairan, os.path.join(directory, "nowhere"))
        nobody.done("restore", kept, "--to", kita.directory, "--paper", at)
        kita.start()
        federation.poll(lambda: json.loads(tool.run("--json", "status").stdout)["restored"] == "no", 60, "Kita has met its peer")
        said = lines(tool.done("--json", "root", "recover", "--paper", at, "--to", directory, "--passphrase-file", passphrase, "-y"))
        new_root = said[0]["root_key"]
        federation.poll(lambda: root_of(other, "Kita") == new_root, 60, "the peer knows the new root key")
        other.done("peer", "confirm-root", "Kita", new_root[:20])
        tool.done("submit", "goes-on.kairan-e2e.jp", "--label", "green", "-y")
        federation.poll(lambda: has(other, "goes-on.kairan-e2e.jp"), 60, "records flow again")
        # Backups from now on are for the new paper.
        again = os.path.join(directory, "again")
        os.mkdir(again, 0o700)
        tool.done("backup", "--to", again)
        new_paper = write(os.path.join(directory, "new-paper"), "\n".join(said[0]["lines"]) + "\n")
        nobody.done("backup", "verify", again, "--paper", new_paper)
        check(nobody.run("backup", "verify", again, "--paper", at).returncode == 2, "a new backup opens with the former paper")
        nobody.done("backup", "verify", kept, "--paper", at)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, stolen, gone))
