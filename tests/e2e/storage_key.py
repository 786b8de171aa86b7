#!/usr/bin/env python3
"""The storage key of a real node replaced: while it is written to and asked, killed in the middle, with backups before, in the middle
and afterwards; and an old copy of its store, in which the keyring of afterwards opens nothing, whatever was deleted since."""
import json
import os
import shutil
import subprocess
import sys
import threading

import federation
import wire
from backup import paper_of
from cli import Tool, has
from federation import check

STORAGE_ROTATE = 41
REPORTS = 2500
GONE = "the one before leaves the keyring"


def fill(node):
    """Many small reports, asked for a hundred at a time."""
    with node.client() as client:
        for first in range(0, REPORTS, 100):
            for serial in range(first, first + 100):
                indicators = [[wire.DOMAIN, f"n{serial}.kairan-e2e.jp".encode(), 0, 0, wire.NO_CONFIDENCE, 0, ""]]
                body = wire.pack([f"report {serial}", "", "en", indicators, ["", "", ""], b"", b"", [], [], 0, 1, 1, 0, 0])
                client.begin(wire.SUBMIT, [wire.token(), wire.REPORT, wire.CLEAR, b"", 0, 0, [], 0, "", body])
            for _ in range(100):
                frame = client.receive()
                check(frame[0] == wire.END, f"not stored: {frame}")


def storage(tool):
    return json.loads(tool.done("--json", "node", "storage"))


def finding(tool):
    return [line["level"] for line in map(json.loads, tool.run("--json", "doctor").stdout.splitlines()) if line["check"] == "storage-key"]


def times_done(node):
    with open(os.path.join(node.directory, "log"), encoding="utf-8", errors="replace") as file:
        return file.read().count(GONE)


def whole(node, tool):
    values = [f"n{serial}.kairan-e2e.jp" for serial in range(0, REPORTS, 97)]
    with node.client() as client:
        check(client.found(values) == set(values), "something is not found any more")
    check(tool.done("verify").strip().endswith("problems: 0"), "the store has problems")


def submit(tool, value):
    return json.loads(tool.done("--json", "submit", value, "--label", "clear", "-y"))["ids"][0]


def copy_node(node, to):
    shutil.copytree(node.directory, to, ignore=lambda _, names: [name for name in names if name.endswith(".sock") or name == "notify"])


def another(node, directory):
    made = federation.Node.__new__(federation.Node)
    made.__dict__.update(node.__dict__, directory=directory, path=os.path.join(directory, "kairand.sock"))
    return made


def under_load(node, tool):
    """What is asked and submitted meanwhile is as always."""
    stop, wrong, asked = threading.Event(), [], []

    def ask():
        with node.client() as client:
            while not stop.is_set():
                value = f"n{len(asked) % REPORTS}.kairan-e2e.jp"
                if client.found([value]) != {value}:
                    wrong.append(value)
                client.submit(wire.token(), wire.CLEAR, f"busy {len(asked)}", [f"busy{len(asked)}.kairan-e2e.jp"])
                asked.append(value)

    before = storage(tool)
    check(not before["under_way"] and before["from"], f"before: {before}")
    worker = threading.Thread(target=ask)
    worker.start()
    try:
        federation.poll(lambda: len(asked) > 3, 30, "the node works")
        told = json.loads(tool.done("--json", "node", "storage", "rotate"))
        check(told["under_way"] or told["from"] != before["from"], f"nothing began: {told}")
        tool.done("node", "storage", "rotate")  # once more: at most another one, never half of one
        federation.poll(lambda: not storage(tool)["under_way"], 120, lambda: f"the storage key is replaced: {storage(tool)}")
    finally:
        stop.set()
        worker.join()
    check(not wrong, f"not found meanwhile: {wrong[:5]}")
    check(has(tool, "busy0.kairan-e2e.jp") and len(asked) > 3, "what came meanwhile is not there")
    check(storage(tool)["from"] >= before["from"] and finding(tool) == ["good"], "doctor is not content")
    check(json.loads(tool.done("--json", "status"))["storage_key"] == storage(tool), "status tells something else")
    whole(node, tool)


def purged(node, tool, directory):
    """A copy of all of it; then a record is deleted, and the key replaced."""
    record = submit(tool, "purged.kairan-e2e.jp")
    node.stop()
    copy = os.path.join(directory, "copy")
    copy_node(node, copy)
    node.start()
    tool.done("retract", record, "--reason", "it named a victim", "-y")
    check(not has(tool, "purged.kairan-e2e.jp"), "what was taken back is found")
    done = times_done(node)
    tool.done("node", "storage", "rotate")
    federation.poll(lambda: times_done(node) > done and not storage(tool)["under_way"], 120, "the storage key is replaced")
    whole(node, tool)
    node.stop()

    thief = another(node, copy)
    thief.start()  # with the keyring of then it opens: that is what is to be prevented
    check(has(Tool(tool.kairan, copy), "purged.kairan-e2e.jp"), "the copy is not one of before")
    thief.stop()
    shutil.copy(os.path.join(node.directory, "keyring"), os.path.join(copy, "keyring"))
    ended = subprocess.run([node.kairand, "--state", copy], capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    check(ended.returncode != 0 and b"not made with the keys of this keyring" in ended.stderr, f"the old copy: {ended}")
    node.start()


def interrupted(node, tool, directory, paper):
    """Killed in the middle; backups of before, of the middle, and of afterwards, and the one of the middle restored."""
    chain, middle = os.path.join(directory, "chain"), os.path.join(directory, "middle")
    os.mkdir(chain)
    check(json.loads(tool.done("--json", "backup", "--to", chain))["kind"] == "full", "the first backup is not whole")
    for tries in range(20):
        done = times_done(node)
        with node.client() as client:
            client.call(STORAGE_ROTATE)
        node.kill()
        if times_done(node) == done:
            break
        check(tries < 19, "never caught in the middle")
        node.start()
    added = json.loads(tool.done("--json", "backup", "--to", chain))
    check(added["number"] == 1 and added["chain_broken"] is None, f"a backup of the middle: {added}")
    shutil.copytree(chain, middle)
    node.start()
    federation.poll(lambda: times_done(node) > done and not storage(tool)["under_way"], 120, "it goes on after the kill")
    whole(node, tool)
    late = submit(tool, "late.kairan-e2e.jp")
    check(json.loads(tool.done("--json", "backup", "--to", chain))["number"] == 2, "a backup of afterwards")
    node.stop()
    for name, source, has_late in (("of the middle", middle, False), ("of afterwards", chain, True)):
        there = os.path.join(directory, "there")
        tool.done("restore", source, "--to", there, "--paper", paper)
        restored, alone = another(node, there), Tool(tool.kairan, there)
        restored.start()
        try:
            alone.done("restore", "finish", "--force")
            federation.poll(lambda alone=alone: not storage(alone)["under_way"], 120, f"a restored backup {name} goes on")
            whole(restored, alone)
            check(has(alone, "late.kairan-e2e.jp") == has_late and (alone.run("show", late).returncode == 0) == has_late, name)
            submit(alone, "restored.kairan-e2e.jp")
        finally:
            restored.kill()
            shutil.rmtree(there)
    node.start()


@federation.in_directory
def run(options, directory):
    os.mkdir(os.path.join(directory, "alone"), 0o700)
    node = federation.Node(options.kairand, os.path.join(directory, "alone"), "Alone", "Alone")
    tool = Tool(options.kairan, node.directory)
    node.start()
    try:
        paper = paper_of(tool, directory)
        tool.refused("nonsense", "node", "storage", "nonsense")
        fill(node)
        under_load(node, tool)
        purged(node, tool, directory)
        interrupted(node, tool, directory, paper)
        check("storage key" in tool.done("node", "storage"), "nothing is told")
    finally:
        node.kill()


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
