#!/usr/bin/env python3
"""Keys of persons and bodies with the real command line and real users of this machine (skipped where the test does not run as root):
TLP:RED and TLP:AMBER+STRICT open for those named and for nobody else, at the own council and at another; a holder who leaves, a successor
who reads on, keys that are lost; the node never has a secret half."""
import contextlib
import ctypes
import glob
import json
import os
import select
import signal
import socket
import sys

import federation
from cli import Tool
from federation import check
from people import User, lines, prepare

SATO, SUZUKI, KATO, MORI = 64011, 64012, 64013, 64014


class Tap:
    """A socket of that user's before the node's, which keeps all that is said to the node."""

    def __init__(self, home, upstream, uid):
        self.path, self.kept = os.path.join(home, "tap.sock"), os.path.join(home, "said")
        ready, writable = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            self._serve(upstream, writable)
        os.read(ready, 1)

    def _serve(self, upstream, ready):
        with socket.socket(socket.AF_UNIX) as listener, open(self.kept, "wb", 0) as kept:
            listener.bind(self.path)
            listener.listen(16)
            os.write(ready, b"1")
            ends = {}  # of each connection the other
            while True:
                for end in select.select([listener, *ends], [], [])[0]:
                    if end is listener:
                        client, node = listener.accept()[0], socket.socket(socket.AF_UNIX)
                        node.connect(upstream)
                        ends.update({client: (node, True), node: (client, False)})
                    elif end in ends:
                        other, is_client = ends[end]
                        data = b""
                        with contextlib.suppress(OSError):
                            data = end.recv(65536)
                        if is_client:
                            kept.write(data)
                        with contextlib.suppress(OSError):  # a node that turns somebody away does not read on, but has said why
                            other.sendall(data)
                        if not data:
                            for one in (end, other):
                                del ends[one]
                                one.close()

    def said(self):
        with open(self.kept, "rb") as file:
            return file.read()

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Person(User):
    """A user with a home of its own, where its key lies."""

    def __init__(self, program, upstream, uid, root):
        super().__init__(program, upstream, uid)
        self.before = ()  # options for all that it runs
        self.home = os.path.join(root, f"home-{uid}")
        os.mkdir(self.home, 0o700)
        os.chown(self.home, uid, uid)
        self.environment = dict(os.environ, XDG_CONFIG_HOME=self.home, HOME=self.home, LANG="C.UTF-8")

    def run(self, *args, **more):
        return super().run("--lang", "en", *self.before, *args, env=self.environment, **more)

    def json(self, *args):
        return json.loads(self.done("--json", *args))

    def sends(self, value, *args):
        """The id of the one record."""
        return self.json("submit", value, "-y", "--title", f"about {value}", *args)["ids"][0]

    def finds(self, value):
        ended = self.run("lookup", value)
        check(ended.returncode in (0, 1), f"lookup as {self.uid}: {ended.stderr}")
        return ended.returncode == 0

    def key_file(self):
        path, = glob.glob(os.path.join(self.home, "kairan/persons/*.key"))
        check(os.stat(path).st_mode & 0o777 == 0o600 and os.stat(path).st_uid == self.uid, f"{path} is open to others")
        return path

    def secrets(self):
        """The secret halves in its file (crypto/locked_file.h: without a passphrase, under a key of zeros)."""
        with open(self.key_file(), "rb") as file:
            held = file.read()
        content, length = ctypes.create_string_buffer(len(held)), ctypes.c_ulonglong()
        sodium = ctypes.CDLL("libsodium.so.23")
        opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(content, ctypes.byref(length), None, held[56:], ctypes.c_ulonglong(len(held) - 56),
                                                                   held[:56], ctypes.c_ulonglong(56), held[32:56], bytes(32))
        check(opened == 0 and content.raw[32] > 0, "the file of keys is laid out otherwise")
        return [content.raw[33 + 72 * i + 32:33 + 72 * i + 64] for i in range(content.raw[32])]


def enter(tool):
    for body in ("Sapporo", "Otaru"):
        tool.done("body", "add", "--name-en", body)
    for name, body, uid in (("Sato", "Sapporo", SATO), ("Suzuki", "Sapporo", SUZUKI), ("Kato", "Otaru", KATO)):
        tool.done("person", "add", name, "--body", body, "--role", "analyst", "--user", str(uid))


def make_keys(tool, sato, suzuki, kato):
    tool.refused("no person", "key", "person", "make")
    check(sato.run("key", "ls").returncode == 1, "somebody has a key from the beginning")
    sato.refused("key person make", "key", "body", "make")
    made = sato.json("key", "person", "make")
    check(made["published"] and len(made["key"]) == 64 and made["before"] == 0, f"make: {made}")
    sato.refused("--lost", "key", "person", "make")
    path = sato.key_file()
    os.rename(path, path + ".aside")
    sato.refused("--lost", "key", "person", "make")  # a key that lies elsewhere is not replaced by mistake
    os.rename(path + ".aside", path)
    for person in (suzuki, kato):
        person.done("key", "person", "make")
    check(sato.json("key", "body", "make")["holders"] == 1, "who makes a body's key does not hold it")
    suzuki.refused("hold", "key", "body", "share", "-y")
    suzuki.refused("--lost", "key", "body", "make")
    suzuki.refused("somebody holds it", "key", "body", "make", "--lost")
    check("key body share" in sato.run("ls").stderr, "a holder is not told who waits for the key")
    sato.refused("-y", "key", "body", "share")
    check(sato.json("key", "body", "share", "-y")["holders"] == 2, "the second person does not hold the key")
    check(sato.run("key", "body", "share", "-y").returncode == 1, "there is somebody more to share it with")
    kato.done("key", "body", "make")
    known = {(one["sort"], one["name"]) for one in lines(kato.done("--json", "key", "ls"))}
    check(known == {("body", "Sapporo"), ("body", "Otaru"), ("person", "Sato"), ("person", "Suzuki"), ("person", "Kato")}, f"key ls: {known}")
    found = {line["check"]: line for line in lines(tool.run("--json", "doctor").stdout.decode())}
    check(found["body-keys"]["level"] == "warning" and "Otaru" in found["body-keys"]["finding"], f"doctor: {found['body-keys']}")


def refusals(sato, tool):
    sato.refused("--to-person", "submit", "a.kairan-e2e.jp", "--label", "red", "-y")
    sato.refused("--to-body", "submit", "a.kairan-e2e.jp", "--label", "amber+strict", "--to-person", "Suzuki", "-y")
    sato.refused("--to-body", "submit", "a.kairan-e2e.jp", "--label", "red", "--to", "Minami", "-y")
    sato.refused("AMBER+STRICT", "submit", "a.kairan-e2e.jp", "--label", "amber", "--to", "Minami", "--to-body", "Otaru", "-y")
    sato.refused("key ls", "submit", "a.kairan-e2e.jp", "--label", "red", "--to-person", "Nobody", "-y")
    sato.refused("guard", "submit", "8.8.8.8", "--label", "red", "--to-person", "Suzuki", "-y")  # asked of the node, and obeyed here
    check(tool.run("ls").returncode == 1, "something was sent all the same")


def within_the_council(tool, sato, suzuki, kato):
    """RED to Suzuki, AMBER+STRICT to Sapporo: each for those named, and for whoever sent it."""
    red = sato.sends("red.kairan-e2e.jp", "--label", "red", "--to-person", "Suzuki")
    strict = kato.sends("strict.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo")
    forced = sato.sends("8.8.4.4", "--label", "red", "--to-person", "Suzuki", "--force", "--reason", "seen in the flesh")
    for value, record, readers, others in (("red.kairan-e2e.jp", red, (sato, suzuki), (kato,)), ("8.8.4.4", forced, (suzuki,), (kato,)),
                                           ("strict.kairan-e2e.jp", strict, (sato, suzuki, kato), ())):
        for reader in readers:
            shown = reader.json("show", record)
            check(shown["sealed"] == "opened" and shown["title"] == f"about {value}" and shown["values"][0]["value"] == value, f"{shown}")
            check(reader.finds(value), f"{reader.uid} does not find {value}")
            listed = {one["id"]: one for one in lines(reader.done("--json", "ls"))}[record]
            check(listed["sealed"] == "opened" and listed["title"] == f"about {value}" and listed["indicators"] == 1, f"ls: {listed}")
        for other in others:
            shown = other.json("show", record)
            check(shown["sealed"] == "closed" and shown["title"] == "" and "values" not in shown and shown["sealed_to"] is None, f"{shown}")
            check(not other.finds(value) and "not to you" in other.done("ls"), f"{other.uid} finds {value}")
    check(sato.json("show", red)["sealed_to"][0]["sort"] == "person", "who was addressed is not shown")
    matches = [line["match"] for line in lines(suzuki.run("--json", "lookup", "http://www.red.kairan-e2e.jp/x?y").stdout) if line["found"]]
    check(matches == ["parent"], f"what belongs to a sealed value: {matches}")
    both = [line["query"] for line in lines(suzuki.done("--json", "lookup", "red.kairan-e2e.jp", "strict.kairan-e2e.jp", "no.kairan-e2e.jp")) if line["found"]]
    check(both == ["red.kairan-e2e.jp", "strict.kairan-e2e.jp"], f"two values at once: {both}")
    for value in ("red.kairan-e2e.jp", "strict.kairan-e2e.jp"):
        check(tool.run("lookup", value).returncode == 1, f"the node itself knows {value}")
    check(json.loads(tool.done("--json", "show", red))["sealed"] == "closed", "the operator reads what is RED")
    log = os.path.join(suzuki.home, "log")
    with open(log, "w", encoding="utf-8") as file:
        file.write("GET http://red.kairan-e2e.jp/ and strict.kairan-e2e.jp\n")
    os.chmod(log, 0o644)
    hits = {line.get("value") for line in lines(suzuki.run("--json", "scan", log).stdout)}
    check({"red.kairan-e2e.jp", "strict.kairan-e2e.jp"} <= hits, f"scan as Suzuki: {hits}")
    kato_log = os.path.join(kato.home, "log")
    with open(log, encoding="utf-8") as source, open(kato_log, "w", encoding="utf-8") as file:
        file.write(source.read())
    os.chmod(kato_log, 0o644)
    hits = {line.get("value") for line in lines(kato.run("--json", "scan", kato_log).stdout)}
    check("red.kairan-e2e.jp" not in hits and "strict.kairan-e2e.jp" in hits, f"scan as Kato: {hits}")
    return strict


def exported(tool, sato, kato):
    """What is for a body alone goes to that body's own defences, where one of its persons opens it; RED goes nowhere."""
    sato.sends("amber.kairan-e2e.jp", "--label", "amber", "--to", "Minami")
    plain, opened = sato.done("export", "csv"), sato.run("--json", "export", "csv", "--body")
    told = json.loads(opened.stderr)
    check("amber.kairan-e2e.jp" in plain and "strict.kairan-e2e.jp" not in plain, f"without --body: {plain}")
    check(opened.returncode == 0 and "strict.kairan-e2e.jp" in opened.stdout and "amber.kairan-e2e.jp" in opened.stdout, f"with it: {opened}")
    check("red.kairan-e2e.jp" not in opened.stdout and "8.8.4.4" not in opened.stdout, f"what is RED is exported: {opened.stdout}")
    check((told["opened"], told["label"], told["values"]) == (1, "TLP:AMBER+STRICT", 2), f"what is told of it: {told}")
    check("AMBER+STRICT" in opened.stdout and "no contractor" in sato.run("export", "csv", "--body").stderr, "for whom it is, is not said")
    narrower = sato.done("export", "csv", "--body", "--label-max", "amber")
    check("strict.kairan-e2e.jp" not in narrower and "amber.kairan-e2e.jp" in narrower, f"--label-max: {narrower}")
    others = kato.done("export", "csv", "--body")  # he has sent it, can read it, and is of another body
    check("strict.kairan-e2e.jp" not in others and "amber.kairan-e2e.jp" in others, f"another body's export: {others}")
    tool.refused("key of a body", "export", "csv", "--body")
    sato.refused("--watch", "export", "csv", "--body", "--watch", "--out", os.path.join(sato.home, "csv"))
    sato.refused("--since", "export", "csv", "--body", "--since", "1")


def revised(tool, sato, suzuki, kato):
    """A record for those named is corrected by whoever can read it, for the same ones."""
    red = sato.sends("wrong.kairan-e2e.jp", "--label", "red", "--to-person", "Suzuki")
    kato.refused("cannot read", "revise", red, "right.kairan-e2e.jp", "-y")
    sato.refused("did not have it", "revise", red, "right.kairan-e2e.jp", "--to-person", "Kato", "-y")
    sato.refused("--to-person", "revise", red, "right.kairan-e2e.jp", "--to-body", "Otaru", "-y")
    sato.refused("guard", "revise", red, "8.8.8.8", "-y")
    check(suzuki.finds("wrong.kairan-e2e.jp") and json.loads(tool.done("--json", "show", red))["taken_back"] is None, "a refused revision has an effect")
    new = sato.json("revise", red, "right.kairan-e2e.jp", "--title", "corrected", "-y")["ids"][0]
    for reader in (sato, suzuki):
        shown = reader.json("show", new)
        check((shown["sealed"], shown["title"], shown["values"][0]["value"]) == ("opened", "corrected", "right.kairan-e2e.jp"), f"{shown}")
        check(reader.finds("right.kairan-e2e.jp") and not reader.finds("wrong.kairan-e2e.jp"), f"{reader.uid} does not find what stands instead")
        check(reader.json("show", red)["taken_back"]["state"] == "revised", "the former one still stands")
    check(not kato.finds("right.kairan-e2e.jp") and kato.json("show", new)["sealed"] == "closed", "a revision opens for others")
    check(tool.run("lookup", "right.kairan-e2e.jp").returncode == 1, "the node reads a revision")
    told = suzuki.run("--json", "revise", new, "--kind", "advisory", "all clear, nothing to be seen here", "-y")
    again = json.loads(told.stdout)["ids"][0]
    check("is not named in it" in told.stderr and sato.json("show", again)["sealed"] == "closed", f"whoever submitted it, and is not named: {told.stderr}")
    check(suzuki.json("show", again)["sealed"] == "opened", "a revision cannot be corrected again")
    sato.done("retract", again, "--reason", "all of it was wrong", "-y")
    check(suzuki.json("show", again)["taken_back"]["state"] == "retracted", "what is for the own council alone cannot be retracted")


def under_a_passphrase(sato, suzuki):
    """A file of keys under a passphrase: nothing opens without it, and all else goes on."""
    red = suzuki.sends("locked.kairan-e2e.jp", "--label", "red", "--to-person", "Sato")
    first, second = (os.path.join(sato.home, name) for name in ("first", "second"))
    for path in (first, second):
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"the {os.path.basename(path)} one\n")
        os.chown(path, sato.uid, sato.uid)
        os.chmod(path, 0o600)
    key = sato.json("key", "person")
    check(not key["protected"] and "not under a passphrase" in sato.done("key", "person"), f"key person: {key}")
    sato.refused("passphrase", "key", "person", "passphrase")  # nobody is there to be asked
    sato.refused("body", "key", "body", "--passphrase")
    locked = sato.json("key", "person", "passphrase", "--new-passphrase-file", first)
    check(locked["protected"] and locked["key"] == key["key"] and locked["before"] == key["before"], f"key person passphrase: {locked}")
    closed = sato.run("--json", "show", red)
    check(closed.returncode == 0 and json.loads(closed.stdout)["sealed"] == "closed" and "passphrase" in closed.stderr, f"without it: {closed}")
    check("not to you" in sato.done("ls") and sato.run("lookup", "locked.kairan-e2e.jp").returncode == 1, "what is sealed opens without it")
    sato.refused("passphrase", "submit", "a.kairan-e2e.jp", "--label", "red", "--to-person", "Suzuki", "-y")  # he could not read it again
    sato.refused("passphrase", "revise", red, "a.kairan-e2e.jp", "-y")
    sato.refused("passphrase", "key", "body", "show")
    sato.refused("passphrase", "--key-passphrase-file", second, "key", "person")  # a wrong one
    opened = sato.json("--key-passphrase-file", first, "show", red)
    check(opened["sealed"] == "opened" and opened["values"][0]["value"] == "locked.kairan-e2e.jp", f"with it: {opened}")
    check(sato.run("--key-passphrase-file", first, "lookup", "locked.kairan-e2e.jp").returncode == 0, "lookup with it finds nothing")
    sato.done("--key-passphrase-file", first, "key", "person", "passphrase", "--new-passphrase-file", second)
    check(sato.json("--key-passphrase-file", first, "show", red)["sealed"] == "closed", "the former passphrase still opens it")
    check(sato.json("--key-passphrase-file", second, "show", red)["sealed"] == "opened", "the new passphrase does not open it")
    return second


def another_council(sato, mori, minami_tool):
    """By the address that Mori has handed over; the councils' nodes carry it."""
    minami_tool.done("body", "add", "--name-en", "Kobe")
    minami_tool.done("person", "add", "Mori", "--body", "Kobe", "--role", "analyst", "--user", str(MORI))
    mori.done("key", "person", "make")
    mori.done("key", "body", "make")
    person, body = (mori.done("key", "address", what).strip() for what in ("person", "body"))
    sato.refused("--to-person", "submit", "c.kairan-e2e.jp", "--label", "amber+strict", "--to-body", person, "-y")
    sato.refused("", "submit", "c.kairan-e2e.jp", "--label", "red", "--to-person", person[:-1] + ("q" if person[-1] != "q" else "p"), "-y")
    red = sato.sends("far-red.kairan-e2e.jp", "--label", "red", "--to-person", person)
    named = {line["id"] for line in sato.json("show", red)["sealed_to"] if line["name_en"] is not None}
    check(not named, f"somebody is named who never agreed: {named}")
    minami_tool.done("body", "set", "Kobe", "--listed")
    federation.poll(lambda: "Kobe" in sato.run("body", "ls", "--listed").stdout, 60, "Kobe has agreed to being named")
    preview = sato.run("key", "trust", "body", body, "-y")
    check("Kobe (as its council names it)" in preview.stdout + preview.stderr, f"whom it is sealed to has no name: {preview}")
    strict = sato.sends("far-strict.kairan-e2e.jp", "--label", "amber+strict", "--to-body", body, "--to-body", "Sapporo")
    told = {line["name_en"]: line["named_by"] for line in sato.json("show", strict)["sealed_to"]}
    check(told == {"Kobe": "Minami", None: None}, f"show names {told}")
    check("Kobe (as this council names it: Minami)" in sato.done("show", strict), "show as text does not name it")
    for value in ("far-red.kairan-e2e.jp", "far-strict.kairan-e2e.jp"):
        federation.poll(lambda value=value: mori.finds(value), 60, f"{value} comes to Mori")
        check(minami_tool.run("lookup", value).returncode == 1, "the other council's node reads it")
    check(json.loads(minami_tool.done("--json", "show", red))["sealed"] == "closed", "the other council's operator reads it")
    sato.refused("--to-person ADDRESS", "revise", red, "mended.kairan-e2e.jp", "-y")  # keys of others are known by their addresses alone
    sato.done("revise", red, "mended.kairan-e2e.jp", "--to-person", person, "-y")
    federation.poll(lambda: mori.finds("mended.kairan-e2e.jp"), 60, "the revision comes to Mori")
    check(not mori.finds("far-red.kairan-e2e.jp"), "what was revised is still found at the other council")


def who_leaves_and_who_stays(tool, sato, suzuki, kato, strict):
    tool.done("person", "revoke", "Sato", "-y")
    sato.refused("person bind", "show", strict)
    found = [line for line in lines(tool.run("--json", "doctor").stdout.decode()) if line["check"] == "body-keys" and "Sapporo" in line["finding"]]
    check(len(found) == 2, f"doctor: {found}")  # one holder, and to be replaced
    check("TO BE REPLACED" in tool.done("handover"), "the paper for the next secretary does not say it")
    check("key body rotate" in suzuki.run("ls").stderr, "a holder is not told")
    before = suzuki.json("key", "body")["key"]
    rotated = suzuki.json("key", "body", "rotate", "-y")
    check(rotated["key"] != before and not rotated["rotation_due"] and rotated["holders"] == 1, f"rotate: {rotated}")
    # Kato has sealed something to Sapporo before, and is not of it: another key may be anybody's.
    kato.refused("key trust", "submit", "new.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo", "-y")
    kato.refused("-y", "key", "trust", "body", "Sapporo")  # nobody is there to be asked
    kato.refused("council", "key", "trust", "council", "Sapporo", "-y")
    check(kato.json("key", "trust", "body", "Sapporo", "-y")["key"] == rotated["key"], "another key is trusted than the one that there is")
    new = kato.sends("new.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo")
    own = suzuki.sends("own.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo")  # and keeps the key that there is now
    check(suzuki.json("show", own)["sealed"] == "opened", "what is for one's own body is not opened")
    suzuki.json("key", "body", "rotate", "-y")  # a holder sees that it is the same body
    suzuki.sends("own-again.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo")
    check(suzuki.json("show", new)["sealed"] == "opened" and suzuki.json("show", strict)["sealed"] == "opened", "who stays does not read on")
    # A successor, who was never there before: everything, old and new.
    tool.done("person", "add", "Sasaki", "--body", "Sapporo", "--role", "analyst", "--user", str(SATO))
    check(sato.json("show", new)["sealed"] == "closed", "what Sato had opens what is sealed to the new key")
    os.rename(sato.key_file(), sato.key_file() + ".of-sato")
    sato.done("key", "person", "make")
    check(sato.json("show", strict)["sealed"] == "closed", "a successor opens what nobody has given")
    suzuki.done("key", "body", "share", "-y")
    check(sato.json("show", strict)["sealed"] == "opened" and sato.json("show", new)["sealed"] == "opened", "a successor does not read on")
    return new


def what_is_lost(tool, sato, suzuki, new):
    """Suzuki's key; then nobody is left who holds the body's."""
    os.unlink(suzuki.key_file())
    check(suzuki.json("show", new)["sealed"] == "closed", "without the key it opens")
    suzuki.refused("--lost", "key", "person", "make")
    suzuki.done("key", "person", "make", "--lost")
    check(sato.json("key", "body")["rotation_due"], "a key that was lost may be found: it is to be replaced")
    sato.done("key", "body", "rotate", "-y")
    sato.refused("key trust", "key", "body", "share", "-y")  # Suzuki's key of before was sealed to, and this may be anybody's
    check(suzuki.json("show", new)["sealed"] == "closed", "a key that nobody compared was given the body's")
    sato.done("key", "trust", "person", "Suzuki", "-y")
    sato.done("key", "body", "share", "-y")
    check(suzuki.json("show", new)["sealed"] == "opened", "another holder did not help")
    os.unlink(sato.key_file())
    os.unlink(suzuki.key_file())
    for person in (sato, suzuki):
        person.done("key", "person", "make", "--lost")
    suzuki.refused("hold", "key", "body", "rotate", "-y")
    check(any(line["level"] == "problem" and line["check"] == "body-keys" for line in lines(tool.run("--json", "doctor").stdout.decode())),
          "doctor does not say that nobody holds it")
    suzuki.refused("--lost", "key", "body", "make")
    suzuki.done("key", "body", "make", "--lost")
    suzuki.refused("key trust", "key", "body", "share", "-y")
    suzuki.done("key", "trust", "person", "Sasaki", "-y")
    suzuki.done("key", "body", "share", "-y")
    check(suzuki.json("show", new)["sealed"] == "closed", "what was lost is not lost")
    sato.refused("key trust", "submit", "a.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo", "-y")  # no way leads to it
    sato.done("key", "trust", "body", "Sapporo", "-y")
    last = sato.sends("last.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo")
    check(suzuki.json("show", last)["sealed"] == "opened", "the new key does not work")


def nothing_was_said_to_the_node(sato, tap):
    """Of what is RED the guards were shown values; no title was told, and no secret half ever."""
    said = tap.said()
    check(b"red.kairan-e2e.jp" in said, "nothing at all was said: this test sees nothing")
    check(b"about red.kairan-e2e.jp" not in said and b"8.8.4.4" not in said and bytes([8, 8, 4, 4, 32]) not in said, "the node was told what is RED")
    check(not any(secret in said for secret in sato.secrets()), "the node was given a secret half")


def run(options):
    if os.geteuid() != 0:
        return 77
    with federation.Federation(options.kairand, ["Kita", "Minami"]) as made:
        kita, minami = made.nodes
        tool, minami_tool = Tool(options.kairan, kita.directory), Tool(options.kairan, minami.directory)
        program, path = prepare(options, made, kita)
        far_program, far_path = prepare(options, made, minami)
        sato, suzuki, kato = (Person(program, path, uid, made.root) for uid in (SATO, SUZUKI, KATO))
        tap = Tap(sato.home, path, SATO)
        sato.command[2] = tap.path
        mori = Person(far_program, far_path, MORI, made.root)
        try:
            enter(tool)
            make_keys(tool, sato, suzuki, kato)
            refusals(sato, tool)
            strict = within_the_council(tool, sato, suzuki, kato)
            exported(tool, sato, kato)
            revised(tool, sato, suzuki, kato)
            another_council(sato, mori, minami_tool)
            nothing_was_said_to_the_node(sato, tap)
            sato.before = ("--key-passphrase-file", under_a_passphrase(sato, suzuki))  # from here on
            new = who_leaves_and_who_stays(tool, sato, suzuki, kato, strict)
            what_is_lost(tool, sato, suzuki, new)
        finally:
            tap.end()
        tool.done("body", "leave", "Sapporo", "-y")
        kato.refused("key ls", "submit", "d.kairan-e2e.jp", "--label", "amber+strict", "--to-body", "Sapporo", "-y")
        check("problems: 0" in tool.done("verify"), "verify finds problems")
    return 0


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
