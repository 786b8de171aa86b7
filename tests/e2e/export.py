#!/usr/bin/env python3
"""What leaves Kairan for other defences: what the label allows and nothing else, whole files, untouched where nothing has changed, and with
--watch up to date at once, also when something is taken back and when the node was away."""
import csv
import io
import json
import os
import signal
import subprocess
import sys

import federation
from cli import Tool
from federation import check, poll

WITHIN_S = 60.0


def read(*path):
    try:
        with open(os.path.join(*path), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def values(text):
    return [line for line in text.splitlines() if line and line[0] not in "#;"]


def submit(tool, text, *options):
    return json.loads(tool.done("--json", "submit", text, "-y", *options))["ids"][0]


def exported(tool, *options):
    """{value: object} of export json."""
    document = json.loads(tool.done("export", "json", *options))
    check(document["count"] == len(document["indicators"]), f"count is not the number of indicators: {document['count']}")
    return {item["value"]: item for item in document["indicators"]}


def what_may_leave(ours, theirs):
    submit(ours, "clear.kairan-e2e.jp\n203.0.113.7:8443", "--label", "clear")
    submit(ours, "green.kairan-e2e.jp\nclear.kairan-e2e.jp", "--label", "green")
    submit(ours, "amber.kairan-e2e.jp", "--label", "amber", "--to", "Minami")
    submit(ours, "drill.kairan-e2e.jp", "--label", "green", "--exercise")
    submit(theirs, "clear.kairan-e2e.jp", "--label", "clear")
    for tool in (ours, theirs):
        poll(lambda tool=tool: len(exported(tool)) == 4 and exported(tool)["clear.kairan-e2e.jp"]["councils"] == 2, WITHIN_S,
             "not all that was submitted can be exported")
    found = exported(theirs)
    check(set(found) == {"clear.kairan-e2e.jp", "green.kairan-e2e.jp", "amber.kairan-e2e.jp", "203.0.113.7:8443"}, f"exported: {set(found)}")
    check(found["clear.kairan-e2e.jp"]["label"] == "TLP:GREEN" and found["amber.kairan-e2e.jp"]["label"] == "TLP:AMBER", f"labels: {found}")
    check(len(found["clear.kairan-e2e.jp"]["records"]) == 3, f"records: {found['clear.kairan-e2e.jp']}")
    check(set(exported(theirs, "--label-max", "green")) == set(found) - {"amber.kairan-e2e.jp"}, "--label-max green")
    check(exported(theirs, "--label-max", "clear")["clear.kairan-e2e.jp"]["label"] == "TLP:CLEAR", "--label-max clear shows a stricter one")
    check(set(exported(theirs, "--min-councils", "2")) == {"clear.kairan-e2e.jp"}, "--min-councils")
    check(set(exported(theirs, "--types", "ipv4")) == {"203.0.113.7:8443"}, "--types")
    check(not exported(theirs, "--min-age", "1h") and len(exported(theirs, "--max-age", "1h")) == 4, "ages")
    check(not exported(theirs, "--confidence", "1"), "--confidence takes what states none")
    document = json.loads(theirs.done("export", "json", "--exercise"))
    check([item["value"] for item in document["indicators"]] == ["drill.kairan-e2e.jp"] and document["exercise"] is True,
          f"--exercise gives {document}")
    check("EXERCISE" in theirs.done("export", "list", "--types", "domain", "--exercise"), "the head of an exercise's list does not say so")


def lists(ours, root):
    out = os.path.join(root, "lists")
    told = json.loads(ours.done("--json", "export", "list", "--out", out))
    check({os.path.basename(file["path"]) for file in told["files"]} == set(os.listdir(out)), f"files: {told} and {os.listdir(out)}")
    check(told["label"] == "TLP:AMBER" and told["changed"] is True, f"told: {told}")
    text = read(out, "domain.txt")
    check(values(text)[0] == "clear.kairan-e2e.jp", f"not best first: {text}")  # two councils say so
    for word in ("# Kairan: list domain.txt", "# Council: Kita (", "# Label: TLP:AMBER", "# As of: 2", "# Entries: 3"):
        check(word in text, f"{word!r} is not in {text!r}")
    check(values(read(out, "ipv4.txt")) == ["203.0.113.7"], read(out, "ipv4.txt"))

    before = {name: os.stat(os.path.join(out, name)) for name in os.listdir(out)}
    again = json.loads(ours.done("--json", "export", "list", "--out", out))
    check(again["changed"] is False, f"nothing has changed: {again}")
    for name, stat in before.items():
        after = os.stat(os.path.join(out, name))
        check((after.st_ino, after.st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns), f"{name} was touched")

    ours.done("export", "list", "--out", out, "--max-entries", "1")
    text = read(out, "domain.txt")
    check(values(text) == ["clear.kairan-e2e.jp"] and "# Left out beyond the largest number of entries: 2" in text, text)
    told = ours.done("export", "list", "--out", out, "--types", "domain", "--max-entries", "1")
    check("left out: 2" in told, f"what was left out is not told: {told}")
    excluded = os.path.join(root, "excluded")
    with open(excluded, "w", encoding="ascii") as file:
        file.write("# ours\nclear.kairan-e2e.jp\n203.0.113.0/24\n")
    check(set(exported(ours, "--exclude", excluded)) == {"green.kairan-e2e.jp", "amber.kairan-e2e.jp"}, "--exclude")
    rows = list(csv.DictReader(io.StringIO(ours.done("export", "csv", "--excel").lstrip("\ufeff"))))
    check({row["value"] for row in rows} == set(exported(ours)), f"csv: {rows}")
    for name in ("csv", "json"):
        check(ours.done("export", name) == ours.done("export", name), f"{name} twice is not the same")


def since(ours):
    document = ours.run("--json", "export", "json")
    check(document.returncode == 0, f"{document}")
    cursor = str(json.loads(document.stderr)["cursor"])
    check(not exported(ours, "--since", cursor), "something is new since just now")
    submit(ours, "late.kairan-e2e.jp", "--label", "clear")
    poll(lambda: set(exported(ours, "--since", cursor)) == {"late.kairan-e2e.jp"}, WITHIN_S, "what is new is not told")
    ours.refused("", "export", "json", "--since", "99999999999")


def mistakes(ours, root):
    ours.refused("which format", "export")
    ours.refused("nonsense", "export", "nonsense")
    ours.refused("more", "export", "csv", "more")
    ours.refused("--out", "export", "list")
    ours.refused("label", "export", "csv", "--label-max", "red")
    ours.refused("nothing", "export", "csv", "--types", "nothing")
    ours.refused("--min-age", "export", "csv", "--min-age", "x")
    ours.refused("--confidence", "export", "csv", "--confidence", "101")
    ours.refused("--zone", "export", "rpz", "--zone", "a b")
    ours.refused("--out", "export", "csv", "--watch")
    ours.refused("nowhere", "export", "csv", "--exclude", os.path.join(root, "nowhere"))
    ours.refused("no regular file", "export", "csv", "--out", root)
    ours.refused("nowhere", "export", "csv", "--out", os.path.join(root, "nowhere", "file"))
    ours.refused("nowhere", "export", "list", "--out", os.path.join(root, "nowhere", "directory"))
    bad = os.path.join(root, "bad")
    with open(bad, "w", encoding="ascii") as file:
        file.write("\nno value\n")
    ours.refused("line 2", "export", "csv", "--exclude", bad)
    with open("/dev/full", "wb") as full:
        ended = subprocess.run([ours.kairan, "--state", ours.state, "export", "csv"], stdout=full, stderr=subprocess.PIPE, check=False)
    check(ended.returncode == 2, f"a full device: {ended}")


def watching(ours, theirs, node, root):
    out = os.path.join(root, "watched")

    def listed():
        return values(read(out, "domain.txt"))

    with open(os.path.join(root, "told"), "wb") as told, \
            subprocess.Popen([theirs.kairan, "--state", theirs.state, "export", "list", "--out", out, "--watch"], stdout=told,
                             stderr=told) as watch:
        try:
            poll(lambda: "clear.kairan-e2e.jp" in listed(), WITHIN_S, "--watch writes nothing")
            record = submit(ours, "wrong.kairan-e2e.jp", "--label", "green")
            poll(lambda: "wrong.kairan-e2e.jp" in listed(), WITHIN_S, "what comes is not written")
            revised = submit(ours, "old.kairan-e2e.jp", "--label", "green")
            poll(lambda: "old.kairan-e2e.jp" in listed(), WITHIN_S, "what comes is not written")
            ours.done("retract", record, "--reason", "wrong host", "-y")
            poll(lambda: "wrong.kairan-e2e.jp" not in listed(), WITHIN_S, "what is taken back stays")
            ours.done("revise", revised, "new.kairan-e2e.jp", "-y")
            poll(lambda: "new.kairan-e2e.jp" in listed() and "old.kairan-e2e.jp" not in listed(), WITHIN_S, "a revision is not written")
            node.stop()
            check("clear.kairan-e2e.jp" in listed(), "without its node the list is emptied")
            node.start()
            submit(ours, "after.kairan-e2e.jp", "--label", "green")
            poll(lambda: "after.kairan-e2e.jp" in listed(), WITHIN_S, "after a restart of its node --watch is asleep")
            check(watch.poll() is None, f"--watch has ended: {read(root, 'told')}")
            poll(lambda: all(name.endswith(".txt") for name in os.listdir(out)), WITHIN_S, "files of an earlier moment are left over")
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.wait(timeout=30)


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        ours, theirs = (Tool(options.kairan, node.directory) for node in made.nodes)
        what_may_leave(ours, theirs)
        lists(ours, made.root)
        since(ours)
        mistakes(ours, made.root)
        watching(ours, theirs, made.nodes[1], made.root)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
