#!/usr/bin/env python3
"""Bodies and persons of a council with the real command line, and, where the test runs as root, with real users of this machine: roles,
suspension in force at once, a watch that is cut, restarts; and nothing of them at a peer."""
import contextlib
import itertools
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import time

import federation
import remote
import wire
from cli import Tool, lines
from federation import check

SATO, SUZUKI, STRANGER = 64001, 64002, 64003


class User:
    """The command line as another user of this machine, over the second socket."""

    def __init__(self, kairan, socket, uid):
        self.command = [kairan, "--socket", socket]
        self.uid = uid

    def _become(self):
        os.setgroups([])
        os.setgid(self.uid)
        os.setuid(self.uid)

    def run(self, *args, **more):
        return subprocess.run([*self.command, *args], capture_output=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
                              preexec_fn=self._become, text=True, cwd="/", **more)

    def done(self, *args):
        ended = self.run(*args)
        check(ended.returncode == 0, f"{args} as {self.uid}: {ended.stderr}")
        return ended.stdout

    def refused(self, why, *args):
        ended = self.run(*args)
        check(ended.returncode == 2 and why in ended.stderr, f"{args} as {self.uid}: {ended.returncode} {ended.stderr}")

    def watch(self):
        return subprocess.Popen([*self.command, "--json", "watch", "--timeout", "120"], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=self._become, text=True, cwd="/")


def prepare(options, made, node, more=""):
    """Lets other users of this machine come to the node: a socket for them, and a copy of the program, for where it was built they may
    not be able to pass. Starts it anew. Returns the paths of both."""
    people = os.path.join(node.directory, "people")
    os.mkdir(people)
    for directory, mode in ((people, 0o755), (made.root, 0o755), (node.directory, 0o711)):
        os.chmod(directory, mode)
    with open(os.path.join(node.directory, "kairan.conf"), encoding="utf-8") as file:
        config = file.read()
    with open(os.path.join(node.directory, "kairan.conf"), "w", encoding="utf-8") as file:
        file.write(config.replace("[node]\n", f"[node]\nsocket = {people}/kairand.sock\n") + more)
    program = os.path.join(people, "kairan")
    shutil.copy(options.kairan, program)
    os.chmod(program, 0o755)
    node.kill()
    node.start()
    return program, os.path.join(people, "kairand.sock")


@contextlib.contextmanager
def approvers(options, approval, *more):
    """Two councils, the first of which has the analyst Sato and the approver Suzuki, and whoever else: (name, role, user)."""
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, other = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        program, path = prepare(options, made, kita, approval)
        tool.done("body", "add", "--name-en", "Sapporo")
        for name, role, uid in (("Sato", "analyst", SATO), ("Suzuki", "approver,analyst", SUZUKI), *more):
            tool.done("person", "add", name, "--body", "Sapporo", "--role", role, "--user", str(uid))
        yield made.nodes, (tool, other), (User(program, path, SATO), User(program, path, SUZUKI))


def enter(tool):
    who = json.loads(tool.done("--json", "whoami"))
    check(who["operator"] and not who["people"] and "analyst" in who["roles"], f"before anybody is entered: {who}")
    check(tool.run("body", "ls").returncode == 1, "there is a body from the beginning")
    tool.refused("name", "body", "add")
    tool.done("body", "add", "--name-ja", "札幌市", "--name-en", "Sapporo", "--contact-name", "課")
    tool.refused("--body", "person", "add", "佐藤")
    tool.refused("no body", "person", "add", "佐藤", "--body", "Otaru")
    tool.refused("roles are", "person", "add", "佐藤", "--body", "Sapporo", "--role", "king")
    tool.refused("last day", "person", "add", "佐藤", "--body", "Sapporo", "--contractor")
    added = json.loads(tool.done("--json", "person", "add", "佐藤", "--body", "sapporo", "--role", "analyst", "--user", str(SATO)))
    tool.done("person", "add", "鈴木", "--body", "札幌市", "--role", "approver", "--user", str(SUZUKI), "--until", "2099-03-31")
    tool.refused("unbind", "person", "add", "高橋", "--body", "札幌市", "--user", str(SATO))
    persons = {person["name"]: person for person in lines(tool.done("--json", "person", "ls"))}
    check(persons["佐藤"]["person"] == added["person"] and persons["佐藤"]["users"] == [SATO], f"persons: {persons}")
    check(persons["鈴木"]["roles"] == ["approver"] and persons["鈴木"]["until"].startswith("2099-0"), f"persons: {persons}")
    check(lines(tool.done("--json", "body", "ls"))[0]["persons"] == 2, "the body has not its two persons")
    who = json.loads(tool.done("--json", "whoami"))
    check(who["roles"] == ["admin"] and who["people"], f"once somebody is entered: {who}")
    tool.refused("analyst", "submit", "a.kairan-e2e.jp", "--label", "clear", "--title", "a", "-y")


def as_users(program, path, node, tool):
    sato, suzuki, stranger = (User(program, path, uid) for uid in (SATO, SUZUKI, STRANGER))
    stranger.refused("person bind", "whoami")
    check(json.loads(sato.done("--json", "whoami"))["name"] == "佐藤", "Sato is not Sato")
    suzuki.refused("analyst", "submit", "b.kairan-e2e.jp", "--label", "clear", "--title", "b", "-y")
    suzuki.refused("admin", "invite")
    sato.refused("admin", "person", "suspend", "鈴木")  # who may not even see the list
    watcher = suzuki.watch()
    each = itertools.count()

    def seen():
        """A record of before the watch began is not told of: it is asked for again and again, and no question waits for the answer."""
        sato.done("submit", f"c{next(each)}.kairan-e2e.jp", "--label", "clear", "--title", "c", "-y")
        return select.select([watcher.stdout], [], [], 0.2)[0]

    federation.poll(seen, 60, "the watch tells of a record")
    tool.done("person", "suspend", "鈴木")
    suzuki.refused("suspended", "lookup", "c0.kairan-e2e.jp")
    sato.done("submit", "d.kairan-e2e.jp", "--label", "clear", "--title", "d", "-y")
    _, told = watcher.communicate(timeout=60)
    check("suspended" in told, f"the watch was not cut: {told}")
    check(json.loads(suzuki.done("--json", "whoami"))["state"] == "suspended", "who is suspended does not learn why")
    node.kill()
    node.start()
    suzuki.refused("suspended", "ls")
    tool.done("person", "resume", "鈴木")
    suzuki.done("lookup", "d.kairan-e2e.jp")
    no_user_holds_all(path, node)
    tool.done("person", "deputy", "佐藤", "--for", "鈴木", "--until", "1d")
    check(json.loads(sato.done("--json", "whoami"))["roles"] == ["analyst", "approver"], "a deputy has not the roles")
    tool.done("person", "deputy", "佐藤", "--for", "鈴木", "--end")
    tool.refused("-y", "person", "revoke", "佐藤")
    tool.done("person", "revoke", "佐藤", "-y")
    sato.refused("person bind", "whoami")
    check(tool.run("person", "ls", "--body", "札幌市").stdout.count(b"\n") == 1, "who was revoked is listed")


def no_user_holds_all(path, node):
    """Questions whose answers nobody reads: one user's are bounded, and the operator asks on."""
    os.seteuid(SUZUKI)
    try:
        hog = wire.Client(path)
    finally:
        os.seteuid(0)
    with hog, node.client() as operator:
        for _ in range(16):
            hog.begin(wire.LOOKUP, [bytes(500000)], 0)
        refused = [hog.receive() for _ in range(12)]
        check(all(frame[0] == wire.ERROR and "too many questions" in frame[3] for frame in refused), f"one user holds all: {refused[0][:3]}")
        operator.found(["d.kairan-e2e.jp"])


def audited(tool):
    """What was done above stands in the log, as one chain."""
    log = lines(tool.done("--json", "audit"))
    check([entry["number"] for entry in log] == list(range(len(log))), "numbers of the audit log have gaps")
    check(log[0]["operation"] == "person" and log[0]["outcome"] == "OK" and log[0]["person"] is None, f"the first entry: {log[0]}")
    if os.geteuid() == 0:
        done = [(entry["name"], entry["operation"], entry["outcome"]) for entry in log]
        check(("佐藤", "submit", "OK") not in done, f"whoever owns the machine learns who submitted: {done}")
        for wanted in ((None, "submit", "OK"), ("鈴木", "invite", "DENIED"), ("鈴木", "lookup", "DENIED"), ("鈴木", "submit", "DENIED")):
            check(wanted in done, f"{wanted} is not in {done}")
        check(tool.run("audit", "--person", "鈴木", "--since", "1d").returncode == 0, "Suzuki has done nothing")
    checked = lines(tool.done("--json", "audit", "verify"))[-1]
    check(checked["problems"] == 0 and checked["next"] == len(log) and checked["hash"] == log[-1]["hash"], f"verify: {checked}")
    anchor = f"{log[0]['number']}:{log[0]['hash']}"
    check(lines(tool.done("--json", "audit", "verify", "--anchor", anchor))[-1]["anchor"] == "met", "the anchor is not met")
    check(tool.run("audit", "verify", "--anchor", "0:" + "00" * 32).returncode == 1, "a wrong anchor is met")
    tool.refused("NUMBER:HASH", "audit", "verify", "--anchor", "rubbish")


def leave(tool):
    tool.refused("-y", "body", "leave", "札幌市")
    done = json.loads(tool.done("--json", "body", "leave", "札幌市", "-y"))
    check(done["done"] == "left" and done["holders"]["approver"] == 0, f"leave: {done}")
    tool.refused("no body", "body", "resume", "札幌市")
    check(tool.run("body", "ls").returncode == 1 and "has left" in tool.done("body", "ls", "--all"), "a body that left is listed alike")
    check("problems: 0" in tool.done("verify"), "verify finds problems")


def april(tool, directory):
    """A roster as a spreadsheet writes it, twice; letters; the paper for the next secretary."""
    path, letters = os.path.join(directory, "meibo.csv"), os.path.join(directory, "letters")
    with open(path, "w", encoding="cp932", newline="") as file:
        file.write("機関,氏名,メール,役割\r\n小樽市,加藤,kato@example.jp,分析\r\n小樽市,山本,,承認\r\n")
    tool.refused("--effective", "roster", "import", path)
    steps = lines(tool.done("--json", "roster", "import", path, "--effective", "2099-04-01", "--dry-run"))
    check([step["step"] for step in steps] == ["body", "join", "join"], f"dry run: {steps}")
    check(not any(person["name"] == "加藤" for person in lines(tool.run("--json", "person", "ls").stdout.decode())), "a dry run did it")
    tool.refused("-y", "roster", "import", path, "--effective", "2099-04-01")
    tool.done("roster", "import", path, "--effective", "2099-04-01", "--letters", letters, "-y")
    persons = {person["name"]: person for person in lines(tool.done("--json", "person", "ls"))}
    check(persons["加藤"]["state"] == "not-yet" and persons["加藤"]["roles"] == ["analyst"], f"after the import: {persons}")
    written = [open(os.path.join(letters, name), encoding="utf-8").read() for name in sorted(os.listdir(letters))]
    check(len(written) == 2 and any("加藤" in text and "小樽市" in text for text in written), f"letters: {written}")
    check(tool.run("roster", "import", path, "--effective", "2099-04-01", "-y").returncode == 1, "the same roster changes something again")
    with open(path, "w", encoding="utf-8") as file:
        file.write("body,name,mail\n小樽市,加藤,kato@example.jp\n")
    tool.done("roster", "import", path, "--effective", "2099-10-01", "-y")
    persons = {person["name"]: person for person in lines(tool.done("--json", "person", "ls"))}
    check(persons["山本"]["until"].startswith("2099-") and persons["加藤"]["until"] is None, f"who leaves has no end: {persons}")
    paper = json.loads(tool.done("--json", "handover"))
    check(paper["root_on_node"] and paper["admins"] == [] and paper["drafts"] is None and paper["silent_peers"] == [], f"handover: {paper}")
    shown = [key for key in lines(tool.done("--json", "node", "keys")) if key["state"] != "replaced"]
    check({key["sort"] for key in shown} == {"node", "sealing", "transport"} and paper["node_keys"] == shown, f"keys of the handover: {paper}")
    text = tool.done("handover")
    check(all(key["key"][:16] in text for key in shown), f"the paper lacks a key: {text}")
    check("NOBODY" in text and "ON THIS NODE" in text and "____" in text, f"handover: {text}")


def letter_of(folder, name):
    """The letter of that person: its text."""
    for entry in sorted(os.listdir(folder)):
        path = os.path.join(folder, entry)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if name in text:
            check(os.stat(path).st_mode & 0o777 == 0o600, f"others can read the letter {path}")
            return text
    raise federation.Failure(f"{name} has no letter")


def by_body(tool, name):
    bodies = {body["body"]: body["name_ja"] for body in lines(tool.done("--json", "body", "ls"))}
    return {bodies[person["body"]]: person for person in lines(tool.done("--json", "person", "ls", "--all")) if person["name"] == name}


def small_files():
    """As on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))


def letters_and_moves(options, tool, directory):
    """Whoever comes has a letter with a ticket that works; whoever moves keeps logins and machines, one card at a time."""
    path, today = os.path.join(directory, "roster.csv"), time.strftime("%Y-%m-%d")
    later = time.strftime("%Y-%m-%d", time.localtime(time.time() + 20 * 86400))

    def roster(text, *more):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return tool.run("roster", "import", path, "-y", *more)

    both = f"body,name,user\n余市町,高橋,\n余市町,井上,{SATO}\n"
    for arguments in (("--qr",), ("--no-tickets",), ("--days", "3")):
        ended = roster(both, "--effective", today, *arguments)
        check(ended.returncode == 2 and "--letters" in ended.stderr.decode(), f"{arguments} without letters: {ended}")
    folder = os.path.join(directory, "letters-1")
    ended = roster(both, "--effective", today, "--letters", folder, "--days", "91")
    check(ended.returncode == 2 and "1 to 90" in ended.stderr.decode() and not os.path.exists(folder), f"91 days: {ended}")
    ended = roster(both, "--effective", today, "--letters", folder, "--qr")
    check(ended.returncode == 0 and os.stat(folder).st_mode & 0o777 == 0o700, f"letters: {ended}")
    text = letter_of(folder, "高橋")
    ticket = next(word for word in text.split() if word.startswith("kairan1"))
    until = time.strftime("%Y-%m-%d", time.localtime(time.time() + 14 * 86400 - 86400))
    check(f"kairan enrol {ticket}" in text and "\u2580" in text and "\033" not in text, f"a ticket, and as a code: {text}")
    check("once, until: " in text and text.split("once, until: ")[1][:10] >= until[:8], f"until when it is good: {text}")
    check("kairan1" not in letter_of(folder, "井上") and "login on the node" in letter_of(folder, "井上"), "who logs in has a ticket")
    takahashi = remote.machine(options, directory, "takahashi")
    said = json.loads(takahashi.done("--json", "enrol", "-", "--name", "kita", given=ticket.encode()))
    check(said["person_name"] == "高橋", f"enrolled by the letter: {said}")
    # The same without tickets; in Japanese; and so far ahead that none would be good.
    three = "body,name\n余市町,高橋\n余市町,井上\n余市町,{}\n"
    ended = roster(three.format("木村"), "--effective", later, "--letters", folder, "--no-tickets")
    check(ended.returncode == 0 and "kairan1" not in letter_of(folder, "木村") and "kairan person enrol" in letter_of(folder, "木村"), f"{ended}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("body,name\n岩内町,林\n")
    subprocess.run([tool.kairan, "--state", tool.state, "--lang", "ja", "roster", "import", path, "--effective", later, "--letters", folder, "-y"],
                   check=True, capture_output=True)
    text = letter_of(folder, "林")
    check("kairan enrol kairan1" in text and "チケット" in text and "Kairan" in text and "machine" not in text, f"in Japanese: {text}")
    ended = roster("body,name\n寿都町,森\n", "--effective", "2099-04-01", "--letters", folder)
    check(ended.returncode == 0 and "kairan1" not in letter_of(folder, "森") and "Letters without a ticket: 1" in ended.stderr.decode(), f"{ended}")
    # Letters that cannot be written are counted: no ticket is made for one that cannot be begun, and none is left half written.
    def tickets():
        return len([entry for entry in lines(tool.done("--json", "audit")) if "enrol" in entry["operation"]])

    def unwritten(ended):
        said = ended.stderr.decode()
        return (ended.returncode == 2 and said.count("cannot write the letter") == 2 and "could not be written: 2" in said and
                "Letters without a ticket: 2" in said)

    plain, full = os.path.join(directory, "plain"), os.path.join(directory, "full")
    with open(plain, "w", encoding="utf-8"):
        pass
    before = tickets()
    ended = roster("body,name\n喜茂別町,原\n喜茂別町,関\n", "--effective", today, "--letters", plain)
    check(unwritten(ended) and tickets() == before, f"no letter can be begun: {before}, {tickets()}: {ended}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("body,name\n京極町,辻\n京極町,森田\n")
    ended = subprocess.run([tool.kairan, "--state", tool.state, "--lang", "en", "roster", "import", path, "-y", "--effective", today, "--letters", full],
                           capture_output=True, check=False, preexec_fn=small_files)
    check(unwritten(ended) and tickets() == before + 2 and os.listdir(full) == [], f"no letter can be ended: {os.listdir(full)}: {ended}")
    check(all(len(by_body(tool, name)) == 1 for name in ("原", "関", "辻", "森田")), "they are not entered")
    # Moves: what somebody is known by moves with him.
    tool.done("body", "add", "--name-ja", "島牧村")
    tool.done("person", "add", "渡辺", "--body", "島牧村", "--user", "64011")
    tool.done("person", "bind", "渡辺", "--user", "64012")
    watanabe = remote.machine(options, directory, "watanabe")
    said = json.loads(watanabe.done("--json", "enrol", "-", "--name", "kita", given=tool.done("person", "enrol", "渡辺").encode()))
    watanabe.node = "kita"
    number = json.loads(watanabe.done("--json", "whoami"))["person"]
    ended = roster("body,name\n島牧村,本田\n黒松内町,渡辺\n", "--effective", today, "--letters", folder)
    check(ended.returncode == 0, f"a move: {ended}")
    cards = by_body(tool, "渡辺")
    old, new = cards["島牧村"], cards["黒松内町"]
    check(old["state"] == "over" and new["state"] == "active" and old["person"] == number, f"the two cards: {cards}")
    check(sorted(new["users"]) == [64011, 64012] and new["machines"] == [said["machine"]], f"what moved along: {new}")
    check(json.loads(watanabe.done("--json", "whoami"))["person"] == new["person"], "the machine is not known as the new card's")
    text = letter_of(folder, "渡辺")
    check("those that you have" in text and "kairan1" not in text, f"the letter of who moves: {text}")


def run(options):
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool = Tool(options.kairan, kita.directory)
        program, path = prepare(options, made, kita) if os.geteuid() == 0 else (None, None)
        enter(tool)
        if os.geteuid() == 0:
            as_users(program, path, kita, tool)
        audited(tool)
        leave(tool)
        april(tool, kita.directory)
        letters_and_moves(options, tool, made.root)
        with minami.client() as client:
            if os.geteuid() == 0:
                federation.poll(lambda: client.found(["d.kairan-e2e.jp"]), 90, "what was submitted last comes to the peer")
            federation.poll(lambda: all(peer["is_online"] for peer in client.peers()), 60, "the link stands")
            records = client.status()["records"]
            tool.done("body", "add", "--name-en", "Otaru")
            kita.kill()
            kita.start()
            with kita.client() as restarted:  # whose session is a new one, so that both have compared what they hold
                federation.poll(lambda: all(peer["is_online"] for peer in restarted.peers()), 90, "the link stands again")
            check(client.status()["records"] == records, "a card has come to the peer")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
