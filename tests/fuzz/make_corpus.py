#!/usr/bin/env python3
"""Seeds for the fuzz targets of proto, made from the vectors: the good bytes and the bad ones, each behind the byte that selects
its decoder.

usage: make_corpus.py ../vectors/kairan.json corpus"""
import hashlib
import json
import pathlib
import sys

# What the first byte means to each target: see the switch in its source.
RECORD = {"record": 0, "header": 1, "sealed": 2, "report": 3, "advisory": 4, "council card": 5, "charter": 6, "vouch": 7,
          "retraction": 8, "revision": 9, "sighting": 10, "revocation": 11,
          "section": 12, "inside": 13, "body notice": 14}
MESSAGE, HELLO, SUBMIT, INVITE, LS, SUMMARY, MATCH, SHOWN, COUNCIL, PREVIEW, EXPLAINED, PEER, STATUS, JOIN = range(14)
FROM_CLIENT, FROM_KEEPER, RETRACT, REVISE, CONFIRM, WAITING, EXPORT, SIGHT, SIGHTING_ITEM = range(14, 23)
STATED, CARD_EDIT, KEY_COPY, KEY_SEALED, KEY_FORGET, ALARM, PEER_ACT, BLOCKED, QUARANTINED, PROOF, PAPER, KEY_ITEM = range(29, 41)
REVOKE, RECOVER, CONFIRM_ROOT = 55, 65, 74
FORWARD_ACT, FORWARD_ITEM = 63, 64
TICKET_WORD = 80
TOLD_ASK = 81
PEER_ROOT = 83
DUTY = 66  # the first of what is about duty, and about whom a draft is by
TEXT, PAYLOAD, ENDPOINT = range(3)
LARGE = 4096  # larger vectors teach a fuzzer little


def uint(value):
    assert value < 128
    return bytes([value])


def text(value):
    data = value.encode()
    assert len(data) < 32
    return bytes([0xA0 | len(data)]) + data


def binary(data):
    return (b"\xc4" + bytes([len(data)]) if len(data) < 256 else b"\xc5" + len(data).to_bytes(2, "big")) + data


def array(*elements):
    head = bytes([0x90 | len(elements)]) if len(elements) < 16 else b"\xdc" + len(elements).to_bytes(2, "big")
    return head + b"".join(elements)


ID = binary(bytes(range(32)))
SUMMARY_BYTES = array(ID, ID, text("c"), *[uint(n) for n in (1, 3, 0, 2, 1, 5, 6, 7)], text("t"), binary(b""), uint(2))
INDICATOR = array(uint(3), binary(b"example.com"), uint(0), uint(0), uint(101), uint(2), text(""))
FORCED = array(uint(1), text("why"))
TAKEN = array(uint(2), ID, uint(1), text("wrong"))
REACH = array(ID, text("c"), uint(1), uint(1), uint(0), uint(3), text("r"), text("h"))


def paper():
    """A recovery key as crypto/root_file.h prints it."""
    lines = []
    for number in range(1, 6):
        data = bytes(range(8 * number, 8 * number + 8))
        data += hashlib.blake2b(b"kairan paper line" + bytes([number]) + data, digest_size=32).digest()[:2]
        bits = f"{int.from_bytes(data, 'big'):080b}"
        letters = "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[int(bits[i:i + 5], 2)] for i in range(0, 80, 5))
        lines.append(f"{number}  " + " ".join(letters[i:i + 4] for i in range(0, 16, 4)))
    return "\n".join(lines).encode() + b"\n"


def answers():
    """One of each request and answer of the client protocol."""
    submit = array(binary(bytes(16)), uint(1), uint(3), ID, uint(1), uint(9), array(ID, ID), uint(1), text("why"), binary(b"body"))
    yield SUBMIT, submit
    yield RETRACT, array(binary(bytes(16)), ID, text("wrong"), text("en"))
    yield REVISE, array(binary(bytes(range(4))), submit)
    yield CONFIRM, array(ID, binary(b""))
    yield WAITING, array(uint(9), SUMMARY_BYTES)
    yield EXPORT, array(uint(1), uint(70), uint(1))
    seen = (uint(3), binary(b"a.example"), uint(1), uint(4), uint(5), uint(6))
    yield SIGHT, array(binary(b"\x01" * 16), binary(b"\x02" * 32), *seen)
    yield SIGHTING_ITEM, array(SUMMARY_BYTES, *seen)
    yield INVITE, array(uint(60), ID, uint(0), uint(1))
    yield LS, array(uint(1), uint(2), uint(3), uint(4), ID)
    yield SUMMARY, SUMMARY_BYTES
    yield MATCH, array(uint(0), INDICATOR, SUMMARY_BYTES)
    yield SHOWN, array(SUMMARY_BYTES, array(ID), ID, binary(b"content"), uint(1), uint(9), FORCED, TAKEN)
    yield COUNCIL, array(ID, text("ja"), text("en"), text("r"), binary(b"card"), uint(0), uint(1), array(array(ID, text("n"))))
    yield PREVIEW, array(array(REACH), uint(1), array(array(uint(0), text("list"), text("detail"))), uint(1))
    yield EXPLAINED, array(SUMMARY_BYTES, text("from"), ID, uint(1), array(array(uint(2), binary(b""), uint(4))), array(REACH), FORCED, TAKEN)
    clock = b"\xcf" + (1 << 62).to_bytes(8, "big")
    yield PEER, array(ID, ID, text("n"), text("tcp://a:1"), uint(2), uint(1), uint(0), uint(1), uint(2), clock, *[uint(0)] * 10, uint(1), uint(6), ID, text("m"), *[uint(1)] * 3,
                      text("12345678"), uint(1), uint(2), uint(3))
    yield STATUS, array(ID, *[text("x")] * 4, *[uint(n) for n in range(17)], *[uint(1), uint(0)] * 3, *[uint(n) for n in range(4)],
                        array(array(ID, text("n"), uint(3))))
    yield JOIN, array(uint(7), text("council"), uint(0), text("12345678"))
    yield STATED, array(binary(b"record"), binary(b"another"))
    yield CARD_EDIT, array(*[uint(1), text("t")] * 8, uint(1), ID)
    yield KEY_COPY, array(uint(1), ID)
    yield KEY_SEALED, array(ID, ID, binary(b"\x02" * 80))
    yield KEY_FORGET, array(uint(2), binary(b"\x03" * 64))
    yield ALARM, array(ID, text("n"), uint(1), uint(0), binary(b"one"), binary(b"two"), uint(1))
    yield PEER_ACT, array(uint(4), ID)
    yield PEER_ACT, array(uint(6), ID, ID)
    yield FORWARD_ACT, array(uint(1), ID, ID, uint(0))
    yield FORWARD_ITEM, array(ID, text("n"), uint(1), uint(0), ID, text("m"), uint(0), uint(1), uint(1), *[uint(n) for n in range(6)])
    yield BLOCKED, array(ID, text("n"), uint(1))
    yield QUARANTINED, array(uint(9), ID, text("n"), SUMMARY_BYTES)


def people():
    """One of each request, answer and card about a council's own people, in the order of wire.c."""
    flags = array(*[uint(1)] * 7)
    entry = (uint(1), uint(2), ID, binary(b""))
    draft = array(binary(b"\x01" * 16), uint(2), uint(7), uint(1), uint(3), text("t"), binary(b"\x02" * 8), text(""), uint(4), uint(5),
                  text("why"), ID, uint(1), ID, array(array(ID, text("n"), uint(9), text("asked"))))
    body = array(uint(1), text("ja"), text("en"), text("c"), text("m"), text("t"), uint(1), uint(1), ID, binary(b""))
    person = array(uint(1), ID, text("n"), text("m"), text("t"), uint(6), uint(2), uint(1), uint(3), uint(4),
                   array(array(uint(1), binary(b"\x05" * 20))), array(array(ID, uint(9))), binary(b""), ID)
    yield array(uint(1), ID, *[uint(1), text("t")] * 5, uint(1), uint(1))
    yield array(ID, uint(2), array(*[uint(1)] * 5))
    yield array(ID, uint(2), binary(body), uint(2), uint(1))
    yield array(uint(8), ID, ID, flags, text("n"), text("m"), text("t"), uint(31), uint(1), uint(2), uint(3), uint(1), uint(100), ID)
    yield array(ID, uint(2), uint(1), text("ja"), text("en"), array(uint(100)), binary(person))
    yield array(uint(1), uint(0), uint(1), ID, text("n"), text("ja"), text("en"), uint(1), uint(2), uint(2), uint(0), uint(9))
    yield array(uint(1), ID)
    yield array(*entry, text("n"), uint(100), uint(7), uint(11), ID, text("note"), ID)
    yield array(uint(3), ID)
    yield array(uint(1), uint(9), uint(0), ID, uint(2))
    yield draft
    yield array(draft, ID, binary(b""), binary(b"\x03" * 64), binary(b"args"))
    yield array(binary(b"\x01" * 16), ID, text("why"), binary(b"args"))
    yield array(binary(b"\x01" * 16), uint(1), binary(b""))
    yield None  # REVOKE
    yield body
    yield person
    key, slot = binary(b"\x09" + bytes(31)), binary(b"\x06" * 80)
    yield array(uint(2), ID, text("ja"), text(""), text("b"), text("e"), key, uint(3))
    yield array(uint(1), ID, text("n"), uint(1), key, uint(1), key, key, slot)
    yield array(ID, ID, text("ja"), text("en"), key, uint(4), uint(1))
    yield array(uint(3), key, slot, array(array(ID, key, slot)))
    yield array(uint(1), ID, key, ID, key, slot, ID, binary(b""))
    yield array(text("kairan1"), uint(1))
    yield array(uint(1), ID, text("1234 5678"))


def duty():
    """What was agreed beforehand, and whom a name stands for, in the order of wire.c."""
    entries = array(array(ID, uint(7), uint(8)), array(ID, uint(9), uint(100)))
    yield array(binary(b"\x01" * 16), ID, text("n"))
    yield array(uint(1), ID, uint(6), uint(12), ID, binary(b""), ID, uint(9), text("why"), entries)
    yield array(uint(1), uint(1), ID, binary(b""), text(""), uint(1), uint(9), uint(6), uint(12), ID, ID, uint(3), ID, text("n"), uint(7),
                text("why"), uint(0), text(""), text(""))
    yield array(uint(1), uint(2), uint(3))
    yield array(uint(1), uint(1), uint(6), uint(12), ID, ID, ID, binary(b""), uint(7), uint(9), text("why"), ID, uint(8), ID, text("over"))
    yield array(uint(1), uint(2), ID, uint(7), entries)


def head_length(first):
    return {0xC4: 2, 0xC5: 3, 0xC6: 5}[first]


def element_end(data, at):
    """Where the bytes that begin there end."""
    head = head_length(data[at])
    return at + head + int.from_bytes(data[at + 1:at + head], "big")


def seeds(vectors):
    for number, case in enumerate(vectors["encoding"]):
        yield "reader", f"encoding-{number}", 0, bytes.fromhex(case["bytes"])
    # A program of calls (see reader.c) and what it reads.
    yield "reader", "calls", 1, bytes([0x30, 0xF3, 0xF5, 0xF8, 0x02]) + array(uint(1), binary(b"ab"), text("c"))
    yield "reader", "calls-nested", 1, bytes([0x41, 0x19, 0x0A, 0x26, 0x02]) + array(array(uint(1)), binary(b"ab"))
    for section in ("records", "bad_records"):
        for number, case in enumerate(vectors[section]):
            data = bytes.fromhex(case["bytes"])
            if len(data) > LARGE:
                continue
            yield "record", f"{section}-{number}", RECORD["record"], data
            if data[0] == 0x94 and data[1] in (0xC4, 0xC5):
                start = 3 if data[1] == 0xC4 else 4
                length = int.from_bytes(data[2:start], "big")
                yield "record", f"{section}-{number}-header", RECORD["header"], data[start:start + length]
    for number, case in enumerate(vectors["takebacks"]):
        yield "record", f"takebacks-{number}", RECORD["record"], bytes.fromhex(case["bytes"])
    for kind, number in (("retraction", 0), ("revision", 1)):
        # An open record's body is its content.
        data = bytes.fromhex(vectors["takebacks"][number]["bytes"])
        header_end = element_end(data, 1)
        body_at = element_end(data, header_end)
        yield "record", kind, RECORD[kind], data[body_at + head_length(data[body_at]):element_end(data, body_at)]
    inner = array(binary(b"\x01" * 32), binary(b"x"))
    yield "record", "sighting", RECORD["sighting"], array(uint(3), binary(b"a.example"), uint(0), uint(4), uint(5), uint(6))
    for number, case in enumerate(vectors["sections"] + vectors["bad_sections"]):
        if len(case["section"]) // 2 <= LARGE:
            yield "record", f"section-{number}", RECORD["section"], bytes.fromhex(case["section"])
    for number, case in enumerate(vectors["body_notices"]):
        yield "record", f"body-notice-{number}", RECORD["body notice"], bytes.fromhex(case["bytes"])
    yield "record", "inside", RECORD["inside"], array(array(array(uint(2), ID, ID)), binary(b"content"))
    yield "record", "sealed", RECORD["sealed"], len(inner).to_bytes(4, "big") + inner
    names = set()
    for case in vectors["bodies"] + vectors["statements"]:
        name = case["kind"].replace(" ", "-") + ("-rekeyed" if "bad_ones" in case else "")
        name += "-from-now-on" if name in names else ""
        names.add(name)
        yield "record", name, RECORD[case["kind"]], bytes.fromhex(case["bytes"])
        for number, bad in enumerate(case.get("bad_ones", [])):
            yield "record", f"{name}-bad-{number}", RECORD[case["kind"]], bytes.fromhex(bad["bytes"])
    for case in vectors["messages"]:
        yield "wire", f"message-{case['type']}", MESSAGE, bytes.fromhex(case["bytes"])
    for name in ("initiator_hello", "responder_hello"):
        yield "wire", name, HELLO, bytes.fromhex(vectors["session"][name])
    for case in vectors["client_frames"]:
        selector = FROM_CLIENT if case["from"] == "client" else FROM_KEEPER
        yield "wire", f"{case['from']}-{case['type']}", selector, bytes.fromhex(case["bytes"])
    for selector, data in answers():
        yield "wire", f"answer-{selector}", selector, data
    cards = [bytes.fromhex(case["bytes"]) for case in vectors["records"]][:2]
    yield "wire", "proof", PROOF, array(ID, text("n"), uint(1), uint(0), binary(cards[0]), binary(cards[1]), uint(0))
    yield "wire", "paper", PAPER, paper()
    for number, data in enumerate(people(), start=KEY_ITEM + 1):
        if data is not None:
            yield "wire", f"people-{number}", number, data
    for number, data in enumerate(duty(), start=DUTY):
        yield "wire", f"duty-{number}", number, data
    yield "wire", "ticket-open", TICKET_WORD, array(uint(1), uint(1), ID, ID, binary(b""), uint(5), uint(9), binary(b""))
    yield "wire", "ticket-used", TICKET_WORD, array(uint(1), uint(2), ID, ID, ID, uint(5), uint(9), ID)
    yield "wire", "told-ask", TOLD_ASK, array(ID, ID)
    yield "wire", "peer-root", PEER_ROOT, array(uint(1), ID, binary(b""))
    yield "wire", "peer-root-next", PEER_ROOT, array(uint(1), ID, ID)
    yield "wire", "told-ask-all", TOLD_ASK, array(binary(b""), binary(b""))
    yield "wire", "told-body", TOLD_ASK + 1, array(ID, ID, text("c"), text("n"), text("e"), uint(1), uint(0),
                                                   array(array(ID, text("k")), array(ID, text("l"))))
    yield "wire", "ticket-joined", TICKET_WORD, array(uint(1), uint(6), ID, binary(bytes(32)), ID, uint(5), uint(9), ID)
    yield "wire", "key-item", KEY_ITEM, array(uint(1), uint(3), ID, uint(1), uint(2))
    yield "wire", "revoke", REVOKE, array(ID, uint(1), uint(1))
    yield "wire", "confirm-root", CONFIRM_ROOT, array(ID, ID)
    yield "wire", "recover", RECOVER, array(ID, ID, ID, binary(b"\x05" * 64), uint(2))
    ticket = vectors["ticket"]
    yield "ticket", "good", TEXT, ticket["text"].encode()
    for number, case in enumerate(vectors["bad_tickets"]):
        yield "ticket", f"bad-{number}", TEXT, case["text"].encode()
    key = binary(bytes.fromhex(ticket["secret"]))
    yield "ticket", "payload", PAYLOAD, array(uint(1), key, key, text("tcp://a.example:1"), key, uint(9), binary(b""))
    yield "ticket", "payload-2", PAYLOAD, array(uint(2), key, key, text("tcp://a.example:1"), key, uint(9), binary(b""), uint(1))
    nodes = array(*[array(key, text(f"tcp://{node}.example:1")) for node in "ab"])
    yield "ticket", "payload-5", PAYLOAD, array(uint(5), key, key, uint(9), nodes, binary(b""), uint(1))
    yield "ticket", "payload-newer", PAYLOAD, array(uint(9), key)
    machine = array(uint(4), key, key, text("tcp://a.example:1"), key, uint(9))
    yield "remote", "hello", 0, array(uint(1), ID, ID, ID)
    yield "remote", "hello-newer", 0, array(uint(2), ID, ID, ID, uint(7))
    yield "remote", "answer", 1, b"\x04\x02" + array(uint(1), ID, ID, binary(cards[0]), binary(b"\x05" * 64))
    yield "remote", "refused", 1, b"\x04\x04" + array(uint(3))
    for number, part in enumerate([b"\x00bytes", b"\x01\x03", b"\x02", b"\x03", b"\x01\x03\x03", b"\x00" * 8192, b"\x00" * 8193, b"\x00" * 20000]):
        yield "remote", f"part-{number}", 2, part
    yield "remote", "ticket", 3, ticket["text"].encode()
    yield "remote", "payload", 4, machine
    yield "remote", "payload-5", 4, array(uint(5), key, key, uint(9), array(*[array(ID, text(f"tcp://{node}.example:1")) for node in "ab"]))
    yield "remote", "payload-newer", 4, array(uint(6))
    yield "remote", "ask", 5, array(ID, uint(100))
    yield "remote", "given", 6, array(text("kairan1"), uint(9))
    yield "remote", "done", 7, array(ID, text("n"), uint(1))
    yield "remote", "unenrol", 8, array(ID, ID)
    for number, endpoint in enumerate(["tcp://example.jp:7370", "tcp://[::1]:1", "tcp://1.2.3.4:65535", "ipc:///x", "tcp://:1"]):
        yield "ticket", f"endpoint-{number}", ENDPOINT, endpoint.encode()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    for target, name, selector, data in seeds(vectors):
        path = pathlib.Path(sys.argv[2], target, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([selector]) + data)


if __name__ == "__main__":
    main()
