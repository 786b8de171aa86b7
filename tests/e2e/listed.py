#!/usr/bin/env python3
"""Bodies that agreed to being named, with real nodes: Kita is in one community with Minami and in another with Nishi. Names are shown to
those alone who share a community with the body's council, follow the card, and go when the agreement does; persons are never named."""
import json
import os
import sys

import federation
from cli import Tool
from federation import check, poll

WITHIN_S = 40


class Council(Tool):
    def __init__(self, options, node):
        super().__init__(options.kairan, node.directory)
        self.name, self.node = node.name, node

    def link(self, other, *options):
        ticket = json.loads(self.done("--json", "invite", "--by-hand", *options))["ticket"]
        other.done("join", "--by-hand", ticket)

    def told(self, *options):
        ended = self.run("--json", "body", "ls", "--listed", *options)
        check(ended.returncode in (0, 1), f"{self.name}: {ended.stderr}")
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def names(self, *options):
        return {(body["council_name"], body["name_ja"] or body["name_en"], tuple(sorted(body["communities"]))) for body in
                self.told(*options)}


def agree(expected, what):
    def differs():
        return {council.name: council.names() for council, names in expected if council.names() != names}
    poll(lambda: not differs(), WITHIN_S, lambda: f"{what}: {differs()}", 0.1)


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami", "Nishi"], is_chain=False) as made:
        kita, minami, nishi = (Council(options, node) for node in made.nodes)
        kita.link(minami)
        kita.link(nishi, "--link-only")
        kita.done("community", "create", "Kinki", "--founder", "Nishi", "--vouches", "1", "--quorum", "2")
        poll(lambda: b"Kinki" in nishi.run("community", "ls").stdout, WITHIN_S, "Nishi knows Kinki", 0.1)

        # Nothing is told of who did not agree.
        check(minami.run("body", "ls", "--listed").returncode == 1, "a body is named from the beginning")
        kita.done("body", "add", "--name-ja", "小樽市")
        said = kita.done("body", "add", "--name-ja", "札幌市", "--name-en", "Sapporo City", "--contact-name", "Tanaka Jiro", "--listed")
        check("ls --listed" in said, f"nobody is told what that means: {said!r}")
        minami.done("body", "add", "--name-ja", "神戸市", "--listed")
        kita.done("person", "add", "Sato Taro", "--body", "札幌市", "--role", "analyst")
        kobe = ("Minami", "神戸市", ("Test",))
        agree([(kita, {("Kita", "札幌市", ("Kinki", "Test")), kobe}), (minami, {("Kita", "札幌市", ("Test",)), kobe}),
               (nishi, {("Kita", "札幌市", ("Kinki",))})], "both have agreed")
        told = nishi.told("--council", "Kita")[0]
        check(told["name_en"] == "Sapporo City" and not told["self"] and told["since"].endswith("Z"), f"Nishi is told {told}")
        check(set(told) == {"body", "name_ja", "name_en", "council", "council_name", "self", "since", "communities"}, f"more is told: {told}")
        own = json.loads(kita.done("--json", "body", "ls").splitlines()[0])
        check({json.loads(line)["body"] for line in kita.done("--json", "body", "ls").splitlines()} >= {told["body"]}, f"another id: {own}")
        check(minami.told("--council", "Minami")[0]["self"], "one's own are not shown to oneself")
        nishi.refused("no council of this name", "body", "ls", "--council", "Minami")
        nishi.refused("--council", "body", "set", "x", "--council", "Kita", "--listed")
        text = nishi.done("body", "ls", "--listed")
        check("札幌市" in text or "Sapporo City" in text, f"as text: {text!r}")

        # No list, no export of records has it; nothing of persons or contacts is anywhere.
        for council in (minami, nishi):
            everything = council.run("--json", "ls").stdout + council.run("export", "--format", "stix").stdout + council.run("--json", "body", "ls", "--listed").stdout
            for word in ("Sato", "Tanaka", "小樽"):
                check(word.encode() not in everything, f"{council.name} has {word}")
            check(b"body notice" not in council.run("--json", "ls").stdout, f"{council.name} lists it among records")

        # It follows the card, through a restart of who hears of it and of who tells it.
        nishi.node.stop()
        kita.done("body", "set", "札幌市", "--name-ja", "新札幌市")
        kita.node.kill()
        kita.node.start()
        nishi.node.start()
        agree([(kita, {("Kita", "新札幌市", ("Kinki", "Test")), kobe}), (minami, {("Kita", "新札幌市", ("Test",)), kobe}),
               (nishi, {("Kita", "新札幌市", ("Kinki",))})], "it has another name")

        # The body agrees no more; another is suspended; and who leaves a community is named there no more.
        kita.refused("direction", "body", "set", "小樽市", "--name-en", "\u202egnp", "--listed")
        kita.done("body", "set", "新札幌市", "--unlisted")
        kita.done("body", "set", "小樽市", "--listed")
        agree([(kita, {("Kita", "小樽市", ("Kinki", "Test")), kobe}), (minami, {("Kita", "小樽市", ("Test",)), kobe}),
               (nishi, {("Kita", "小樽市", ("Kinki",))})], "one has agreed, the other agrees no more")
        minami.done("body", "suspend", "神戸市")
        agree([(kita, {("Kita", "小樽市", ("Kinki", "Test"))}), (minami, {("Kita", "小樽市", ("Test",))})], "it is suspended")
        minami.done("body", "resume", "神戸市")
        kita.done("community", "leave", "Kinki", "--reason", "no staff", "-y")
        agree([(kita, {("Kita", "小樽市", ("Test",)), kobe}), (minami, {("Kita", "小樽市", ("Test",)), kobe}), (nishi, set())], "Kita has left")
        check(nishi.run("body", "ls", "--listed").returncode == 1, "there is none, and the exit status says otherwise")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
