#!/usr/bin/env python3
"""Tickets that must not work: used up, used by two at once, expired, of another node, broken. A refused joiner has no link and no
community, and the inviter has gained nobody."""
import sys
import threading
import time

import federation
import wire
from federation import Failure, check


def refusal_of(node, ticket):
    with node.client() as client:
        try:
            client.join(ticket)
        except wire.Refused as refusal:
            return refusal
    raise Failure(f"{node.name} joined with a ticket that must not work")


def names_linked(node):
    with node.client() as client:
        return sorted(peer["name"] for peer in client.peers() if peer["state"] == 2)


def expect_links(node, names):
    federation.poll(lambda: names_linked(node) == names, 30, f"{node.name} is linked to {names_linked(node)}, not to {names}")


def flip(ticket):
    """One character other than it was, in the middle."""
    at = len(ticket) // 2
    return ticket[:at] + ("q" if ticket[at] != "q" else "p") + ticket[at + 1:]


def race(nodes, ticket):
    """Both at once; who joined, and how the others were refused."""
    joined, refused = [], []

    def attempt(node):
        with node.client() as client:
            try:
                client.join(ticket)
                joined.append(node)
            except wire.Refused as refusal:
                refused.append(refusal)

    threads = [threading.Thread(target=attempt, args=(node,)) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return joined, refused


def run(options):
    names = ("Hokkaido", "Kinki", "Chugoku")
    with federation.Federation(options.kairand, names, is_chain=False) as fed:
        h, k, c = fed.nodes
        with h.client() as inviter:
            good = inviter.invite()
            check(refusal_of(k, flip(good)).code in (2, 4), "a broken ticket is refused as something else")
            check(refusal_of(k, "kairan1").code in (2, 4), "a stump of a ticket is refused as something else")
            check(refusal_of(h, good).code != 0, "a node joins itself")
            expired = inviter.invite(ttl_s=1)
            begin = time.monotonic()
            federation.poll(lambda: time.monotonic() - begin > 2.1, 10, "time stands still")
            check(refusal_of(k, expired).code == wire.EXPIRED, "an expired ticket is refused as something else")
            expect_links(h, [])

            joined, refused = race((k, c), good)
            check(len(joined) == 1 and len(refused) == 1,
                  f"{len(joined)} councils joined with one ticket; refusals: {[(r.code, str(r)) for r in refused]}")
            winner, loser = joined[0], (c if joined[0] is k else k)
            expect_links(h, [winner.name])
            expect_links(winner, ["Hokkaido"])
            begin = time.monotonic()
            refusal = refusal_of(loser, good)
            check(refusal.code == wire.USED, f"a used ticket is refused as something else: {refusal.code}, {refusal}; "
                  f"the joiner said: {loser.log_tail()}\nthe inviter said: {h.log_tail()}")
            check(time.monotonic() - begin < 10, "a used ticket is refused only after a wait")
            expect_links(loser, [])
            check(len(inviter.call(wire.COUNCILS)[0]) == 2, "the directory took in somebody who never joined")
            inviter_again = inviter.invite()
            with loser.client() as client:
                client.join(inviter_again)  # and a good one still works
            expect_links(h, sorted((k.name, c.name)))
        for node in fed.nodes:
            node.stop()


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
