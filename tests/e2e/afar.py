"""A person's machine in plain Python: the session of docs/PROTOCOL.md, section 7.11, over libzmq and libsodium, and tickets of version
4. An implementation of its own, that can also do what no honest machine does."""
import ctypes
import hashlib
import time

import wire

LINGER, SERVERKEY, PUBLICKEY, SECRETKEY, RCVTIMEO, SNDTIMEO, RECONNECT_IVL, DEALER = 17, 50, 48, 49, 27, 28, 18, 5
HELLO, ANSWER, SEALED, REFUSED = 1, 2, 3, 4
BYTES, TAKEN, END = 0, 1, 2
UP_BYTES, UP_PARTS, DOWN_PARTS = 7168, 8, 16
CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _library(name, version):
    try:
        return ctypes.CDLL(f"lib{name}.so.{version}", use_errno=True)
    except OSError:
        return None


_sodium, _zmq = _library("sodium", 23), _library("zmq", 5)
AVAILABLE = _sodium is not None and _zmq is not None
if AVAILABLE:
    _sodium.sodium_init()
    for _name in ("zmq_ctx_new", "zmq_socket"):
        getattr(_zmq, _name).restype = ctypes.c_void_p


class Closed(Exception):
    """Nothing came in time: the other side has ended it, or says nothing."""


def keypair():
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    _sodium.crypto_box_keypair(public, secret)
    return public.raw, secret.raw


def public_of(secret):
    public = ctypes.create_string_buffer(32)
    _sodium.crypto_scalarmult_base(public, secret)
    return public.raw


def H(domain, message):
    return hashlib.blake2b(domain + message, digest_size=32).digest()


def HK(key, domain, message, size):
    return hashlib.blake2b(domain + message, key=key, digest_size=size).digest()


class Stream:
    """One direction of a session."""

    def __init__(self, shared, transcript):
        self.state = ctypes.create_string_buffer(_sodium.crypto_secretstream_xchacha20poly1305_statebytes())
        _sodium.crypto_secretstream_xchacha20poly1305_init_pull(self.state, HK(shared, b"kairan session header", transcript, 24),
                                                                HK(shared, b"kairan session key", transcript, 32))

    def seal(self, plain):
        out = ctypes.create_string_buffer(len(plain) + 17)
        _sodium.crypto_secretstream_xchacha20poly1305_push(self.state, out, None, plain, ctypes.c_ulonglong(len(plain)), None,
                                                           ctypes.c_ulonglong(0), ctypes.c_ubyte(0))
        return out.raw

    def open(self, sealed):
        out, tag = ctypes.create_string_buffer(len(sealed)), ctypes.c_ubyte()
        failed = _sodium.crypto_secretstream_xchacha20poly1305_pull(self.state, out, None, ctypes.byref(tag), sealed,
                                                                    ctypes.c_ulonglong(len(sealed)), None, ctypes.c_ulonglong(0))
        if failed:
            raise Closed("a part does not open")
        return out.raw[:len(sealed) - 17]


def read_ticket(text):
    """council, transport key, endpoint, secret, expires_s."""
    bits, count, data = 0, 0, bytearray()
    for letter in text.strip().rpartition("1")[2][:-6]:
        bits, count = bits << 5 | CHARSET.index(letter), count + 5
        if count >= 8:
            count -= 8
            data.append(bits >> count & 255)
    version, *fields = wire.unpack(bytes(data))
    assert version == 4, text
    return fields


class Socket:
    """CURVE and nothing within."""

    def __init__(self, endpoint, server_key, public, secret, timeout_s=10.0):
        self.context = ctypes.c_void_p(_zmq.zmq_ctx_new())
        self.socket = ctypes.c_void_p(_zmq.zmq_socket(self.context, DEALER))
        for option, value in ((SERVERKEY, server_key), (PUBLICKEY, public), (SECRETKEY, secret)):
            assert _zmq.zmq_setsockopt(self.socket, option, value, ctypes.c_size_t(32)) == 0
        for option, value in ((LINGER, 0), (RCVTIMEO, int(timeout_s * 1000)), (SNDTIMEO, int(timeout_s * 1000)), (RECONNECT_IVL, -1)):
            assert _zmq.zmq_setsockopt(self.socket, option, ctypes.byref(ctypes.c_int(value)), ctypes.c_size_t(4)) == 0
        assert _zmq.zmq_connect(self.socket, endpoint.encode()) == 0

    def close(self):
        _zmq.zmq_close(self.socket)
        _zmq.zmq_ctx_term(self.context)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, frame):
        if _zmq.zmq_send(self.socket, frame, ctypes.c_size_t(len(frame)), 0) < 0:
            raise Closed("nothing more can be sent")

    def receive(self, timeout_s=None):
        if timeout_s is not None:
            _zmq.zmq_setsockopt(self.socket, RCVTIMEO, ctypes.byref(ctypes.c_int(int(timeout_s * 1000))), ctypes.c_size_t(4))
        buffer = ctypes.create_string_buffer(1 << 20)
        got = _zmq.zmq_recv(self.socket, buffer, ctypes.c_size_t(len(buffer)), 0)
        if got < 0:
            raise Closed("nothing came")
        return buffer.raw[:got]


class Machine(Socket):
    """With a session, and the stream of the client protocol in it."""

    def __init__(self, endpoint, server_key, council, public, secret, timeout_s=10.0, spoil=None):
        super().__init__(endpoint, server_key, public, secret, timeout_s)
        ephemeral_public, ephemeral_secret = keypair()
        hello = wire.pack([1, council, public, ephemeral_public])
        self.send(bytes([4, HELLO]) + hello)
        answer = self.receive()
        if answer[:2] != bytes([4, ANSWER]):
            self.close()
            raise Closed(f"refused: {wire.unpack(answer[2:]) if answer[:2] == bytes([4, REFUSED]) else answer[:2]}")
        version, node_key, keepers, card, signature = wire.unpack(answer[2:])
        signed = H(b"kairan remote answer body", H(b"kairan remote hash", hello) + wire.pack([version, node_key, keepers, card]))
        message = b"kairan remote answer sig" + signed
        assert _sodium.crypto_sign_verify_detached(signature, message, ctypes.c_ulonglong(len(message)), node_key) == 0, "signature"
        self.node_key = node_key
        product = ctypes.create_string_buffer(32)
        assert _sodium.crypto_scalarmult(product, secret if spoil is None else spoil, keepers) == 0
        transcript = H(b"kairan remote transcript", H(b"kairan remote hash", hello) + H(b"kairan remote hash", answer[2:]) + product.raw)
        rx, tx = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
        assert _sodium.crypto_kx_client_session_keys(rx, tx, ephemeral_public, ephemeral_secret, keepers) == 0
        self.rx, self.tx = Stream(rx.raw, transcript), Stream(tx.raw, transcript)
        self.under_way, self.untold, self.buffer, self.number = 0, 0, b"", 1

    def send_part(self, kind, content):
        self.send(bytes([4, SEALED]) + self.tx.seal(bytes([kind]) + content))

    def take_part(self, timeout_s=None):
        """False at the end."""
        frame = self.receive(timeout_s)
        if frame[:2] != bytes([4, SEALED]):
            raise Closed(f"class {frame[:2]}")
        part = self.rx.open(frame[2:])
        if part[0] == TAKEN:
            self.under_way -= part[1]
        elif part[0] == BYTES:
            self.buffer += part[1:]
            self.untold += 1
            if self.untold >= 4:
                self.tell()
        return part[0] != END

    def tell(self):
        if self.untold > 0:
            self.send_part(TAKEN, bytes([self.untold]))
            self.untold = 0

    def write(self, stream):
        for at in range(0, len(stream), UP_BYTES):
            while self.under_way == UP_PARTS:
                self.take_part()
            self.under_way += 1
            self.send_part(BYTES, stream[at:at + UP_BYTES])

    def frame(self, timeout_s=None):
        """The next of the client protocol; None at the end."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + int.from_bytes(self.buffer[:4], "big"):
            self.tell()
            if not self.take_part(timeout_s):
                return None
        length = int.from_bytes(self.buffer[:4], "big")
        frame, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        return wire.unpack(frame)

    def say(self, frame):
        packed = wire.pack(frame)
        self.write(len(packed).to_bytes(4, "big") + packed)

    def greet(self):
        self.say([wire.HELLO, 1, "e2e", "en"])
        return self.frame()

    def call(self, op, args):
        """Pages are dropped. The end's result; an error is raised."""
        number, self.number = self.number, self.number + 1
        self.say([wire.REQUEST, number, op, wire.pack(args), 1000])
        while True:
            frame = self.frame()
            if frame is None:
                raise Closed("ended")
            if frame[0] == wire.END:
                return wire.unpack(frame[2])
            if frame[0] == wire.ERROR:
                raise wire.Refused(frame[2], frame[3])


def flood(machine, seconds):
    """Questions as fast as a machine may send them, answers taken. Returns how many came."""
    deadline, asked, answered = time.monotonic() + seconds, 0, 0
    while time.monotonic() < deadline:
        while asked - answered < 12:
            asked += 1
            value = f"f{asked}.kairan-e2e.jp".encode()
            machine.say([wire.REQUEST, 1000 + asked, wire.LOOKUP, wire.pack([[3, value]] * 200), 10])
        frame = machine.frame()
        answered += frame[0] in (wire.END, wire.ERROR)
    return answered
