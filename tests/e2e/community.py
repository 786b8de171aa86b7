#!/usr/bin/env python3
"""A community from its founding to its quarrels, with real nodes: three founders and k = 2, one admitted by two vouches and another by way
of it, a vouch withdrawn, a member and a founder expelled, one that leaves and comes back. At each step: who gets GREEN."""
import itertools
import json
import os
import sys

import federation
from cli import Tool, lines
from federation import check, poll

WITHIN_S = 40
numbers = itertools.count(1)


class Council(Tool):
    def __init__(self, options, node):
        super().__init__(options.kairan, node.directory)
        self.name, self.node, self.root = node.name, node, ()

    def link(self, other, *options):
        """Steps of the other's join."""
        ticket = json.loads(self.done("--json", "invite", "--by-hand", *options))["ticket"]
        return lines(other.done("--json", "join", "--by-hand", ticket))

    def states(self, community="Kinki"):
        shown = lines(self.done("--json", "community", "show", community))
        return {line["name"]: line["state"] for line in shown if "council" in line}

    def why(self, council, community="Kinki"):
        shown = lines(self.done("--json", "community", "why", council, "--community", community))
        return shown[:-1], shown[-1]

    def finds(self, value):
        return self.run("lookup", value).returncode == 0

    def say(self, *words):
        self.done(*words, *self.root)


def agree(councils, expected, what):
    """Until all say so of all."""
    def differs():
        return {council.name: council.states() for council in councils if council.states() != expected}
    poll(lambda: not differs(), WITHIN_S, lambda: f"{what}: not all say {expected}, but {differs()}", 0.1)


def reads(author, councils, members):
    """GREEN of that author comes to those alone; CLEAR, sent behind it, to all."""
    number = next(numbers)
    green, clear = f"green{number}.example", f"clear{number}.example"
    author.done("submit", "-", "--label", "green", "--community", "Kinki", "-y", given=green.encode())
    author.done("submit", "-", "--label", "clear", "-y", given=clear.encode())
    for council in councils:
        poll(lambda council=council: council.finds(clear), WITHIN_S, f"{council.name} has {clear}", 0.05)
        if council.name in members:
            poll(lambda council=council: council.finds(green), WITHIN_S, f"{council.name}, a member, has {green}", 0.05)
    for council in councils:
        check(council.finds(green) == (council.name in members), f"{council.name} has {green} and is no member, or lacks it")
    return green


def found(kita, minami, nishi, directory):
    text = os.path.join(directory, "charter.txt")
    with open(text, "w", encoding="utf-8") as file:
        file.write("We tell each other what we see.\n")
    create = ("community", "create", "Kinki", "--founder", "Minami", "--founder", "Nishi")
    kita.refused("--vouches", *create, "--quorum", "2")
    kita.refused("--quorum", *create, "--vouches", "2")
    kita.refused("nobody could ever join", *create, "--vouches", "4", "--quorum", "2")
    kita.refused("nobody could be expelled", *create, "--vouches", "2", "--quorum", "4")
    kita.refused("no council of this name", "community", "create", "Kinki", "--founder", "Nowhere", "--vouches", "1", "--quorum", "1")
    kita.refused("known here already", "community", "create", "Test", "--vouches", "1", "--quorum", "1")
    kita.refused("cannot read", *create, "--vouches", "2", "--quorum", "2", "--text", os.path.join(directory, "nowhere"))
    # One founder is away, and hears of it when it is back.
    nishi.node.stop()
    kita.done(*create, "--vouches", "2", "--quorum", "2", "--text", text)
    kita.refused("known here already", *create, "--vouches", "2", "--quorum", "2")
    nishi.node.start()
    founders = {"Kita": "member", "Minami": "member", "Nishi": "member"}
    poll(lambda: all(b"Kinki" in council.run("community", "ls").stdout for council in (minami, nishi)), WITHIN_S,
         "the founders know the community", 0.1)
    agree([kita, minami, nishi], founders, "founded")
    check("founded the community \"Kinki\" with this council among its founders" in minami.node.log_tail(), "the log says nothing")
    shown = minami.done("community", "show", "Kinki")
    check("We tell each other" in shown and "vouches needed 2, quorum 2" in shown, f"show says {shown!r}")
    return founders


def admit(kita, minami, nishi, higashi, states, everybody):
    steps = kita.link(higashi, "--community", "Kinki")
    check(steps[-1]["step"] == "candidate" and steps[-1]["missing"] == 1, f"the join ended with {steps[-1]}")
    states = dict(states, Higashi="candidate")
    agree([kita, minami, nishi, higashi], states, "invited")
    words, verdict = higashi.why("Higashi")
    check(len(words) == 1 and words[0]["from_name"] == "Kita" and words[0]["counts"], f"why says {words}")
    check(verdict["state"] == "candidate" and verdict["vouches"] == 1 and verdict["vouches_needed"] == 2, f"why says {verdict}")
    check("missing: 1" in nishi.done("community", "why", "Higashi"), "why does not say what is missing")
    before = reads(kita, everybody, {"Kita", "Minami", "Nishi"})
    higashi.refused("not a member", "vouch", "Nishi", "--community", "Kinki")
    higashi.refused("not a member", "submit", "-", "--label", "green", "--community", "Kinki", "-y", given=b"early.example")
    minami.refused("takes no part", "vouch", "Naka")
    minami.refused("vouch for itself", "vouch", "Minami")
    minami.say("vouch", "Higashi", "--reason", "met in Osaka")
    minami.refused("vouches for it already", "vouch", "Higashi")
    states = dict(states, Higashi="member")
    agree([kita, minami, nishi, higashi], states, "vouched for twice")
    poll(lambda: higashi.finds(before), WITHIN_S, "a new member has what came before it", 0.05)
    reads(kita, everybody, {"Kita", "Minami", "Nishi", "Higashi"})
    check("\"Kinki\"" in higashi.node.log_tail() and "now a member" in higashi.node.log_tail(), "the log does not say: a member")
    words, _ = nishi.why("Higashi")
    check({(word["from_name"], word["reason"]) for word in words} == {("Kita", ""), ("Minami", "met in Osaka")}, f"why says {words}")
    return states


@federation.in_directory
def run(options, directory):
    with federation.Federation(options.kairand, ["Kita", "Minami", "Nishi", "Higashi", "Naka"], is_chain=False) as made:
        councils = [Council(options, node) for node in made.nodes]
        kita, minami, nishi, higashi, naka = councils
        check(kita.link(minami, "--link-only")[-1]["step"] == "linked", "no link")
        kita.link(nishi, "--link-only")
        minami.link(naka, "--link-only")
        states = found(kita, minami, nishi, directory)
        reads(kita, [kita, minami, nishi], {"Kita", "Minami", "Nishi"})
        # Kita is in another community, too: nothing of that comes here.
        kita.done("submit", "-", "--label", "green", "--community", "Test", "-y", given=b"other.example")
        minami.refused("in no community of this name", "submit", "-", "--label", "green", "--community", "Test", "-y",
                       given=b"other2.example")
        states = admit(kita, minami, nishi, higashi, states, councils[:4])

        # By way of Higashi comes another, and the root key of Minami is on a stick from now on.
        check(higashi.link(naka, "--community", "Kinki")[-1]["step"] == "candidate", "Naka is more than a candidate")
        poll(lambda: kita.states().get("Naka") == "candidate", WITHIN_S, "Kita knows Naka", 0.1)
        kita.say("vouch", "Naka", "--community", "Kinki")
        states = dict(states, Naka="member")
        agree(councils, states, "the second way in")
        words, _ = minami.why("Naka")
        check({(word["from_name"], word["to_name"]) for word in words} ==
              {("Higashi", "Naka"), ("Kita", "Naka"), ("Kita", "Higashi"), ("Minami", "Higashi")}, f"the chain is {words}")
        passphrase = os.path.join(directory, "passphrase")
        with open(os.open(passphrase, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write("on the stick\n")
        stick = json.loads(minami.done("--json", "root", "export", "--to", directory, "--passphrase-file", passphrase))["file"]
        minami.done("root", "forget", "--root", stick, "--passphrase-file", passphrase)
        minami.refused("--root", "unvouch", "Higashi", "--reason", "no answer")
        minami.root = ("--root", stick, "--root-passphrase-file", passphrase)

        # A vouch is withdrawn: Higashi goes, and Naka, who stood on it. It is given again: both are back.
        minami.refused("--reason", "unvouch", "Higashi")
        minami.say("unvouch", "Higashi", "--reason", "no answer since May")
        gone = dict(states, Higashi="former member", Naka="former member")
        agree(councils, gone, "a vouch was withdrawn")
        words, verdict = kita.why("Higashi")
        check([word["reason"] for word in words if word["withdrawn"]] == ["no answer since May"], f"why says {words}")
        missed = reads(kita, councils, {"Kita", "Minami", "Nishi"})
        check("no longer a member" in higashi.node.log_tail(), "the log does not say: no member")
        minami.say("vouch", "Higashi")
        agree(councils, states, "the vouch was given again")
        for council in (higashi, naka):
            poll(lambda council=council: council.finds(missed), WITHIN_S, f"{council.name} has what it missed", 0.05)

        # A member is expelled by two; who vouches for it does not matter. Naka stays, once another vouches for it.
        kita.refused("--reason", "expel", "Higashi", "--community", "Kinki")
        kita.refused("-y", "expel", "Higashi", "--reason", "leaks", "--community", "Kinki")
        kita.refused("your own council", "expel", "Kita", "--reason", "x", "-y", "--community", "Kinki")
        kita.say("expel", "Higashi", "--reason", "leaks", "-y", "--community", "Kinki")
        reads(kita, councils, {"Kita", "Minami", "Nishi", "Higashi", "Naka"})
        nishi.say("expel", "Higashi", "--reason", "it does", "-y")
        states = dict(states, Higashi="expelled", Naka="former member")
        agree(councils, states, "a member was expelled")
        minami.say("vouch", "Naka")
        states = dict(states, Naka="member")
        agree(councils, states, "vouched for by others")
        reads(kita, councils, {"Kita", "Minami", "Nishi", "Naka"})
        words, verdict = higashi.why("Higashi")
        check(verdict["state"] == "expelled" and verdict["expulsions"] == 2, f"why says {verdict}")
        check({word["reason"] for word in words if word["says"] == "expulsion"} == {"leaks", "it does"}, f"why says {words}")

        # A founder, too. It takes back what it said, which makes no difference while Kita and Minami stand by theirs.
        kita.say("expel", "Nishi", "--reason", "taken over", "-y", "--community", "Kinki")
        minami.say("expel", "Nishi", "--reason", "taken over", "-y")
        agree(councils, dict(states, Nishi="expelled"), "a founder was expelled")
        reads(kita, councils, {"Kita", "Minami", "Naka"})
        minami.say("expel", "Nishi", "--withdraw")
        agree(councils, states, "its expulsion was withdrawn")

        # Naka leaves, and is back.
        naka.refused("-y", "community", "leave", "Kinki")
        naka.say("community", "leave", "Kinki", "--reason", "no staff", "-y")
        agree(councils, dict(states, Naka="left"), "one has left")
        reads(kita, councils, {"Kita", "Minami", "Nishi"})
        naka.refused("not a member", "vouch", "Higashi", "--community", "Kinki")
        naka.say("community", "leave", "Kinki", "--withdraw")
        agree(councils, states, "it came back")

        # All of it is in the store, and nothing has come across from the other community.
        for node in made.nodes:
            node.kill()
        for node in made.nodes:
            node.start()
        agree(councils, states, "started anew")
        reads(kita, councils, {"Kita", "Minami", "Nishi", "Naka"})
        check(kita.finds("other.example"), "Kita lacks its own record")
        check(not any(council.finds("other.example") for council in councils[1:]), "GREEN has crossed communities")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
