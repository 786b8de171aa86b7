#!/usr/bin/env python3
"""A full disk: submissions are refused with a message that says so, look-ups go on, and work resumes when there is room, all
without a restart of the daemon.

The disk is a small tmpfs in a mount namespace of this test's own. Where that is not permitted, the test is skipped (77)."""
import argparse
import os
import subprocess
import sys

import federation
import wire
from federation import Failure, check

SKIPPED = 77
INSIDE = "KAIRAN_E2E_INSIDE"
DISK_BYTES = 24 << 20


def enter_namespace():
    """Runs this program again in a mount namespace of its own. Returns its status."""
    if subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, check=False).returncode != 0:
        print("skipped: mounting in a namespace of one's own is not permitted here", file=sys.stderr)
        return SKIPPED
    return subprocess.run(["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv],
                          env=dict(os.environ, **{INSIDE: "1"}), check=False).returncode


def submit_until_full(client, accepted):
    """Reports of 2,000 domains each, until one is refused; that refusal."""
    for serial in range(10000):
        values = [f"v{i}.s{serial}.kairan-e2e.jp" for i in range(2000)]
        try:
            identity, _ = client.submit(wire.token(), wire.CLEAR, f"report {serial}", values, text="x" * 40000)
        except wire.Refused as refusal:
            return refusal
        accepted[identity] = values[serial % 2000]
    raise Failure("a small disk never filled")


def expect_all(client, accepted):
    check(set(client.reports()) == set(accepted), "accepted reports are not all there, or others are")
    values = list(accepted.values())
    for begin in range(0, len(values), 100):
        part = values[begin:begin + 100]
        check(client.found(part) == set(part), "a value of an accepted report is not found")


def run(kairand):
    with federation.Federation(kairand, ()) as fed:
        disk = os.path.join(fed.root, "disk")
        os.mkdir(disk)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "kairan-e2e", disk], check=True)
        try:
            state = os.path.join(disk, "state")
            os.mkdir(state, 0o700)
            node = federation.Node(kairand, state, "Hokkaido")
            fed.nodes.append(node)
            ballast = os.path.join(disk, "ballast")
            with open(ballast, "wb") as file:
                file.write(b"\0" * (8 << 20))
            node.start()
            pid = node.process.pid
            accepted = {}
            with node.client() as client, node.client() as reader:
                refusal = submit_until_full(client, accepted)
                check(refusal.code == wire.STORE_FULL, f"the refusal does not say that the disk is full: {refusal}")
                check(len(accepted) > 3, "the disk was full before anything was stored")
                check("room" in refusal.detail or "full" in refusal.detail or "disk" in refusal.detail,
                      f"the message helps nobody: {refusal.detail!r}")
                expect_all(reader, accepted)
                check(not client.status()["store_is_writable"], "status does not tell that the store cannot be written")
                again = submit_until_full(client, dict(accepted))
                check(again.code == wire.STORE_FULL, f"the second refusal is another one: {again}")
                os.unlink(ballast)
                token, values = wire.token(), ["after.kairan-e2e.jp"]
                identity, _ = client.submit(token, wire.CLEAR, "there is room again", values)
                accepted[identity] = values[0]
                check(client.submit(token, wire.CLEAR, "there is room again", values) == (identity, True), "a token gave two records")
                expect_all(reader, accepted)
                check(client.status()["store_is_writable"], "status still says that the store cannot be written")
                problems, result = client.verify()
                check(not problems and result[1] == 0, f"verify tells {problems[:3]}")
            check(node.process.pid == pid and node.process.poll() is None, "the daemon did not outlive it")
            node.stop()
        finally:
            for node in fed.nodes:
                if node.process is not None and node.process.poll() is None:
                    node.kill()
            subprocess.run(["umount", "-l", disk], check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kairand", required=True)
    options = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        return enter_namespace()
    try:
        run(options.kairand)
    except Failure as failure:
        print(f"full_disk.py: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
