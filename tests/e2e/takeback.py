#!/usr/bin/env python3
"""Two real daemons: what one council takes back is gone at the other, and what it puts in its place is there; what was seen of a record is
counted at both, and goes with it. People are shown what
would go, and are asked; those who watch see it; what is too much in a day waits for the operator's word."""
import json
import subprocess
import sys
import threading

import federation
import terminal
import wire
from cli import Tool
from federation import check, poll

WITHIN_S = 60.0
A_DAY = 32


def finds(tool, value):
    ended = tool.run("--json", "lookup", value)
    check(ended.returncode in (0, 1), f"lookup: {ended.stderr.decode()}")
    return ended.returncode == 0


def retract(ours, theirs):
    record = ours.done("submit", "wrong.kairan-e2e.jp", "--label", "clear", "-y").strip()
    poll(lambda: finds(theirs, "wrong.kairan-e2e.jp"), WITHIN_S, "the record does not come to the peer")
    theirs.refused("only its author", "retract", record, "--reason", "x", "-y")
    ours.refused("--reason", "retract", record, "-y")
    ours.refused("-y", "retract", record, "--reason", "x")
    ours.refused("kairan ls", "retract", "0011223344556677", "--reason", "x", "-y")
    check(finds(ours, "wrong.kairan-e2e.jp"), "a refused retraction took the record back")
    by = ours.done("retract", record[:16], "--reason", "wrong host", "-y").strip()
    poll(lambda: not finds(theirs, "wrong.kairan-e2e.jp"), WITHIN_S, "the record does not go at the peer")
    for tool in (ours, theirs):
        shown = json.loads(tool.done("--json", "show", record))
        check(shown["taken_back"]["state"] == "retracted" and shown["taken_back"]["by"] == by, f"show says {shown}")
        check(shown["taken_back"]["reason"] == "wrong host" and shown["title"] == "" and "values" not in shown, f"show says {shown}")
        listed = [json.loads(line) for line in tool.done("--json", "ls").splitlines()]
        check([item["id"] for item in listed] == [by], f"ls says {listed}")
        check(listed[0]["target"] == record and listed[0]["state"] == "stands", f"ls says {listed}")
        check(f"(takes back {record[:12]})" in tool.done("ls"), "ls does not say what is taken back")
        check("cannot be called back" in tool.done("explain", record), "explain does not say what cannot be called back")
    ours.refused("already", "retract", record, "--reason", "x", "-y")
    ours.refused("final", "retract", by, "--reason", "x", "-y")


def revise(ours, theirs):
    record = ours.done("submit", "old.kairan-e2e.jp", "--label", "clear", "-y").strip()
    poll(lambda: finds(theirs, "old.kairan-e2e.jp"), WITHIN_S, "the record does not come to the peer")
    ours.done("revise", record, "new.kairan-e2e.jp", "-y")
    poll(lambda: finds(theirs, "new.kairan-e2e.jp"), WITHIN_S, "the revision does not come to the peer")
    poll(lambda: not finds(theirs, "old.kairan-e2e.jp"), WITHIN_S, "the old record does not go at the peer")
    shown = json.loads(theirs.done("--json", "show", record))
    check(shown["taken_back"]["state"] == "revised", f"show says {shown}")
    check(ours.run("retractions").returncode == 1, "something waits")


def on_terminal(tool, arguments, *talk):
    """Runs it on a terminal; returns its status and what was shown."""
    status, shown = terminal.converse([tool.kairan, "--state", tool.state, "--lang", "en", *arguments], talk)
    return status, shown.decode().replace("\r\n", "\n")


def sightings(ours, theirs):
    """The peer has seen a host in a network of ours; both show it until the record goes."""
    record = ours.done("submit", "45.9.9.0/24 d.kairan-e2e.jp", "--label", "clear", "-y").strip()
    poll(lambda: finds(theirs, "45.9.9.8"), WITHIN_S, "the record does not come to the peer")
    theirs.refused("does not name", "sighting", record, "other.kairan-e2e.jp", "-y")
    theirs.refused("-y", "sighting", record, "45.9.9.8")
    made = json.loads(theirs.done("--json", "sighting", record[:12], "45.9.9.8", "--count", "12", "--last", "1h", "-y"))["id"]
    theirs.done("sighting", record, "d.kairan-e2e.jp", "--false-positive", "-y")

    def counted(tool):
        return [(item["name"], item["seen"], item["false_positives"])
                for item in json.loads(tool.done("--json", "show", record))["sightings"]]
    for tool in (ours, theirs):
        poll(lambda tool=tool: counted(tool) == [("Minami", 12, 1)], WITHIN_S, "the sightings are not counted")
    text = ours.done("show", record)
    check("Minami" in text and "seen 12 times" in text and "false positive 1 times" in text, f"show says {text!r}")
    shown = json.loads(ours.done("--json", "show", made))
    check(shown["title"] == "45.9.9.0/24" and shown["target"] == record, f"the network is sent, not the host: {shown}")
    given, gone, cursor = ask(ours, 0)
    check(record in given and made not in given and not gone, "export gives something else")
    ours.done("retract", record, "--reason", "x", "-y")
    check(ask(ours, cursor)[1] == {record}, "export does not tell what is gone")
    poll(lambda: theirs.run("show", made).returncode != 0, WITHIN_S, "a sighting of what was taken back is shown")
    check("sighting" not in ours.done("ls"), "ls shows a sighting of what was taken back")


def ask(tool, since):
    with wire.Client(f"{tool.state}/kairand.sock") as client:
        given, gone, cursor = client.export(wire.EXPORT_OUT, since)
        return {id.hex() for id in given}, {id.hex() for id in gone}, cursor


def people_are_asked(ours, theirs):
    record = ours.done("submit", "a.kairan-e2e.jp\nb.kairan-e2e.jp", "--label", "clear", "--title", "Two hosts", "-y").strip()
    poll(lambda: finds(theirs, "a.kairan-e2e.jp"), WITHIN_S, "the record does not come to the peer")
    asked = b"Send it? [y/N] "
    status, shown = on_terminal(ours, ["retract", record, "--reason", "x"], (asked, b"n\n"))
    check(status != 0 and "Nothing was sent" in shown, f"an answer of no: status {status}, {shown!r}")
    for word in ("Two hosts", "their nodes delete it", "Minami", "cannot be called back"):
        check(word in shown, f"before a retraction {word!r} is not in {shown!r}")
    revision = ["revise", record, "b.kairan-e2e.jp\nc.kairan-e2e.jp", "--title", "Other hosts"]
    status, shown = on_terminal(ours, revision, (asked, b"\n"))
    check(status != 0 and "Nothing was sent" in shown, f"no answer: status {status}, {shown!r}")
    for word in ("Stands instead of", "- Two hosts", "+ Other hosts", "Indicators: 2 before, 2 now", "- domain    a.kairan-e2e.jp",
                 "+ domain    c.kairan-e2e.jp", "unchanged: 1", "Minami"):
        check(word in shown, f"before a revision {word!r} is not in {shown!r}")
    check(finds(ours, "a.kairan-e2e.jp") and not finds(ours, "c.kairan-e2e.jp"), "something was sent without a yes")
    status, shown = on_terminal(ours, revision, (asked, b"y\n"))
    check(status == 0, f"an answer of yes: status {status}, {shown!r}")
    poll(lambda: finds(theirs, "c.kairan-e2e.jp"), WITHIN_S, "the revision does not come to the peer")
    check(not finds(ours, "a.kairan-e2e.jp") and finds(ours, "b.kairan-e2e.jp"), "the revision is not what was shown")
    shown = json.loads(ours.done("--json", "lookup", "b.kairan-e2e.jp"))["record"]
    status, text = on_terminal(ours, ["retract", shown["id"], "--reason", "x"], (asked, b"yes\n"))
    check(status == 0, f"an answer of yes: status {status}, {text!r}")
    poll(lambda: not finds(theirs, "b.kairan-e2e.jp"), WITHIN_S, "the revision does not go at the peer")


def watchers_see_it(ours, theirs):
    """Nothing tells when a watch has begun: records are taken back until it shows one."""
    came = threading.Event()
    seen = []

    def read(stream):
        for line in stream:
            item = json.loads(line)
            if item["kind"] == "retraction":
                seen.append(item)
                came.set()

    with subprocess.Popen([theirs.kairan, "--state", theirs.state, "--json", "watch"], stdout=subprocess.PIPE) as watch:
        reader = threading.Thread(target=read, args=(watch.stdout,))
        reader.start()
        records = []
        while len(records) < 8 and not came.wait(2 if records else 0):
            records.append(ours.done("submit", f"w{len(records)}.kairan-e2e.jp", "--label", "clear", "-y").strip())
            ours.done("retract", records[-1], "--reason", "watched", "-y")
        came.wait(WITHIN_S)
        watch.terminate()
        reader.join()
    check(seen and seen[0]["target"] in records and seen[0]["title"] == "watched", f"watch saw {seen} of {records}")


def too_much_waits(ours, theirs):
    records = [ours.done("submit", f"m{n}.kairan-e2e.jp", "--label", "clear", "-y").strip() for n in range(A_DAY + 2)]
    poll(lambda: finds(theirs, f"m{A_DAY + 1}.kairan-e2e.jp"), WITHIN_S, "the records do not come to the peer")
    for record in records:
        ours.done("retract", record, "--reason", "far too many", "-y")
    last = f"m{A_DAY + 1}.kairan-e2e.jp"

    def waiting():
        return [json.loads(line) for line in theirs.run("--json", "retractions").stdout.splitlines()]

    poll(lambda: any(item["target"] == records[-1] for item in waiting()), WITHIN_S, "the last retraction does not wait")
    check(not finds(ours, last) and finds(theirs, last), "what waits has had effect")
    match = json.loads(theirs.done("--json", "lookup", last))
    check(match["record"]["state"] == "waits", f"lookup says {match}")
    for arguments in (("lookup", last), ("ls",)):
        check("waits for your word" in theirs.done(*arguments), f"{arguments[0]} does not say that it waits")
    items = waiting()
    check(len(items) >= 2 and all(item["waiting"] == len(items) for item in items), f"retractions says {items}")
    check("far too many" in theirs.done("retractions"), "retractions does not say why")
    theirs.refused("kairan retractions", "retractions", "confirm", records[-1])
    theirs.refused("Nobody", "retractions", "confirm", "Nobody")
    one = next(item for item in items if item["target"] == records[-1])
    check(theirs.done("retractions", "confirm", one["id"]).strip() == "confirmed: 1", "one is not confirmed")
    check(not finds(theirs, last), "the one that was confirmed has no effect")
    check(len(waiting()) == len(items) - 1, "more than one was confirmed")
    confirmed = json.loads(theirs.done("--json", "retractions", "confirm", "Kita"))
    check(confirmed["confirmed"] == len(items) - 1, f"confirm says {confirmed}")
    poll(lambda: theirs.run("retractions").returncode == 1, WITHIN_S, "something waits still")
    check(not any(finds(theirs, f"m{n}.kairan-e2e.jp") for n in range(A_DAY + 2)), "what was confirmed has no effect")


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        ours, theirs = (Tool(options.kairan, node.directory) for node in made.nodes)
        retract(ours, theirs)
        revise(ours, theirs)
        sightings(ours, theirs)
        people_are_asked(ours, theirs)
        watchers_see_it(ours, theirs)
        too_much_waits(ours, theirs)


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
