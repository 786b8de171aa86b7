#!/usr/bin/env python3
"""How long a link takes: to come up by a ticket, to come back when either end or a net process was killed; a clean stop; and what the
system shows of the two processes.

    link.py --kairand PROGRAM [--json]"""
import argparse
import json
import os
import shutil
import sys
import time

import federation
import wire
from federation import Failure, check

ROUNDS = 5
STOP_S = 2.0
NOBODY = 65534


def median(values):
    return sorted(values)[len(values) // 2]


def until_it_arrives(author, reader):
    """Submits at one end until it is seen at the other; seconds since the call."""
    begin = time.monotonic()
    with author.client() as client:
        identity, _ = client.submit(wire.token(), wire.GREEN, "after", ["after.kairan-e2e.jp"])
    with reader.client() as client:
        federation.poll(lambda: identity in client.reports(), 30, f"{reader.name} does not get the record", pause_s=0)
    return time.monotonic() - begin


def wait_online(node):
    with node.client() as client:
        federation.poll(lambda: client.status()["links_online"] > 0, 30,
                        lambda: f"{node.name}: the link does not come back ({node.log_tail()})", pause_s=0)


def timed(what):
    begin = time.monotonic()
    what()
    return time.monotonic() - begin


def kill_net_and_wait(victim, other):
    with victim.client() as client:
        before = client.status()["net_restarts"]
        check(victim.kill_net(), f"{victim.name} has no net process")

        def is_back():
            status = client.status()
            return status["net_restarts"] > before and status["net_is_up"]
        federation.poll(is_back, 2, f"{victim.name}: net is not back", pause_s=0)
    wait_online(victim)
    wait_online(other)


def kill_and_wait(victim, other):
    victim.kill()
    victim.start()
    wait_online(victim)
    wait_online(other)


def proc_field(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith(name + ":"))


def check_confinement(node):
    net = node.net_pid()
    check(proc_field(net, "NoNewPrivs") == "1", "net may gain privileges")
    check(proc_field(net, "Seccomp") == "2", "net is not under seccomp")
    for pid in (node.process.pid, net):
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            core = next(line for line in file if line.startswith("Max core file size")).split()
        check(core[4] == core[5] == "0", f"process {pid} may leave a core file")


def check_hidden(node):
    """A process that is not dumpable belongs to root in /proc, whoever runs it: run as nobody, it can be seen."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return
    node.stop()
    for directory, names, files in os.walk(node.directory):
        for name in [".", *names, *files]:
            os.chown(os.path.join(directory, name), NOBODY, NOBODY, follow_symlinks=False)
    os.chmod(os.path.dirname(node.directory), 0o711)
    mask = os.umask(0)  # for the manager's socket, which the node has to reach; the node has its own mask
    try:
        node.start(("sh", "-c", f'umask 077; exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups "$@"', "sh"))
    finally:
        os.umask(mask)
    check(proc_field(node.process.pid, "Uid") == str(NOBODY), "it does not run as nobody")
    for pid in (node.process.pid, node.net_pid()):
        check(os.stat(f"/proc/{pid}/mem").st_uid == 0, "a debugger of the same user could read its memory")


def run(options):
    figures = {}
    with federation.Federation(options.kairand, ("Hokkaido", "Kinki"), is_chain=False) as fed:
        left, right = fed.nodes
        with left.client() as inviter, right.client() as joiner:
            ticket = inviter.invite()
            figures["join"] = timed(lambda: joiner.join(ticket))
        wait_online(left)
        check_confinement(left)
        for name, act in (("net killed", kill_net_and_wait), ("keeper killed", kill_and_wait)):
            for victim, other in ((left, right), (right, left)):
                times = [timed(lambda: act(victim, other)) for _ in range(ROUNDS)]
                figures[f"{name}, {'inviter' if victim is left else 'joiner'}"] = median(times)
                figures["submission after that"] = until_it_arrives(left, right)
        with left.client() as one, right.client() as two:
            check(set(one.reports()) == set(two.reports()) and len(one.reports()) == 4, "a record was lost")
        check_hidden(left)
        for node in fed.nodes:
            took = timed(node.stop)
            check(took < STOP_S, f"{node.name} took {took:.1f} s to stop")
            figures["stop"] = max(took, figures.get("stop", 0))
    for name, value in figures.items():
        print(json.dumps({"case": name, "value": round(value * 1000, 1), "unit": "ms"}) if options.json else
              f"{name}: {value * 1000:.0f} ms")
        check(value < 5.0, f"{name} took {value:.1f} s")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.kairand = os.path.abspath(options.kairand)
    try:
        run(options)
    except (Failure, wire.Refused) as failure:
        print(f"link: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
