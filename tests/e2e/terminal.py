#!/usr/bin/env python3
"""The passphrase on a terminal: asked for twice when a node is made or the passphrase changed, once when it starts, never shown."""
import os
import pty
import select
import signal
import sys
import termios

import federation
from federation import check

READY_S = 60


def converse(arguments, talk, until=None):
    """Runs the program on a terminal of its own and answers each prompt of `talk`. Returns (exit status, what the terminal showed);
    with `until`: ends the program (SIGTERM) once that was shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)
    shown, seen, talk = b"", 0, list(talk)
    try:
        while True:
            ready, _, _ = select.select([terminal], [], [], READY_S)
            check(ready, f"nothing more comes after {shown!r}")
            try:
                got = os.read(terminal, 4096)
            except OSError:  # the program has closed the terminal
                break
            if not got:
                break
            shown += got
            if talk and talk[0][0] in shown[seen:]:
                seen = len(shown)
                os.write(terminal, talk.pop(0)[1])
            if until is not None and until in shown:
                os.kill(pid, 15)
                until = None
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    check(not talk, f"was not asked for {talk!r}: {shown!r}")
    return os.waitstatus_to_exitcode(status), shown


def interrupt(arguments, prompt):
    """Ctrl-C at a prompt: the program ends by it, and the terminal shows again what is typed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)
    shown = b""
    try:
        while prompt not in shown:
            ready, _, _ = select.select([terminal], [], [], READY_S)
            check(ready, f"nothing more comes after {shown!r}")
            shown += os.read(terminal, 4096)
        check(not termios.tcgetattr(terminal)[3] & termios.ECHO, "what is typed at the prompt would be shown")
        os.write(terminal, b"half a pass\x03")
        _, status = os.waitpid(pid, 0)
        check(os.waitstatus_to_exitcode(status) == -signal.SIGINT, f"Ctrl-C at the prompt: status {status}, {shown!r}")
        check(termios.tcgetattr(terminal)[3] & termios.ECHO, "the terminal stays without echo")
    finally:
        os.close(terminal)


@federation.in_directory
def run(options, root):
    kairand = options.kairand
    new, again, old = b"new keyring", b"same again", b"Passphrase of the keyring"

    def make(name, *answers):
        state = os.path.join(root, name)
        return state, converse([kairand, "--init", "--state", state, "--name-en", "Terminal"], zip((new, again), answers))

    state, (status, shown) = make("differs", b"one\n", b"two\n")
    check(status == 1 and b"differ" in shown, f"two passphrases that differ: status {status}, {shown!r}")
    check(not os.path.exists(os.path.join(state, "keyring")), "a keyring was made although the passphrases differ")

    state, (status, shown) = make("once", b"one\n", b"\n")
    check(status == 1 and not os.path.exists(os.path.join(state, "keyring")), f"the second time empty: status {status}, {shown!r}")

    state, (status, shown) = make("none", b"\n")
    check(status == 0, f"no passphrase: status {status}, {shown!r}")

    state, (status, shown) = make("locked", b"correct horse\n", b"correct horse\n")
    check(status == 0, f"with a passphrase: status {status}, {shown!r}")
    check(b"horse" not in shown, "the passphrase was shown")
    status, shown = converse([kairand, "--state", state], [(old, b"wrong\n")])
    check(status == 1, f"a wrong passphrase: status {status}, {shown!r}")
    start = [kairand, "--state", state]
    status, shown = converse(start, [(old, b"correct horse\n")], until=b"only dials out")
    check(status == 0, f"the right passphrase: status {status}, {shown!r}")

    interrupt(start, old)

    def change(*answers):
        return converse([*start, "--change-passphrase"], zip((old, b"New passphrase", again), answers))

    status, shown = change(b"wrong\n")
    check(status == 1 and b"New passphrase" not in shown, f"a wrong old one: status {status}, {shown!r}")
    for answers, word in (((b"correct horse\n", b"one\n", b"two\n"), b"differ"), ((b"correct horse\n", b"\n"), b"empty")):
        status, shown = change(*answers)
        check(status == 1 and word in shown, f"{answers}: status {status}, {shown!r}")
    status, shown = change(b"correct horse\n", "電池\n".encode(), "電池\n".encode())
    check(status == 0 and "電池".encode() not in shown, f"another passphrase: status {status}, {shown!r}")
    status, shown = converse(start, [(old, b"correct horse\n")])
    check(status == 1, f"the old passphrase afterwards: status {status}, {shown!r}")
    status, shown = converse(start, [(old, "電池\n".encode())], until=b"only dials out")
    check(status == 0, f"the new passphrase: status {status}, {shown!r}")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
