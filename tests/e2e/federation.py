"""Real daemons in temporary directories, on loopback, and what the tests need of them: started, ready (sd_notify), killed, joined.
Nothing sleeps; whoever waits, waits for a datagram, a page or an end, with a time limit that fails the test."""
import argparse
import ctypes
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import wire

READY_S = 60.0


class Failure(Exception):
    """What the test found."""


def check(holds, what):
    if not holds:
        raise Failure(what)


def free_port():
    """Below those that the system gives to outgoing connections: a node that is killed gets its port again."""
    for _ in range(1000):
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no port is free")


_prctl = ctypes.CDLL(None).prctl


def _die_with_parent():
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no daemon outlives its test


def poll(holds, within_s, what, pause_s=None):
    """Asks again and again. Between two questions the machine is left to those who work for three times as long as a question took (the
    start of a sanitized program takes a fifth of a second), or for `pause_s`, where the time that it takes is to be measured. `what` may be a
    function, so that it tells how things are at the end."""
    deadline = time.monotonic() + within_s
    pause = threading.Event()
    asked = time.monotonic()
    while not holds():
        now = time.monotonic()
        if now >= deadline:
            raise Failure(f"{what() if callable(what) else what} within {within_s:.0f} s")
        pause.wait(max(0.02, 3 * (now - asked)) if pause_s is None else pause_s)
        asked = time.monotonic()


_looked_at = set()


def lean(environment, arguments):
    """The environment of a command. Looking for leaks takes a sanitized command line as long as all else that it does: it is done when a test
    gives a command for the first time."""
    command = tuple(word for word in arguments[:3] if word.isalpha())[:2] # (values have dots, ids digits, options dashes)
    is_known = command in _looked_at
    _looked_at.add(command)
    return dict(environment, ASAN_OPTIONS=f"{environment.get('ASAN_OPTIONS', '')}:detect_leaks=0") if is_known else environment


class Node:
    def __init__(self, kairand, directory, name, community=None, dials_only=False, newcomers=None, prefix=()):
        self.kairand, self.directory, self.name = kairand, directory, name
        self.path = os.path.join(directory, "kairand.sock")
        self.process = None
        self.port = free_port()
        endpoint = f"tcp://127.0.0.1:{self.port}"
        command = [*prefix, kairand, "--init", "--state", directory, "--name-en", name] + ([] if dials_only else ["--endpoint", endpoint])
        if community:
            command += ["--found-community", community] + (["--newcomers", newcomers] if newcomers else [])
        made = subprocess.run(command, capture_output=True, timeout=READY_S, check=False, stdin=subprocess.DEVNULL)
        check(made.returncode == 0, f"--init of {name}: {made.stderr.decode()}")
        self.council = bytes.fromhex(made.stdout.decode().strip())
        with open(os.path.join(directory, "kairan.conf"), "w", encoding="utf-8") as file:
            where = "" if dials_only else f"listen = {endpoint}\nendpoint = {endpoint}\n"
            file.write(f"[node]\n{where}log_level = notice\nworkers = 1\n[guard]\nallow_documentation = yes\n")

    def start(self, prefix=()):
        notify_path = os.path.join(self.directory, "notify")
        if os.path.exists(notify_path):
            os.unlink(notify_path)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(notify_path)
        environment = dict(os.environ, NOTIFY_SOCKET=notify_path)
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen([*prefix, self.kairand, "--state", self.directory], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent)
        deadline = time.monotonic() + READY_S
        manager.settimeout(1.0)
        try:
            while True:
                try:
                    if b"READY=1" in manager.recv(4096):
                        return
                except socket.timeout:
                    check(self.process.poll() is None, f"{self.name} ended by itself: {self.log_tail()}")
                    check(time.monotonic() < deadline, f"{self.name} is not ready after {READY_S:.0f} s: {self.log_tail()}")
        finally:
            manager.close()

    def log_tail(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def client(self, timeout_s=60.0):
        return wire.Client(self.path, timeout_s)

    def net_pid(self):
        """keeper's child; None where it has none just now."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                children = file.read().split()
        except OSError:
            children = []
        if children:
            return int(children[0])
        for entry in os.listdir("/proc"):  # children of other threads, or a kernel without that file
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                        fields = file.read().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[1]) == self.process.pid and fields[0] != "Z":
                    return int(entry)
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def kill_net(self):
        pid = self.net_pid()
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def stop(self):
        """As a service manager does: SIGTERM, and status 0 within its time."""
        self.process.terminate()
        try:
            status = self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"{self.name} does not stop on SIGTERM") from None
        check(status == 0, f"{self.name} stopped with status {status}: {self.log_tail()}")


class Federation:
    """Councils in a chain, each invited by the one before, all members of one community that the first one founded; or, where it is no
    chain, not linked yet."""

    def __init__(self, kairand, names, is_chain=True):
        self.root = tempfile.mkdtemp(prefix="kairan-e2e-", dir=os.environ.get("TMPDIR", "/tmp"))
        self.nodes = []
        try:
            for i, name in enumerate(names):
                directory = os.path.join(self.root, str(i))
                os.mkdir(directory, 0o700)
                self.nodes.append(Node(kairand, directory, name, "Test" if i == 0 else None))
                self.nodes[i].start()
            for i, (left, right) in enumerate(zip(self.nodes, self.nodes[1:] if is_chain else []), start=1):
                with left.client() as inviter, right.client() as joiner:
                    joiner.join(inviter.invite())
                    check(any(members > i for _, _, members in joiner.status()["communities"]),
                          f"{right.name} has joined and is not a member")
        except BaseException:
            self.close()
            raise

    def close(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_for_reports(node, wanted, within_s):
    """Until the node shows every id of `wanted`. The watch is in force once a question behind it is answered (both wait in one
    queue); the list is read only then, so that nothing falls between."""
    deadline = time.monotonic() + within_s
    with node.client() as watcher, node.client() as asker:
        missing = set(wanted)
        number = watcher.begin(wire.WATCH, [])
        behind = watcher.begin(wire.STATUS, [])
        frame = watcher.receive()
        while frame[1] != behind:
            missing -= {wire.unpack(item)[0] for item in frame[2]}
            frame = watcher.receive()
        missing -= set(asker.reports())
        while missing:
            left = deadline - time.monotonic()
            check(left > 0, f"{node.name} still lacks {len(missing)} of {len(wanted)} records after {within_s:.0f} s")
            watcher.socket.settimeout(left)
            try:
                frame = watcher.receive()
            except socket.timeout:
                continue
            check(frame[1] == number and frame[0] == wire.PAGE, f"watch on {node.name} ended: {frame}")
            missing -= {wire.unpack(item)[0] for item in frame[2]}


def in_directory(part):
    """Gives a part of a test a directory of its own, which is gone afterwards."""
    @functools.wraps(part)
    def run(options):
        directory = tempfile.mkdtemp(prefix="kairan-e2e-", dir=os.environ.get("TMPDIR", "/tmp"))
        try:
            return part(options, directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    return run


def main(doc, *parts, **more):
    """The way into a test of daemon and command line: `parts` are called with the options one after the other, until one returns a
    status (77: skipped) or finds something. `more`: further options of that test's. Returns the exit status."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for program in ("--kairand", "--kairan"):
        parser.add_argument(program, required=True, type=os.path.abspath)
    for name, properties in more.items():
        parser.add_argument(f"--{name}", **properties)
    options = parser.parse_args()
    for part in parts:
        try:
            status = part(options)
        except (Failure, wire.Refused) as failure:
            print(f"{os.path.basename(sys.argv[0])}: {part.__name__}: {failure}", file=sys.stderr)
            return 1
        if status:
            return status
    return 0
