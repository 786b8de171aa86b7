#!/usr/bin/env python3
"""What may be sent without waiting, with the real command line and real users of this machine (skipped where the test does not run as
root): a duty roster out of a spreadsheet, standing consents, sending at once and only what was agreed, the review, a restart; a name
that stands for a submitter, opened for a reason; what doctor, status and the handover paper say."""
import datetime
import json
import os
import sys

import federation
from federation import check
from people import approvers, lines

TANAKA = 64004


def sent(user, name, *args):
    done = json.loads(user.done("--json", "submit", f"{name}.kairan-e2e.jp", "--title", name, *args, "-y"))
    return done["ids"][0], done["waits"], done["consent"]


def on(days):
    return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()


def findings(tool):
    return {(found["check"], found["level"]) for found in lines(tool.run("--json", "doctor").stdout.decode())}


def agree(tool, sato, suzuki, directory):
    """Who may agree, and to what; the roster."""
    sato.refused("approver", "consent", "add", "--kind", "report", "--label", "green", "--until", on(90), "--reason", "x")
    suzuki.refused("--kind", "consent", "add", "--label", "green", "--until", on(90), "--reason", "x")
    suzuki.refused("--label", "consent", "add", "--kind", "report", "--label", "red", "--until", on(90), "--reason", "x")
    suzuki.refused("--to", "consent", "add", "--kind", "report", "--label", "amber", "--until", on(90), "--reason", "x")
    suzuki.refused("--reason", "consent", "add", "--kind", "report", "--label", "green", "--until", on(90))
    suzuki.refused("400 days", "consent", "add", "--kind", "report", "--label", "green", "--until", on(500), "--reason", "x")
    check(suzuki.run("consent").returncode == 1 and suzuki.run("duty", "who").returncode == 1, "there is something from the beginning")
    made = json.loads(suzuki.done("--json", "consent", "add", "--kind", "report", "--label", "green,amber", "--to", "Minami", "--until",
                                  on(20), "--reason", "typhoon season"))["consent"]
    listed = lines(sato.done("--json", "consent", "ls"))
    check(len(listed) == 1 and listed[0]["consent"] == made and listed[0]["state"] == "holds" and listed[0]["by_name"] == "Suzuki" and
          listed[0]["person"] is None and listed[0]["kinds"] == ["report"], f"consents: {listed}")
    path = os.path.join(directory, "people", "toban.csv")
    with open(path, "w", encoding="cp932", newline="") as file:
        file.write(f"担当者,開始,終了\r\nSato,{on(0)},{on(3)}\r\n")
    os.chmod(path, 0o644)
    sato.refused("approver", "duty", "set", path)
    tool.refused("no person", "duty", "add", "Nobody", "--from", on(0), "--until", on(1))
    tool.refused("--from", "duty", "add", "Sato")
    tool.done("duty", "set", path)
    check([entry["name"] for entry in lines(sato.done("--json", "duty", "who"))] == ["Sato"], "Sato is not on duty")
    found = findings(tool)
    check(("consents", "warning") in found and ("duty", "warning") in found and ("review", "warning") not in found, f"doctor: {found}")
    return made


def at_once(kita, tool, other, sato, suzuki, consent):
    record, waits, under = sent(sato, "typhoon", "--label", "amber", "--to", "Minami")
    check(not waits and under == consent, f"it waits: {waits}, {under}")
    federation.poll(lambda: other.run("lookup", "typhoon.kairan-e2e.jp").returncode == 0, 60, "what was sent at once comes to the peer")
    check(sent(suzuki, "giver", "--label", "green")[1], "whoever is not on duty sends at once")
    check(sent(sato, "advice", "--label", "green", "--kind", "advisory")[1], "an advisory was not agreed upon, and goes")
    kita.kill()  # all of it is durable
    kita.start()
    listed = [item for item in lines(suzuki.done("--json", "drafts", "--review"))]
    check([item["state"] for item in listed] == ["unreviewed"] and listed[0]["consent"] is None and listed[0]["record"] == record,
          f"to be reviewed: {listed}")
    check(json.loads(tool.run("--json", "status").stdout)["unreviewed"] == 1, "status does not tell of it")
    check("to be reviewed" in sato.done("mine"), "its submitter is not told that it is reviewed")
    paper = json.loads(tool.done("--json", "handover"))
    check(paper["unreviewed"] == 1 and paper["on_duty"][0]["name"] == "Sato" and paper["consents"][0]["ends_soon"] and
          paper["days_without_duty"] > 0, f"handover: {paper}")
    check("typhoon season" in tool.done("handover"), "the paper does not say what was agreed")
    return listed[0]["draft"]


def review(tool, sato, suzuki, draft):
    tool.done("person", "set", "Sato", "--role", "analyst,approver")
    sato.refused("submitted it", "drafts", "reviewed", draft)
    suzuki.refused("not wait for approval", "approve", draft, "-y")
    suzuki.done("drafts", "reviewed", draft, "--reason", "as agreed")
    check(suzuki.run("drafts", "--review").returncode == 1, "what is reviewed is listed still")
    check(any(item["draft"] == draft and item["state"] == "reviewed" and item["consent"] for item in lines(sato.done("--json", "mine"))), "mine")
    record, waits, _ = sent(sato, "wrong", "--label", "green")
    check(not waits, "the second one waits")
    suzuki.done("retract", record, "--reason", "names the victim", "-y")
    check(suzuki.run("drafts", "--review").returncode == 1, "what another approver took back is to be reviewed still")
    tool.done("person", "set", "Sato", "--role", "analyst")


def ended(tool, sato, suzuki, consent):
    """In the middle of it: what comes next waits."""
    suzuki.refused("no standing consent", "consent", "end", "ffffffffffff")
    suzuki.done("consent", "end", consent[:12], "--reason", "the season is over")
    check(sent(sato, "after", "--label", "green")[1], "it goes under a consent that has ended")
    listed = lines(suzuki.done("--json", "consent"))
    check(listed[0]["state"] == "ended" and listed[0]["ended_by"] == "Suzuki", f"consents: {listed}")
    own = json.loads(tool.done("--json", "consent", "add", "--kind", "report", "--label", "green", "--for", "Tanaka", "--until", on(9),
                               "--reason", "alone at night"))["consent"]
    check(sent(sato, "not_his".replace("_", "-"), "--label", "green")[1], "what is for Tanaka is for Sato")
    check(lines(sato.done("--json", "consent"))[0]["by"] is None or own, "the operator gave it")
    tool.done("duty", "add", "Tanaka", "--from", on(5), "--until", on(6))
    check(len(lines(sato.done("--json", "duty"))) == 2, "an entry that was added has replaced the other")


def named(tool, sato, suzuki):
    draft = sent(sato, "who", "--label", "green")[0]
    suzuki.refused("--reason", "drafts", "who", draft)
    sato.refused("approver", "drafts", "who", draft, "--reason", "curious")
    told = json.loads(suzuki.done("--json", "drafts", "who", draft, "--reason", "to ask about the source"))
    check(told["name"] == "Sato", f"who: {told}")
    mine = [item for item in lines(sato.done("--json", "mine")) if item["draft"] == draft][0]
    check([(opened["name"], opened["reason"]) for opened in mine["opened"]] == [("Suzuki", "to ask about the source")], f"mine: {mine}")
    check("to ask about the source" in sato.done("mine"), "the submitter does not learn it")
    again = [item for item in lines(suzuki.done("--json", "drafts")) if item["draft"] == draft][0]
    check(len(again["submitter"]) == 16 and again["opened"] == [], f"the list tells it from now on: {again}")
    log = [(entry["name"], entry["operation"], entry["outcome"], entry["note"]) for entry in lines(tool.done("--json", "audit"))]
    for wanted in (("Suzuki", "open pseudonym", "OK", "to ask about the source"), ("Sato", "open pseudonym", "DENIED", ""),
                   ("Suzuki", "duty", "OK", "typhoon season"), ("Sato", "duty", "DENIED", ""), ("Suzuki", "review", "OK", ""),
                   (None, "submit", "OK", "on duty, under a standing consent")):
        check(wanted in log, f"{wanted} is not in {log}")


def run(options):
    if os.geteuid() != 0:
        return 77
    approval = "[approval]\nreport = green, amber\nadvisory = green, amber\n"
    with approvers(options, approval, ("Tanaka", "analyst", TANAKA)) as ((kita, _), (tool, other), (sato, suzuki)):
        consent = agree(tool, sato, suzuki, kita.directory)
        draft = at_once(kita, tool, other, sato, suzuki, consent)
        review(tool, sato, suzuki, draft)
        ended(tool, sato, suzuki, consent)
        named(tool, sato, suzuki)
        check("problems: 0" in tool.done("verify"), "verify finds problems")
    return 0


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
