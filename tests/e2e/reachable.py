#!/usr/bin/env python3
"""doctor asks a linked council's node to try this node's address: a real node that answers there, a port where nothing listens, one
where something else does, and one where nobody says a word; and that nothing but a CURVE handshake is ever made."""
import json
import socket
import sys
import threading

import federation
from cli import Tool
from federation import check


def finding(tool):
    found = [line for line in map(json.loads, tool.run("--json", "doctor").stdout.splitlines()) if line["check"] == "reachable"]
    check(len(found) <= 1, f"said twice: {found}")
    return found[0] if found else None


class Listener:
    """Takes connections on a port of its own, notes what is sent first, and answers with `says` (None: never)."""

    def __init__(self, says):
        self.says, self.heard = says, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.kept = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def endpoint(self):
        return f"tcp://127.0.0.1:{self.socket.getsockname()[1]}"

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            connection.settimeout(20)
            self.kept.append(connection)
            try:
                if self.says:
                    connection.sendall(self.says)
                self.heard.append(connection.recv(64))
            except OSError:
                self.heard.append(b"")

    def close(self):
        self.socket.close()
        for connection in self.kept:
            connection.close()


def pair(options, endpoint):
    """Kita and Minami, linked; the one that dials has this address on its card. (its tool, the other's name)."""
    made = federation.Federation(options.kairand, ["Kita", "Minami"])
    tools = [Tool(options.kairan, node.directory) for node in made.nodes]
    peers = [json.loads(tool.done("--json", "peers").splitlines()[0]) for tool in tools]
    mine = 0 if peers[0]["we_dial"] else 1
    check(peers[mine]["we_dial"] and not peers[1 - mine]["we_dial"], f"who dials? {peers}")
    if endpoint:
        tools[mine].done("council", "set", "--endpoint", endpoint)
        federation.poll(lambda: endpoint in tools[1 - mine].done("--json", "council", made.nodes[mine].name), 30, "the card has arrived")
    return made, tools[mine], made.nodes[1 - mine].name


def told(options, endpoint, level, word):
    made, tool, other = pair(options, endpoint)
    try:
        said = finding(tool)
        check(said is not None and said["level"] == level and word in said["finding"] and other in said["finding"], f"{word}: {said}")
        check((said["fix"] is None) == (level == "good"), f"the fix: {said}")
        again = finding(tool)  # within the minute: the same
        check(again is not None and again["level"] == level, f"again: {again}")
        check(json.loads(tool.done("--json", "status"))["links_online"] == 1, "the link suffered")
    finally:
        made.close()


def run(options):
    told(options, None, "good", "reached this node")
    closed = socket.create_server(("127.0.0.1", 0))
    endpoint = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    closed.close()
    told(options, endpoint, "problem", "nothing listens there")
    for says, word in ((b"SSH-2.0-OpenSSH_9.0\r\n", "something else does"), (None, "nothing answered")):
        listener = Listener(says)
        try:
            told(options, listener.endpoint(), "problem", word)
        finally:
            listener.close()
        check(listener.heard and all(first[:1] in (b"\xff", b"") for first in listener.heard), f"other than a greeting was said: {listener.heard}")
        check(len(listener.kept) <= 2, f"tried {len(listener.kept)} times")


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, run))
