#!/usr/bin/env python3
"""Keys that are due: real nodes with new keys, while they run, with the root key on a stick, and from an older copy of the keyring."""
import argparse
import json
import os
import shutil
import sys
import tempfile

import federation
from cli import Tool
from federation import Failure, check


def write(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def keys(tool, sort="node"):
    return {key["key"]: key for key in lines(tool.done("--json", "node", "keys")) if key["sort"] == sort}


def in_use(tool, sort="node"):
    found = [key for key in keys(tool, sort).values() if key["state"] == "in use"]
    check(len(found) == 1, f"keys in use: {found}")
    return found[0]["key"]


def has(tool, value):
    return tool.run("lookup", value).returncode == 0


def findings(tool, check_name):
    return [line["level"] for line in lines(tool.run("--json", "doctor").stdout.decode()) if line["check"] == check_name]


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
        tool.refused("node rotate", "node", "nonsense")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--kairan", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kairan-e2e-rekey-") as directory:
        rotating(options, directory)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"rekey: {failure}")
