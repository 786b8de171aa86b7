"""The client protocol (docs/PROTOCOL.md, section 8) in plain Python: an implementation of its own, so that the tests do not trust
the one that they test. Values are lists, ints, bytes and strs; strs and bytes are kept apart as msgpack keeps them."""
import os
import socket
import struct

VERSION = 1
FRAME_BYTES_MAX = 512 * 1024
HELLO, REQUEST, CREDIT, CANCEL, PAGE, END, ERROR = range(7)
STATUS, PEERS, COUNCILS, INVITE, JOIN, PREVIEW, SUBMIT, LOOKUP, LS, SHOW, EXPLAIN, WATCH, VERIFY = range(1, 14)
EXPORT = 18
PAIR = 65
EXPORT_SCAN, EXPORT_OUT = 0, 1
REPORT = 1
CLEAR, GREEN, AMBER = 1, 2, 3
DOMAIN = 3
EXPIRED, STORE_FULL, IO, CLOSED, USED, GUARDED, BOUNDS, UNLABELLED = 13, 15, 17, 24, 27, 28, 3, 22
NO_CONFIDENCE = 101


def _head(value, small, small_max, codes):
    if small is not None and value <= small_max:
        return bytes([small | value])
    for code, form in codes:
        if value < 1 << (8 * struct.calcsize(form)):
            return bytes([code]) + struct.pack(form, value)
    raise ValueError("too large")


def pack(value):
    """The canonical subset: shortest forms, no nil, no float, no map."""
    if isinstance(value, bool) or value is None:
        raise TypeError("flags are 0 and 1; there is no nil")
    if isinstance(value, int):
        return _head(value, 0, 0x7F, ((0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q")))
    if isinstance(value, bytes):
        return _head(len(value), None, 0, ((0xC4, ">B"), (0xC5, ">H"), (0xC6, ">I"))) + value
    if isinstance(value, str):
        text = value.encode()
        return _head(len(text), 0xA0, 31, ((0xD9, ">B"), (0xDA, ">H"), (0xDB, ">I"))) + text
    return _head(len(value), 0x90, 15, ((0xDC, ">H"), (0xDD, ">I"))) + b"".join(pack(item) for item in value)


_HEADS = {0xCC: ("u", ">B"), 0xCD: ("u", ">H"), 0xCE: ("u", ">I"), 0xCF: ("u", ">Q"), 0xC4: ("b", ">B"), 0xC5: ("b", ">H"),
          0xC6: ("b", ">I"), 0xD9: ("s", ">B"), 0xDA: ("s", ">H"), 0xDB: ("s", ">I"), 0xDC: ("a", ">H"), 0xDD: ("a", ">I")}


def _unpack(data, at):
    code = data[at]
    at += 1
    if code < 0x80:
        return code, at
    if 0x90 <= code < 0xA0:
        kind, size = "a", code & 15
    elif 0xA0 <= code < 0xC0:
        kind, size = "s", code & 31
    else:
        kind, form = _HEADS[code]
        size, = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
    if kind == "u":
        return size, at
    if kind == "a":
        items = []
        for _ in range(size):
            item, at = _unpack(data, at)
            items.append(item)
        return items, at
    piece = data[at:at + size]
    if len(piece) != size:
        raise ValueError("cut short")
    return (piece if kind == "b" else piece.decode()), at + size


def unpack(data):
    value, at = _unpack(data, 0)
    if at != len(data):
        raise ValueError("bytes behind the end")
    return value


class Refused(Exception):
    """Keeper answered with an error."""

    def __init__(self, code, detail):
        super().__init__(f"error {code}: {detail}")
        self.code = code
        self.detail = detail


class Client:
    """One connection. ConnectionError (or OSError) where keeper is gone."""

    def __init__(self, path, timeout_s=60.0, language="en"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout_s)
        self.buffer = b""
        self.number = 0
        try:
            self.socket.connect(path)
            self.send([HELLO, VERSION, "e2e", language])
            hello = self.receive()
        except BaseException:
            self.socket.close()
            raise
        if hello[0] != HELLO:
            self.socket.close()
            raise Refused(hello[2], hello[3])
        self.council, self.name = hello[2], hello[3]

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, frame):
        data = pack(frame)
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def _take(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(1 << 18)
            if not piece:
                raise ConnectionResetError("keeper closed the connection")
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def receive(self):
        size, = struct.unpack(">I", self._take(4))
        if size > FRAME_BYTES_MAX:
            raise ValueError("a frame larger than the protocol has")
        return unpack(self._take(size))

    def begin(self, op, args, credits=1000000):
        self.number += 1
        self.send([REQUEST, self.number, op, pack(args), credits])
        return self.number

    def call(self, op, args=()):
        """(items, result) of one whole request."""
        number = self.begin(op, args)
        items = []
        while True:
            frame = self.receive()
            if frame[1] != number:
                continue
            if frame[0] == PAGE:
                items += [unpack(item) for item in frame[2]]
            elif frame[0] == END:
                return items, unpack(frame[2]) if frame[2] else []
            else:
                raise Refused(frame[2], frame[3])

    # ---- what the tests ask ----

    def status(self):
        names = ("council name_ja name_en version endpoint started_ms now_ms records indicators quarantined "
                 "takebacks_waiting alarms store_bytes disk_free_bytes links links_online tickets links_pending links_stopped claims commits commit_us_p50 commit_us_p99 net_is_up "
                 "keyring_is_protected store_is_writable has_root has_recovery net_restarts "
                 "restored restored_since_ms awaited backup_s needs_approval storage transport room communities").split()
        return dict(zip(names, self.call(STATUS)[1]))

    def peers(self):
        names = ("council transport_key name endpoint state is_online we_dial last_seen_ms linked_ms clock_ms sent_records received_records "
                 "refused_records queued behind sent_bytes received_bytes phase entries next_try_ms is_awaited through through_council through_name is_pending we_confirmed "
                 "they_confirmed code wrong_codes stop stopped_ms claims_key rate").split()
        return [dict(zip(names, peer)) for peer in self.call(PEERS)[0]]

    def invite(self, ttl_s=0, link_only=False, by_hand=True):
        """A ticket; handed over by hand, unless the test is about the code that others need."""
        return self.call(INVITE, [ttl_s, b"", int(link_only), int(by_hand)])[1][0]

    def join(self, ticket, by_hand=True):
        return self.call(JOIN, [ticket, int(by_hand)])

    def confirm(self, council, code):
        return self.call(PAIR, [1, council, code])

    def submit(self, token, label, title, values, audience=(), text=""):
        """One report of domains; (id, whether the token was known)."""
        indicators = [[DOMAIN, value.encode(), 0, 0, NO_CONFIDENCE, 0, ""] for value in values]
        body = pack([title, text, "en", indicators, ["", "", ""], b"", b"", [], [], 0, 1, 1, 0, 0])
        result = self.call(SUBMIT, [token, REPORT, label, b"", 0, 0, sorted(audience), 0, "", body])[1]
        return result[0], bool(result[1])

    def reports(self):
        """id → title of every report that this node shows."""
        return {item[0]: item[11] for item in self.call(LS, [REPORT, 0, 0, 0, b""])[0]}

    def found(self, values):
        """The set of those domains that the node finds as they stand."""
        items = self.call(LOOKUP, [[DOMAIN, value.encode()] for value in values])[0]
        return {values[item[0]] for item in items if item[1][1] == values[item[0]].encode()}

    def export(self, use=EXPORT_OUT, since=0, exercise=False):
        """({id → title of what may be used}, {ids of what may be used no longer}, cursor)."""
        items, result = self.call(EXPORT, [use, since, int(exercise)])
        given, gone = {}, set()
        for summary, _audience, _community, content, _kind, _bytes, _forced, _taken in items:
            (gone.add(summary[0]) if content == b"" else given.__setitem__(summary[0], summary[11]))
        return given, gone, result[0]

    def verify(self):
        return self.call(VERIFY)


def token():
    return os.urandom(16)
