"""DNS over UDP on loopback, as small as it can be (RFC 1035): a query that sees whether a resolver answers, and a server that always
does, which resolvers are told to ask."""
import ipaddress
import socket
import struct
import threading

NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3
A, AAAA = 1, 28


def query(port, name, kind=A, timeout_s=2.0):
    """(response code, number of answers), or None where nothing came."""
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("ascii").split(b"."))
    asked = struct.pack(">HHHHHH", 0x4B52, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.connect(("127.0.0.1", port))
        try:
            client.send(asked)
            answer = client.recv(4096)
        except OSError:
            return None
    number, flags, _, answers, _, _ = struct.unpack_from(">HHHHHH", answer)
    return (flags & 15, answers) if number == 0x4B52 else None


def _question(asked):
    """(name, type, end of the question)"""
    labels, at = [], 12
    while asked[at] != 0:
        labels.append(asked[at + 1:at + 1 + asked[at]].decode("ascii").lower())
        at += 1 + asked[at]
    return ".".join(labels), struct.unpack_from(">H", asked, at + 1)[0], at + 5


class Upstream:
    """Answers every query for an address: with that of `addresses` ({(first label, type): text}), else with a fixed one."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve)

    def _serve(self):
        fixed = {A: "192.0.2.200", AAAA: "2001:db8:ffff::1"}
        while True:
            asked, peer = self.socket.recvfrom(4096)
            if not asked:
                return
            name, kind, end = _question(asked)
            text = self.addresses.get((name.split(".")[0], kind), fixed.get(kind))
            head = asked[:2] + struct.pack(">HHHHH", 0x8180, 1, 0 if text is None else 1, 0, 0)
            answer = b""
            if text is not None:
                packed = ipaddress.ip_address(text).packed
                answer = struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
            self.socket.sendto(head + asked[12:end] + answer, peer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join()
        self.socket.close()
