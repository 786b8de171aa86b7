#!/usr/bin/env python3
"""A community's bad year, with real nodes: founded by five councils, a sixth admitted by two vouches, one expelled, one node in a thief's
hands and revoked, one restored from an old backup, one disk lost with everything. At each step: who holds and reads what."""
import argparse
import json
import os
import shutil
import sys

import federation
from backup import paper_of
from community import Council, agree, reads
from federation import check, poll
from rekey import copy_of, in_use, state

FOUNDERS = ["Kita", "Minami", "Nishi", "Higashi", "Chuo"]
WITHIN_S = 90


def amber(author, reader, everybody, value):
    """To one council alone; a CLEAR record behind it has come to all, so that the others have had their chance."""
    author.done("submit", value, "--label", "amber", "--to", reader.name, "-y")
    behind = "behind." + value
    author.done("submit", behind, "--label", "clear", "-y")
    for council in everybody:
        poll(lambda council=council: council.finds(behind), WITHIN_S, f"{council.name} has {behind}", 0.05)
    poll(lambda: reader.finds(value), WITHIN_S, f"{reader.name} has {value}", 0.05)
    for council in everybody:
        check(council.finds(value) == (council in (author, reader)), f"{council.name} and {value}, which is for {reader.name}")


def green(author, value):
    return json.loads(author.done("--json", "submit", value, "--label", "green", "--community", "Kinki", "-y"))["ids"][0]


def all_find(councils, value):
    for council in councils:
        poll(lambda council=council: council.finds(value), WITHIN_S, f"{council.name} has {value}", 0.05)


def found(councils):
    kita, minami, nishi, higashi, chuo, naka = councils
    for other in (minami, nishi, higashi, chuo):
        kita.link(other, "--link-only")
    nishi.link(minami, "--link-only")
    nishi.link(higashi, "--link-only")
    minami.link(naka, "--link-only")
    kita.done("community", "create", "Kinki", *[word for name in FOUNDERS[1:] for word in ("--founder", name)], "--vouches", "2",
              "--quorum", "3")
    poll(lambda: all(b"Kinki" in council.run("community", "ls").stdout for council in councils[:5]), WITHIN_S, "founded", 0.1)
    states = {name: "member" for name in FOUNDERS}
    agree(councils[:5], states, "founded")
    past = reads(kita, councils[:5], set(FOUNDERS))
    amber(kita, higashi, councils[:5], "first-amber.example")
    return states, past


def admit(councils, states, past):
    _, _, nishi, _, _, naka = councils
    steps = nishi.link(naka, "--community", "Kinki")
    check(steps[-1]["step"] == "candidate" and steps[-1]["missing"] == 1, f"one vouch of two, and the join says {steps[-1]}")
    reads(nishi, councils, set(FOUNDERS))  # its candidate takes CLEAR of the members: it has the directory
    check(not naka.finds(past), "a candidate reads GREEN")
    councils[3].say("vouch", "Naka")
    states = dict(states, Naka="member")
    agree(councils, states, "the sixth is in")
    all_find([naka], past)
    reads(naka, councils, set(states))
    return states


def expel(councils, states):
    kita, minami, nishi, _, chuo, _ = councils
    kept = green(chuo, "before-expulsion.example")
    all_find(councils, "before-expulsion.example")
    for council in (kita, minami):
        council.say("expel", "Chuo", "--reason", "passes GREEN on", "-y", *(("--community", "Kinki") if council is kita else ()))
    reads(nishi, councils, set(states))  # two of three: nothing yet
    nishi.say("expel", "Chuo", "--reason", "it does", "-y")
    states = dict(states, Chuo="expelled")
    agree(councils, states, "one is expelled")
    reads(nishi, councils, set(states) - {"Chuo"})
    check(chuo.finds("before-expulsion.example") and kita.finds("before-expulsion.example"), "what was there before is gone")
    chuo.refused("not a member", "submit", "after.example", "--label", "green", "--community", "Kinki", "-y")
    check(kita.run("show", kept).returncode == 0, "what it wrote as a member is gone")
    return states


def compromise(councils, directory):
    """Higashi's disk is copied; the thief is Higashi while that is off, and Nishi is away: what the thief takes back is left there alone."""
    nishi, higashi = councils[2:4]
    honest, deceived = [council for council in councils if council.name not in ("Higashi", "Chuo")], [councils[i] for i in (0, 1, 5)]
    key, genuine = in_use(higashi), green(higashi, "genuine.example")
    all_find(honest, "genuine.example")
    higashi.node.stop()
    nishi.node.stop()
    thief_node = copy_of(higashi.node, os.path.join(directory, "thief"))
    thief = Council(argparse.Namespace(kairan=higashi.kairan), thief_node)
    thief_node.start()
    false = green(thief, "false.example")
    thief.done("retract", genuine, "--reason", "so says the thief", "-y")
    all_find(deceived, "false.example")
    for council in deceived:
        poll(lambda council=council: not council.finds("genuine.example"), WITHIN_S, f"{council.name} obeys the thief", 0.05)
    check(thief.finds("first-amber.example"), "the thief reads less than Higashi")
    thief_node.stop()
    higashi.node.start()
    poll(lambda: higashi.finds("false.example"), WITHIN_S, "Higashi hears of what it never signed", 0.05)
    higashi.refused("Nishi", "node", "revoke", key, "--since", "1h")  # what it never signed might be its own, from before a restore …
    higashi.done("restore", "finish", "--force")  # … and the operator knows better
    higashi.done("node", "revoke", key, "--since", "1h")
    for council in (higashi, *deceived):
        poll(lambda council=council: state(council, false) == "false", WITHIN_S, f"{council.name} knows that it is false", 0.1)
    nishi.node.start()
    for council in [higashi, *honest]:
        poll(lambda council=council: council.finds("genuine.example"), WITHIN_S, f"{council.name} has what is genuine again", 0.1)
        check(not council.finds("false.example"), f"{council.name} finds what is false")
    amber(councils[0], higashi, councils, "after-revocation.example")
    higashi.node.stop()
    thief_node.start()  # sealed to Higashi's new key, and told to no stolen one
    thief.run("submit", "still.example", "--label", "clear", "-y")
    reads(councils[0], [council for council in councils if council is not higashi], {"Kita", "Minami", "Nishi", "Naka"})
    check(not any(council.finds("still.example") for council in honest), "the thief is still believed")
    check(not thief.finds("after-revocation.example"), "the thief reads what was sealed after the revocation")
    thief_node.stop()
    higashi.node.start()
    return false


def restore(councils, saved, paper, false):
    """Nishi's disk is gone; the backup is from before the theft."""
    kita, nishi = councils[0], councils[2]
    nishi.node.kill()
    shutil.rmtree(nishi.node.directory)
    nishi.done("restore", saved, "--to", nishi.node.directory, "--paper", paper)
    kita.node.stop()
    nishi.node.start()
    nishi.refused("it waits for", "submit", "too-early.example", "--label", "green", "--community", "Kinki", "-y")
    kita.node.start()
    poll(lambda: nishi.run("restore", "finish").returncode == 0, WITHIN_S, "Nishi has met its peers", 0.1)
    check(not nishi.finds("false.example") and nishi.run("show", false).returncode == 2, "Nishi believes the thief, by its old backup")
    for value in ("genuine.example", "before-expulsion.example"):
        check(nishi.finds(value), f"Nishi lacks {value}")
    reads(nishi, councils, {"Kita", "Minami", "Nishi", "Higashi", "Naka"})
    for council in councils:
        check(json.loads(council.run("--json", "status").stdout)["alarms"] == 0, f"{council.name} has an alarm")


def lose(options, made, councils, states, past):
    """Minami's disk with everything on it, and no backup anywhere: a council of a new id, invited anew, and the old one expelled."""
    kita, minami, nishi, higashi, _, naka = councils
    others = [kita, nishi, higashi, naka]
    amber(kita, minami, councils, "for-minami.example")
    minami.node.kill()
    shutil.rmtree(minami.node.directory)
    os.mkdir(os.path.join(made.root, "anew"), 0o700)
    node = federation.Node(options.kairand, os.path.join(made.root, "anew"), "Minami anew")
    made.nodes.append(node)
    node.start()
    anew = Council(options, node)
    for council in (kita, nishi, naka):
        council.done("peer", "remove", "Minami", "-y")
    for council in (kita, nishi, higashi):
        council.say("expel", "Minami", "--reason", "its disk is lost, with its key", "-y", *(("--community", "Kinki") if council is kita else ()))
    kita.link(anew, "--community", "Kinki")
    nishi.say("vouch", "Minami anew")
    states = dict(states, Minami="expelled", **{"Minami anew": "member"})
    agree([*others, anew], states, "anew, under another id")
    all_find([anew], past)
    reads(kita, [*others, anew], {"Kita", "Nishi", "Higashi", "Naka", "Minami anew"})
    check(not anew.finds("for-minami.example"), "what was sealed to the lost key is read with another")
    amber(kita, anew, [*others, anew], "for-minami-anew.example")


@federation.in_directory
def run(options, directory):
    with federation.Federation(options.kairand, [*FOUNDERS, "Naka"], is_chain=False) as made:
        councils = [Council(options, node) for node in made.nodes]
        states, past = found(councils)
        states = admit(councils, states, past)
        states = expel(councils, states)
        paper, saved = paper_of(councils[2], directory), os.path.join(directory, "saved")
        os.mkdir(saved, 0o700)
        councils[2].done("backup", "--to", saved)
        false = compromise(councils, directory)
        restore(councils, saved, paper, false)
        lose(options, made, councils, states, past)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
