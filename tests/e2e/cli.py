#!/usr/bin/env python3
"""The command line and the daemon where things go wrong: every mistake ends with the documented status and a sentence that says what to
do, and changes nothing."""
import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import sys

import federation
import wire
from federation import Failure, check


class Tool:
    def __init__(self, kairan, state):
        self.kairan, self.state = kairan, state

    def run(self, *arguments, given=b"", environment=None):
        environment = dict(os.environ, **(environment or {}))
        return subprocess.run([self.kairan, "--state", self.state, "--lang", "en", *arguments], input=given, capture_output=True, timeout=120,
                              check=False, env=federation.lean(environment, arguments))

    def refused(self, word, *arguments, status=2, given=b""):
        """Ends with `status`, says `word` on stderr and nothing on stdout."""
        ended = self.run(*arguments, given=given)
        said = ended.stderr.decode()
        shown = " ".join(argument[:60] for argument in arguments)
        check(ended.returncode == status, f"{shown}: status {ended.returncode}, not {status}: {said}")
        check(word in said, f"{shown}: {word!r} is not in {said!r}")
        check(not ended.stdout, f"{shown}: a refusal wrote to stdout: {ended.stdout[:200]!r}")

    def done(self, *arguments, given=b""):
        ended = self.run(*arguments, given=given)
        check(ended.returncode == 0, f"{' '.join(arguments)[:120]}: status {ended.returncode}: {ended.stderr.decode()}")
        return ended.stdout.decode()


def lines(text):
    """What was printed with --json: one object a line."""
    return [json.loads(line) for line in text.splitlines()]


def has(tool, value):
    return tool.run("lookup", value).returncode == 0


def write(path, text):
    """A file that nobody else can read, as those with keys and passphrases must be. Returns its path."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return path


def without_a_node(tool):
    for arguments in (("status",), ("lookup", "kairan-e2e.jp"), ("ls",), ("invite",), ("peers",), ("verify",),
                      ("submit", "evil.kairan-e2e.jp", "--label", "clear", "-y")):
        tool.refused("kairand", *arguments)
    ended = tool.run("--json", "status")
    check(ended.returncode == 2, "--json status without a node")
    check(json.loads(ended.stdout + ended.stderr)["error"] == "NOT_FOUND", f"{ended}")
    tool.refused("", "status", "--wait", "1s")
    japanese = subprocess.run([tool.kairan, "--state", tool.state, "--lang", "ja", "status"], capture_output=True, check=False)
    check(japanese.returncode == 2 and any(ord(c) > 0x3000 for c in japanese.stderr.decode()), "--lang ja is not Japanese")


def mistakes(tool):
    tool.refused("nonsense", "nonsense")
    tool.refused("--nonsense", "status", "--nonsense")
    tool.refused("value", "submit", "--label")
    tool.refused("purple", "submit", "evil.kairan-e2e.jp", "--label", "purple", "-y")
    tool.refused("nowhere.eml", "submit", "./nowhere.eml", "--label", "clear", "-y")
    tool.refused("nowhere.eml", "submit", "nowhere.eml", "--label", "clear", "-y")
    tool.refused("", "show", "zz")
    tool.refused("", "show", "00112233")
    tool.refused("", "lookup", "not a value at all")


def submissions(tool, node):
    def nothing_new(word, *arguments, given=b""):
        tool.refused(word, "submit", *arguments, given=given)

    nothing_new("label", "evil.kairan-e2e.jp", "-y")
    nothing_new("TLP:AMBER", "-", "-y", given="TLP:AMBER evil.kairan-e2e.jp\n".encode())
    nothing_new("wider", "-", "--label", "clear", "-y", given="TLP:AMBER evil.kairan-e2e.jp\n".encode())
    nothing_new("--to", "evil.kairan-e2e.jp", "--label", "amber", "-y")
    nothing_new("Nowhere", "evil.kairan-e2e.jp", "--label", "amber", "--to", "Nowhere", "-y")
    nothing_new("-y", "evil.kairan-e2e.jp", "--label", "clear")
    nothing_new("guard", "127.0.0.1", "evil.kairan-e2e.jp", "--label", "clear", "-y")
    nothing_new("indicators", "nothing to see here", "--label", "clear", "-y")
    check(tool.run("lookup", "evil.kairan-e2e.jp").returncode == 1, "a refused submission can be found")
    check(tool.run("ls").returncode == 1, "a refused submission is listed")

    # 4,097 indicators: one more than a record takes. The command line splits; keeper refuses what is not split.
    values = [f"v{i}.kairan-e2e.jp" for i in range(4097)]
    ended = json.loads(tool.done("--json", "submit", "-", "--label", "clear", "-y", given="\n".join(values).encode()))
    check(len(ended["ids"]) == 2 and ended["indicators"] == 4097, f"4,097 indicators became {len(ended['ids'])} records")
    with node.client() as client:
        for begin in range(0, len(values), 1024):
            part = values[begin:begin + 1024]
            check(client.found(part) == set(part), "a value of a split submission is not found")
            for order in (part[::-1], part[::2] + part[1::2], [value for value in part[:500] for _ in range(2)]):
                items = client.call(wire.LOOKUP, [[wire.DOMAIN, value.encode()] for value in order])[0]
                check([item[1][1].decode() for item in items] == order, "look-ups in another order find something else")
        for label, indicators, code in ((wire.CLEAR, values, wire.BOUNDS), (0, values[:1], wire.UNLABELLED)):
            try:
                client.submit(wire.token(), label, "raw", indicators)
            except wire.Refused as refusal:
                check(refusal.code in (code, 4), f"keeper refuses with {refusal}, not {code}")
            else:
                raise Failure(f"keeper took what it must refuse with {code}")
        check(len(client.reports()) == 2, "what keeper refused is there")


def tickets(tool, other):
    tool.refused("ticket", "join", "kairan1nonsense")
    tool.refused("ticket", "join", "hello")
    ticket = tool.done("invite", "--by-hand", "--ttl", "10m").split()[0]
    other.done("join", "--by-hand", "-", given=ticket.encode())
    other.refused("", "join", "--by-hand", ticket)
    tool.refused("", "join", "--by-hand", ticket)
    expired = tool.done("invite", "--by-hand", "--ttl", "1s").split()[0]
    federation.poll(lambda: b"no longer valid" in other.run("join", "--by-hand", expired).stderr, 10, "an expired ticket is not refused as such")


def overridden(tool, other):
    """Why the guards were overridden is told at the author's own node, and nowhere else."""
    why = "a page of it is abused"
    submit = ("--json", "submit", "www.google.com", "--label", "clear", "-y")
    identity = json.loads(tool.done(*submit, "--force", "--reason", why))["ids"][0]
    plain = json.loads(tool.done("--json", "submit", "harmless.kairan-e2e.jp", "--label", "clear", "-y"))["ids"][0]
    federation.poll(lambda: other.run("show", identity).returncode == 0, 30, "the peer does not get what was forced")
    for command in ("show", "explain"):
        told = json.loads(tool.done("--json", command, identity))["forced"] or {}
        check(told.get("reason") == why and told.get("at"), f"{command} --json says {told} of why it was forced")
        check(why in tool.done(command, identity), f"{command} does not say why it was forced")
        check(json.loads(tool.done("--json", command, plain))["forced"] is None, f"{command}: what was not forced is said to be")
        check("--force" not in tool.done(command, plain), f"{command} says of what was not forced that it was")
        check(json.loads(other.done("--json", command, identity))["forced"] is None, f"{command}: the peer knows why it was forced")


def passphrase(kairand, kairan, root):
    """The right one runs the node; the wrong one does not, and says why."""
    state = os.path.join(root, "sealed")
    for name, text in (("right", "shio to hikari\n"), ("wrong", "hikari to shio\n")):
        with open(os.path.join(root, name), "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
    tool = Tool(kairan, state)
    tool.done("init", "--name-en", "Sealed", "--passphrase-file", os.path.join(root, "right"))
    for arguments in (["--passphrase-file", os.path.join(root, "wrong")], []):
        ended = subprocess.run([kairand, "--state", state, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
                               check=False, start_new_session=True)
        check(ended.returncode == 1 and b"passphrase" in ended.stderr, f"with {arguments}: {ended}")
    tool.refused("", "init", "--name-en", "Again")


def another_passphrase(kairan, node, root):
    """Changing it: all or nothing, whatever goes wrong. Works on the node that passphrase() has made."""
    state, right, wrong = (os.path.join(root, name) for name in ("sealed", "right", "wrong"))

    def write(name, text):
        path = os.path.join(root, name)
        with open(path, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)
        return path

    def full():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    def begin(old, new, directory=state, prepare=None, language="en"):
        given = (["--passphrase-file", old] if old else []) + (["--new-passphrase-file", new] if new else [])
        return subprocess.Popen([kairan, "--state", directory, "--lang", language, "passphrase", *given], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=prepare)

    def change(*arguments, **options):
        process = begin(*arguments, **options)
        said = b"".join(process.communicate(timeout=120))
        return process.returncode, said.decode()

    def opens(passphrase):
        return change(passphrase, passphrase)[0] == 0

    def refused(word, *arguments, **options):
        status, said = change(*arguments, **options)
        check(status == 2 and word in said, f"passphrase {arguments}: status {status}, {word!r} is not in {said!r}")
        check(sorted(name for name in os.listdir(state) if "keyring" in name) == ["keyring"], "something is left beside the keyring")
        check(opens(right), f"the keyring was changed although {word!r}")

    following, empty = write("following", "潮と光\n"), write("empty", "\n")
    refused("wrong passphrase", wrong, following)
    refused("under a passphrase", None, following)
    refused("no file", right, os.path.join(root, "nowhere"))
    refused("empty", right, empty)
    refused("no new passphrase", right, None)
    refused("cannot write", right, following, prepare=full)
    status, said = change(None, following, directory=os.path.join(root, "none"))
    check(status == 2 and "kairan init" in said and not os.path.exists(os.path.join(root, "none")), f"without a node: {said}")
    status, said = change(None, following, directory=node.directory)
    check(status == 2 and "already runs" in said, f"while the node runs: {said}")

    present, chance = right, random.Random(11)
    for _ in range(5):
        other = following if present == right else right
        process = begin(present, other)
        try:
            process.wait(chance.uniform(0, 0.3))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)
        present, other = (present, other) if opens(present) else (other, present)
        check(opens(present) and not opens(other), "a change that was killed left neither passphrase")

    other = following if present == right else right
    status, said = change(present, other, language="ja")
    check(status == 0 and "パスフレーズを変えました" in said, f"status {status}: {said}")
    check(opens(other) and not opens(present), "the old passphrase still opens the keyring, or the new one does not")

    bare = os.path.join(root, "bare")
    Tool(kairan, bare).done("init", "--name-en", "Bare")
    status, said = change(None, right, directory=bare)
    check(status == 0, f"an unprotected keyring: {said}")
    status, said = change(None, right, directory=bare)
    check(status == 2 and "under a passphrase" in said, f"the keyring is unprotected still: {said}")


def bump_store_format(store):
    """What a newer program would have written: a higher number at the head of the store's format row (store/format.c)."""
    lmdb = ctypes.CDLL("liblmdb.so.0")

    class Value(ctypes.Structure):
        _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_void_p)]

    def call(name, *arguments):
        check(getattr(lmdb, name)(*arguments) == 0, f"{name} failed")

    environment, txn, dbi, row = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint(), Value()
    key = ctypes.create_string_buffer(b"format", 6)
    call("mdb_env_create", ctypes.byref(environment))
    call("mdb_env_set_maxdbs", environment, 64)
    call("mdb_env_open", environment, store.encode(), 0, 0o600)
    call("mdb_txn_begin", environment, None, 0, ctypes.byref(txn))
    call("mdb_dbi_open", txn, b"meta", 0, ctypes.byref(dbi))
    key_value = Value(6, ctypes.cast(key, ctypes.c_void_p))
    call("mdb_get", txn, dbi, ctypes.byref(key_value), ctypes.byref(row))
    value = bytearray(ctypes.string_at(row.data, row.size))
    value[:4] = (int.from_bytes(value[:4], "big") + 1).to_bytes(4, "big")
    copy = ctypes.create_string_buffer(bytes(value), len(value))
    call("mdb_put", txn, dbi, ctypes.byref(key_value), ctypes.byref(Value(len(value), ctypes.cast(copy, ctypes.c_void_p))), 0)
    call("mdb_txn_commit", txn)
    lmdb.mdb_env_close(environment)


def newer_store(node):
    bump_store_format(os.path.join(node.directory, "store"))
    ended = subprocess.run([node.kairand, "--state", node.directory], capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
                           check=False)
    check(ended.returncode == 1 and b"install the newer program" in ended.stderr, f"a newer store: {ended}")


def run(options):
    with federation.Federation(options.kairand, ("Hokkaido", "Kinki"), is_chain=False) as fed:
        node, other = fed.nodes
        without_a_node(Tool(options.kairan, os.path.join(fed.root, "none")))
        tool = Tool(options.kairan, node.directory)
        mistakes(tool)
        submissions(tool, node)
        tickets(tool, Tool(options.kairan, other.directory))
        overridden(tool, Tool(options.kairan, other.directory))
        passphrase(options.kairand, options.kairan, fed.root)
        another_passphrase(options.kairan, node, fed.root)
        node.stop()
        tool.refused("kairand", "status")
        newer_store(node)
        other.stop()


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
