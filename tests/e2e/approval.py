#!/usr/bin/env python3
"""Approval with the real command line and real users of this machine (skipped where the test does not run as root): a draft survives the
node's death, is approved by another person and then, only then, at the peer; rejected, edited, returned, withdrawn ones; import."""
import json
import os
import sys

import federation
from cli import has
from federation import check
from people import approvers, lines


def draft(user, *args):
    done = json.loads(user.done("--json", "submit", *args, "-y"))
    check(done["waits"] and len(done["ids"][0]) == 32, f"it does not wait: {done}")
    return done["ids"][0]


def states(user):
    return {item["draft"]: item["state"] for item in lines(user.done("--json", "mine")) if item["draft"]}


def run(options):
    if os.geteuid() != 0:
        return 77
    with approvers(options, "[approval]\nreport = green, amber\n") as ((kita, minami), (tool, other), (sato, suzuki)):
        check(suzuki.run("drafts").returncode == 1, "something waits from the beginning")
        first = draft(sato, "first.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "--title", "first")
        kita.kill()  # accepted is accepted
        kita.start()
        sato.refused("approver", "approve", first[:6], "-y")
        shown = json.loads(suzuki.done("--json", "drafts", "show", first[:6]))
        check(shown["values"][0]["value"] == "first.kairan-e2e.jp" and shown["audience"] == [minami.council.hex()], f"show: {shown}")
        check(len(shown["submitter"]) == 16 and shown["submitter_name"] == "", f"an approver learns who submitted: {shown}")
        check("first.kairan-e2e.jp" in suzuki.done("drafts", "show", first[:6]), "people do not see the values")
        check(not has(other, "first.kairan-e2e.jp") and not has(tool, "first.kairan-e2e.jp"), "a draft is found by look-ups")
        suzuki.refused("-y", "approve", first[:6])
        record = json.loads(suzuki.done("--json", "approve", first[:6], "-y"))["record"]
        federation.poll(lambda: has(other, "first.kairan-e2e.jp"), 60, "what was approved comes to the peer")
        check(record in other.done("--json", "ls"), "the peer has another record")
        own = draft(suzuki, "own.kairan-e2e.jp", "--label", "green", "--title", "own")
        suzuki.refused("another approver", "approve", own, "-y")
        suzuki.done("mine", "withdraw", own)
        second = draft(sato, "second.kairan-e2e.jp", "--label", "green", "--title", "second")
        suzuki.refused("--reason", "reject", second)
        suzuki.done("reject", second, "--reason", "names the victim")
        check("names the victim" in sato.done("mine"), "the submitter does not learn why")
        third = draft(sato, "third.kairan-e2e.jp", "--label", "green", "--title", "third")
        suzuki.refused("--label", "drafts", "edit", third)
        suzuki.done("drafts", "edit", third, "--label", "amber", "--to", "Minami", "--title", "narrower")
        suzuki.refused("not wait", "approve", third, "-y")
        sato.refused("-y", "mine", "consent", third)
        sato.done("mine", "consent", third, "-y")
        suzuki.done("approve", third, "-y")
        federation.poll(lambda: "narrower" in other.run("--json", "ls").stdout.decode(), 60, "the edited draft comes to the peer")
        check(states(sato) == {first: "approved", second: "rejected", third: "approved"}, f"mine: {states(sato)}")
        check(states(suzuki) == {own: "withdrawn"}, f"mine of Suzuki: {states(suzuki)}")
        clear = json.loads(sato.done("--json", "submit", "clear.kairan-e2e.jp", "--label", "clear", "--title", "clear", "-y"))
        check(not clear["waits"] and any(item["record"] == clear["ids"][0] and item["state"] == "sent"
                                         for item in lines(sato.done("--json", "mine"))), "what went at once is not among mine")
        waits = draft(sato, "names.kairan-e2e.jp", "--label", "green", "--title", "names")
        shown = json.loads(suzuki.done("--json", "drafts", "show", waits))["submitter"]
        entry = [entry for entry in lines(tool.done("--json", "audit")) if entry["target"] == waits][0]
        check((entry["name"], entry["person"], entry["user"]) == (None, shown, None), f"the operator learns who submitted: {entry}")
        text = tool.done("audit")
        check(shown in text and "somebody" in text, f"the log for people: {text}")
        check(not any("Sato" in line and ("submit" in line or "consent" in line) for line in text.splitlines()), f"the operator learns it: {text}")
        tool.done("body", "add", "--name-en", "Otaru")
        left = json.loads(tool.done("--json", "body", "leave", "Otaru", "-y"))
        check((left["records"], left["drafts"]) == (None, None), f"the operator counts whose submissions they were: {left}")
        tool.done("person", "set", "Suzuki", "--role", "approver,analyst,intake,admin")
        log = [(entry["name"], entry["operation"], entry["outcome"]) for entry in lines(suzuki.done("--json", "audit"))]
        check(("Sato", "submit", "OK") in log, f"intake does not learn who submitted: {log}")
        for wanted in (("Suzuki", "approve", "OK"), ("Suzuki", "approve", "DENIED"), ("Suzuki", "reject", "OK"), ("Sato", "consent", "OK")):
            check(wanted in log, f"{wanted} is not in {log}")
        check("problems: 0" in tool.done("verify"), "verify finds problems")
        found = [finding["level"] for finding in lines(tool.run("--json", "doctor").stdout.decode()) if finding["check"] == "approvers"]
        check(found == ["warning"], f"doctor says nothing of the only approver: {found}")
        left = json.loads(suzuki.done("--json", "body", "leave", "Sapporo", "-y"))
        check((left["records"], left["drafts"]) == (1, 5), f"what the body has submitted: {left}")
    return 0


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
