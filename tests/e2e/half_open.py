#!/usr/bin/env python3
"""Ten thousand connections that say nothing, or half a greeting, or greet and prove no key, beside honest traffic: links that stand go
on, a node that was away comes back, a newcomer joins, and the node neither grows nor stops.

    half_open.py --kairand PROGRAM [--connections N] [--memory-mib N] [--json]"""
import argparse
import itertools
import os
import resource
import select
import socket
import subprocess
import sys
import time

import federation
import wire
from federation import Failure, check
from lines import Lines

ADDRESSES = 250  # of an attacker who has many: fewer than the strangers that a node lets wait
HALF_A_GREETING = b"\xff\0\0\0\0\0\0\0\x01\x7f"
GREETING = HALF_A_GREETING + b"\x03\x01CURVE" + bytes(15 + 1 + 31)
ROUNDS = 15
GIVES_UP_S = 8  # on a connection: the kernel asks again after 1 s, 3 s, 7 s
COMES_BACK_S = 60  # on a machine with other work; without a bound for strangers a peer may be kept out for minutes
STALLS_S = 120  # so long not one more of the attacker's connections is taken: he, too, waits for a machine with other work, for minutes in all
WITHOUT = "the same without the attack, before and after"


# ---- the attacker: a process of its own ----

class Attacker:
    def __init__(self, port, count, addresses):
        self.addresses = itertools.cycle(f"127.0.{i // 100}.{i % 100 + 66}" for i in range(addresses))
        self.target = ("127.0.0.1", port)
        self.poller = select.epoll()
        self.sockets = {}
        self.waiting = {}
        self.made = 0
        for _ in range(count):
            self.connect()

    def again(self, number):
        self.poller.unregister(number)
        self.sockets.pop(number).close()
        self.waiting.pop(number, None)
        self.connect()

    def connect(self):
        one = socket.socket()
        one.setblocking(False)
        one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        one.bind((next(self.addresses), 0))
        one.connect_ex(self.target)
        self.sockets[one.fileno()] = one
        self.waiting[one.fileno()] = time.monotonic()
        self.poller.register(one.fileno(), select.EPOLLOUT | select.EPOLLRDHUP)

    def turn(self):
        """Each connection that the node ends is made again at once, and so is each that it did not take within a while (a shorter one would
        cost this process more than the node: it would be busy with giving up)."""
        now = time.monotonic()
        while self.waiting and next(iter(self.waiting.values())) < now - GIVES_UP_S:
            self.again(next(iter(self.waiting)))
        for number, events in self.poller.poll(0.1, 1024):
            one = self.sockets[number]
            if events & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                self.again(number)
            else:
                said = (b"", HALF_A_GREETING, GREETING)[self.made % 3]
                self.made += 1
                self.waiting.pop(number, None)
                if said:
                    one.send(said)
                self.poller.modify(number, select.EPOLLRDHUP)


def attack(port, count, addresses):
    """Says how many of its connections the node's machine has taken so far, ever."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    attacker = Attacker(port, count, addresses)
    while True:
        attacker.turn()
        print(attacker.made, flush=True)


# ---- the test ----

class Attack:
    """As many processes as the limit of descriptors asks for."""

    def __init__(self, port, count, addresses):
        each = min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 64)
        self.made = {}
        self.processes = []
        while count > 0:
            self.processes.append(subprocess.Popen(
                [sys.executable, os.path.abspath(__file__), "--attack", str(port), "--connections", str(min(each, count)),
                 "--addresses", str(addresses)],
                stdout=subprocess.PIPE, preexec_fn=federation._die_with_parent))
            count -= each
        for process in self.processes:
            os.set_blocking(process.stdout.fileno(), False)

    def connections(self):
        for process in self.processes:
            check(process.poll() is None, "the attacker has ended")
            lines = process.stdout.read()
            if lines:
                self.made[process.pid] = int(lines.split()[-1])
        return sum(self.made.values())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()


def rss_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("RssAnon:")))


def median(values):
    return sorted(values)[len(values) // 2]


def timed(what):
    begin = time.monotonic()
    what()
    return time.monotonic() - begin


def arrives(author, reader, number):
    with author.client() as client:
        identity, _ = client.submit(wire.token(), wire.GREEN, "half open", [f"h{number}.kairan-e2e.jp"])
    with reader.client() as client:
        federation.poll(lambda: identity in client.reports(), 60, f"{reader.name} does not get the record", pause_s=0)


def is_linked(node, count):
    with node.client() as client:
        return client.status()["links_online"] >= count


class Crowded:
    """What honest nodes get done meanwhile, and what it costs the attacked one."""

    def __init__(self, fed, memory_mib):
        self.kita, self.minami, self.nishi = fed.nodes
        self.memory_mib = memory_mib
        self.number = 0
        self.quiet = ([], [])  # records; coming back
        self.attacked = {}  # name of the attack → the same, and the most memory of net, MiB

    def records(self):
        self.number += ROUNDS
        return median([timed(lambda i=i: arrives(self.kita, self.minami, self.number + i)) for i in range(ROUNDS)])

    def alone(self):
        for _ in range(3):
            self.quiet[0].append(self.records())
            self.quiet[1].append(timed(self.come_back))

    def come_back(self):
        self.minami.kill()
        self.minami.start()
        federation.poll(lambda: is_linked(self.minami, 1), COMES_BACK_S, "a node that was away does not come back", pause_s=0)

    def meet(self, name, attacked, count):
        """Until so many connections were taken; all the while records go out, and the peer comes back again and again."""
        times, back, rss = [], [], 0
        taken, taken_s = 0, time.monotonic()
        while attacked.connections() < count or len(back) < 3:
            if attacked.connections() > taken:
                taken, taken_s = attacked.connections(), time.monotonic()
            check(time.monotonic() < taken_s + STALLS_S or taken >= count, f"{name}: no more than {taken} connections are taken")
            times.append(self.records())
            back.append(timed(self.come_back))
            rss = max(rss, rss_kib(self.kita.net_pid()))
        self.attacked[name] = (times, back, rss / 1024)
        check(rss < self.memory_mib * 1024, f"{name}: net has grown to {rss} KiB")
        with self.kita.client() as client:
            check(client.status()["net_restarts"] == 0, f"{name}: net has ended")


def joins(host, guest):
    with host.client() as inviter, guest.client() as joiner:
        ticket = inviter.invite()
        return timed(lambda: joiner.join(ticket))


def say(lines, crowded, joining):
    for name, (times, back, mib) in crowded.attacked.items():
        lines.say(f"{name}: record to a linked peer", median(times) * 1000, "ms", median(crowded.quiet[0]) * 1000, WITHOUT, 10)
        lines.say(f"{name}: a peer comes back, median", median(back) * 1000, "ms", median(crowded.quiet[1]) * 1000, WITHOUT, 10)
        lines.say(f"{name}: a peer comes back, longest", max(back) * 1000, "ms", COMES_BACK_S * 1000, "what it may take", 1)
        lines.say(f"{name}: memory of net", mib, "MiB", crowded.memory_mib, "what it may have", 1)
    lines.say("one address: a newcomer joins", joining[1] * 1000, "ms", joining[0] * 1000, "one that joins before", 0)


def run(options):
    lines = Lines("half_open", options.json)
    with federation.Federation(options.kairand, ("Kita", "Minami", "Nishi"), is_chain=False) as fed:
        kita, minami, nishi = fed.nodes
        joining = [joins(kita, minami)]
        crowded = Crowded(fed, options.memory_mib)
        crowded.alone()
        with Attack(kita.port, options.connections, 1) as attacked:
            crowded.meet("one address", attacked, options.connections)
            joining.append(joins(kita, nishi))
        federation.poll(lambda: "127.0.0.66" in kita.log_tail(), 30, "the log does not say who was cut")
        with Attack(kita.port, options.connections, ADDRESSES) as attacked:
            crowded.meet("many addresses", attacked, options.connections)
        federation.poll(lambda: len(os.listdir(f"/proc/{kita.net_pid()}/fd")) < 64, 60, "connections of the attacker are left")
        crowded.alone()
        for node in fed.nodes:
            node.stop()
    say(lines, crowded, joining)


def main():
    # What was freed is to be gone, also in a build that keeps it back for a while (AddressSanitizer).
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kairand", type=os.path.abspath)
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--memory-mib", type=int, default=64, help="that net may have at most")
    parser.add_argument("--attack", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--addresses", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.attack:
        attack(options.attack, options.connections, options.addresses)
    try:
        run(options)
    except (Failure, wire.Refused) as failure:
        print(f"half_open: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
