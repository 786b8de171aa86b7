#!/usr/bin/env python3
"""SIGKILL at random moments of keeper, of net, of both, and of two councils' at once, while submissions go on at every node and are
repeated with their tokens.

    kill.py --kairand PROGRAM [--rounds N] [--seed N] [--json]

Three councils in a chain. Afterwards every record that was ever acknowledged must be at its author, at everyone who may hold it and
at nobody else, once, whatever was repeated; and every store must verify."""
import argparse
import json
import random
import sys
import threading
import time

import federation
import wire
from federation import Failure, check

CONVERGE_S = 180.0
ANSWER_S = 60.0
KINDS = {  # of deaths: what dies, at how many nodes
    "net": (("net",), 1),
    "keeper": (("keeper",), 1),
    "keeper_and_net": (("net", "keeper"), 1),
    "two_keepers": (("keeper",), 2),
    "two_keepers_and_nets": (("net", "keeper"), 2),
}


class Submitter(threading.Thread):
    """Submits one report after the other at one node; a lost answer is asked for again with the same token."""

    def __init__(self, node, neighbours, seed):
        super().__init__(daemon=True)
        self.node, self.neighbours = node, neighbours
        self.random = random.Random(seed)
        self.accepted = {}  # id → (title, label, audience)
        self.repeated = self.known = 0
        self.ended = threading.Event()
        self.may_connect = threading.Event()
        self.may_connect.set()
        self.progress = threading.Semaphore(0)
        self.failure = None

    def run(self):
        try:
            while not self.ended.is_set():
                self._submit_one()
                self.progress.release()
        except Exception as error:  # told by the main thread
            self.failure = error
            self.progress.release()

    def _submit_one(self):
        serial = len(self.accepted)
        title = f"{self.node.name} {serial}"
        label = self.random.choice((wire.GREEN, wire.GREEN, wire.CLEAR, wire.AMBER))
        audience = (self.random.choice(self.neighbours).council,) if label == wire.AMBER else ()
        values = [f"n{serial}-{i}.{self.node.name.lower()}.kairan-e2e.jp" for i in range(self.random.choice((1, 2, 40)))]
        token = self.random.randbytes(16)
        for attempt in range(1000):
            self.may_connect.wait()
            try:
                with self.node.client(ANSWER_S) as client:
                    while True:
                        identity, known = client.submit(token, label, title, values, audience)
                        check(identity not in self.accepted, "two tokens gave one record")
                        self.accepted[identity] = (title, label, audience)
                        self.repeated += attempt > 0
                        self.known += known
                        return
            except OSError:
                continue  # keeper was killed: again, when it is back
        raise Failure(f"{self.node.name}: no answer to {title} in 1,000 attempts")


def kill_round(fed, submitters, rng, kind):
    """One death at a moment that is random in submissions and in time."""
    parts, how_many = KINDS[kind]
    victims = rng.sample(list(zip(fed.nodes, submitters)), how_many)
    node, submitter = victims[0]
    for _ in range(rng.randrange(3)):
        check(submitter.progress.acquire(timeout=ANSWER_S), f"{node.name}: submissions do not go on: {node.log_tail()}")
        check(submitter.failure is None, f"{submitter.failure}")
    threading.Event().wait(rng.random() * 0.03)  # the random moment itself; nothing is waited for
    if parts == ("net",):
        federation.poll(node.kill_net, 30, f"{node.name} has no net process")  # it may not be back yet from the last round
        check(node.process.poll() is None, f"{node.name}: keeper died with its net: {node.log_tail()}")
    else:
        for _, submitter in victims:
            submitter.may_connect.clear()
        for node, _ in victims:
            if "net" in parts:
                node.kill_net()  # where there is none just now, keeper dies while it makes one
            node.process.kill()
        for node, _ in victims:
            node.process.wait()
        for node, submitter in rng.sample(victims, how_many):  # either may be back first
            node.start()
            submitter.may_connect.set()


def may_hold(fed, author, label, audience, holder):
    return label in (wire.GREEN, wire.CLEAR) or holder is author or holder.council in audience


def check_outcome(fed, submitters):
    """Loss, leak, doubles, damage. Returns the number of records."""
    total = 0
    for holder in fed.nodes:
        wanted, titles = set(), {}
        for submitter in submitters:
            for identity, (title, label, audience) in list(submitter.accepted.items()):
                if may_hold(fed, submitter.node, label, audience, holder):
                    wanted.add(identity)
                    titles[title] = identity
        federation.wait_for_reports(holder, wanted, CONVERGE_S)
        with holder.client() as client:
            shown = client.reports()
            check(set(shown) == wanted, f"{holder.name} shows {len(set(shown) - wanted)} records that it should not have")
            check(len(titles) == len(wanted) and len(set(shown.values())) == len(shown), f"{holder.name} has a record twice")
            problems, result = client.verify()
            check(not problems and result[1] == 0, f"{holder.name}: verify tells {problems[:3]}")
        total = max(total, len(wanted))
    return total


def run(options):
    rng = random.Random(options.seed)
    counts, deck = dict.fromkeys(KINDS, 0), []
    begin = time.monotonic()
    with federation.Federation(options.kairand, ("Hokkaido", "Kinki", "Chugoku")) as fed:
        h, k, c = fed.nodes
        submitters = [Submitter(h, [k], options.seed * 3 + 1), Submitter(k, [h, c], options.seed * 3 + 2),
                      Submitter(c, [k], options.seed * 3 + 3)]
        for submitter in submitters:
            submitter.start()
        try:
            for done in range(options.rounds):
                deck = deck or rng.sample(list(KINDS), len(KINDS))  # so that few rounds have every kind
                kind = deck.pop()
                kill_round(fed, submitters, rng, kind)
                counts[kind] += 1
                if options.verbose and done % 50 == 49:
                    print(f"round {done + 1}: {counts}, accepted {[len(s.accepted) for s in submitters]}", file=sys.stderr)
        finally:
            for submitter in submitters:
                submitter.ended.set()
                submitter.may_connect.set()
        for submitter in submitters:
            submitter.join(timeout=ANSWER_S * 2)
            check(submitter.failure is None, f"{submitter.failure}")
            check(not submitter.is_alive(), f"{submitter.node.name}: a submission is not answered: {submitter.node.log_tail()}")
        killed_s = time.monotonic() - begin
        accepted = sum(len(submitter.accepted) for submitter in submitters)
        records = check_outcome(fed, submitters)
        for node in fed.nodes:
            node.stop()
        check(accepted > 0, "nothing was submitted")
        return {"rounds": options.rounds, "seed": options.seed, "deaths": counts,
                "accepted": accepted, "repeated": sum(s.repeated for s in submitters), "known": sum(s.known for s in submitters),
                "records_at_one_node": records, "killing_s": round(killed_s, 1),
                "converged_s": round(time.monotonic() - begin - killed_s, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    try:
        print(json.dumps(run(options)))
    except Failure as failure:
        print(f"kill.py --seed {options.seed} --rounds {options.rounds}: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
