#!/usr/bin/env python3
"""An independent reader of Kairan's protocol, written from docs/PROTOCOL.md, held against the vectors.

usage: check.py kairan.json [PROTOCOL.md]

It shares no code with the C implementation: its own strict decoder, its own bech32m, python3-nacl for the cryptography and
python3-msgpack as a second opinion on every accepted encoding. Exit status 77 where those two modules are missing."""
import datetime
import hashlib
import json
import sys
import unicodedata

try:
    import msgpack
    import nacl.bindings as sodium
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox
    from nacl.signing import SigningKey, VerifyKey
except ImportError as missing:
    print(f"skipped: {missing} (install python3-msgpack and python3-nacl)")
    sys.exit(77)

LABELS = ["", "TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED"]
CLEAR, GREEN, AMBER, AMBER_STRICT, RED = range(1, 6)
STATEMENTS = range(32, 35)
NOTICE = 39
TEN_YEARS_S = 10 * 366 * 86400
YEAR_9999_MS = 253402300799999
CLASSES = [0] + sorted([256 << k for k in range(10)] + [384 << k for k in range(10)]) + [224 * 1024]


class Bad(Exception):
    """Why something is refused, in the word that the vectors use."""


def need(condition, word):
    if not condition:
        raise Bad(word)


def blake(domain, *parts, key=b"", size=32):
    return hashlib.blake2b(domain.encode() + b"".join(parts), digest_size=size, key=key).digest()


# --- Encoding ---------------------------------------------------------------------------------------------------------------------

# First byte → (kind, bytes of the number that follows, smallest number that needs them).
HEADS = {0xC4: ("bin", 1, 0), 0xC5: ("bin", 2, 1 << 8), 0xC6: ("bin", 4, 1 << 16),
         0xCC: ("uint", 1, 1 << 7), 0xCD: ("uint", 2, 1 << 8), 0xCE: ("uint", 4, 1 << 16), 0xCF: ("uint", 8, 1 << 32),
         0xD9: ("str", 1, 32), 0xDA: ("str", 2, 1 << 8), 0xDB: ("str", 4, 1 << 16),
         0xDC: ("array", 2, 16), 0xDD: ("array", 4, 1 << 16)}


def decode_at(data, at, depth):
    need(at < len(data), "cut short")
    first = data[at]
    at += 1
    if first <= 0x7F:
        return first, at
    if 0x90 <= first <= 0x9F:
        kind, number = "array", first & 0x0F
    elif 0xA0 <= first <= 0xBF:
        kind, number = "str", first & 0x1F
    else:
        need(first in HEADS, "foreign type")
        kind, width, least = HEADS[first]
        need(at + width <= len(data), "cut short")
        number = int.from_bytes(data[at:at + width], "big")
        need(number >= least, "longer form")
        at += width
    if kind == "uint":
        return number, at
    if kind == "array":
        need(depth < 8, "too deep")
        need(number <= len(data) - at, "cut short")
        elements = []
        for _ in range(number):
            element, at = decode_at(data, at, depth + 1)
            elements.append(element)
        return elements, at
    need(number <= len(data) - at, "cut short")
    content = bytes(data[at:at + number])
    if kind == "str":
        try:
            content = content.decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("text") from None
        need("\0" not in content, "text")
    return content, at + number


def decode(data):
    value, end = decode_at(data, 0, 0)
    need(end == len(data), "trailing bytes")
    # The second opinion: another decoder reads the same, and encoding it again gives the same bytes.
    assert msgpack.unpackb(data, raw=False, strict_map_key=False) == value
    assert msgpack.packb(value, use_bin_type=True) == bytes(data)
    return value


def uint(value, bound=(1 << 64) - 1, word="type"):
    need(isinstance(value, int), "type")
    need(value <= bound, word)
    return value


def binary(value, *lengths):
    need(isinstance(value, bytes), "type")
    need(not lengths or len(value) in lengths, "length")
    return value


def fields(value, *counts):
    need(isinstance(value, list) and len(value) in counts, "fields")
    return value


# --- Records ----------------------------------------------------------------------------------------------------------------------

def verify(key, signature, message):
    try:
        VerifyKey(key).verify(message, signature)
    except (CryptoError, ValueError):
        raise Bad("signature") from None


def ad_length(header):
    """Length of the header before the hash of slots: the array's head and its first 14 elements."""
    at = 66 + (1 if header[66] < 0xDC else 3)
    for _ in range(14):
        _, at = decode_at(header, at, 1)
    return at


def read_record(data):
    header, slots, body, signature = map(binary, fields(decode(data), 4))
    need(len(header) > 66 and len(signature) == 64, "length")
    record = {"format": header[0], "author": header[2:34], "key": header[34:66], "id": blake("kairan record id", header),
              "slots": slots, "body": body, "header": header, "header_only": not slots and not body}
    need(header[0] >= 1, "format")
    need(header[1] == 1, "suite")
    verify(record["key"], signature, b"kairan record sig" + record["id"])
    routing = decode(header[66:])
    need(len(routing) == 16 if header[0] == 1 else len(routing) >= 16, "fields")
    names = ["kind", "created_ms", "expires_s", "label", "community", "audience", "relay", "flags", "subject", "version", "target",
             "nonce", "pad_class", "commitment", "slots_hash", "body_hash"]
    record.update(zip(names, routing))
    binary(record["slots_hash"], 32)
    binary(record["body_hash"], 32)
    need(record["body_hash"] != blake("kairan body"), "empty body")
    if not record["header_only"]:
        need(record["slots_hash"] == blake("kairan slots", slots), "slots hash")
        need(record["body_hash"] == blake("kairan body", body), "body hash")
    check_header(record)
    record["ad_len"] = ad_length(header)
    return record


def check_header(record):
    for name in ("kind", "flags", "pad_class", "label"):
        uint(record[name], (1 << 32) - 1, name)
    need(record["kind"] != 0, "kind")
    uint(record["version"])
    created = uint(record["created_ms"], YEAR_9999_MS, "times")
    need(created // 1000 < uint(record["expires_s"]) <= created // 1000 + TEN_YEARS_S, "times")
    for name in ("community", "relay", "subject", "target", "commitment"):
        binary(record[name], 0, 32)
    binary(record["nonce"], 24)
    audience = record["audience"]
    need(isinstance(audience, list) and len(audience) <= 256, "audience")
    for council in audience:
        binary(council, 32)
    need(all(a < b for a, b in zip(audience, audience[1:])), "audience")
    if not CLEAR <= record["label"] <= RED:
        need(record["format"] > 1, "label")
        record["label"] = RED
        return
    need(record["kind"] != NOTICE or record["label"] == GREEN, "notice")
    has_slots = record["slots_hash"] != blake("kairan slots")
    if record["label"] >= AMBER:
        need(record["kind"] not in STATEMENTS, "sealed statement")
        need(record["commitment"] and 1 <= record["pad_class"] <= 21 and audience and has_slots, "sealed fields")
        need(not record["relay"] or record["label"] != RED, "relay")
    else:
        need(not record["commitment"] and record["pad_class"] == 0 and not audience and not has_slots and not record["relay"],
             "open fields")
        need(record["label"] != GREEN or record["community"], "community")


def open_record(record, council):
    """The content, as `council` (with its sealing keys) can read it."""
    need(record["format"] == 1, "newer format")
    need(not record["header_only"], "header only")
    if record["label"] < AMBER:
        return record["body"]
    size = CLASSES[record["pad_class"]]
    need(len(record["body"]) == size + 16, "body length")
    public, secret = bytes.fromhex(council["sealing_public"]), bytes.fromhex(council["sealing_secret"])
    hint = blake("kairan sealing key hint", public)[:4]
    entries = [binary(entry, 84) for entry in decode(record["slots"])]
    key = None
    for entry in entries:
        if entry[:4] == hint:
            key = SealedBox(PrivateKey(secret)).decrypt(entry[4:])
    need(key is not None, "no slot")
    need(blake("kairan content key", key) == record["commitment"], "commitment")
    try:
        padded = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(record["body"], record["header"][:record["ad_len"]],
                                                                   record["nonce"], key)
    except CryptoError:
        raise Bad("tag") from None
    length = int.from_bytes(padded[:4], "big")
    need(length <= size - 4 and not any(padded[4 + length:]), "padding")
    author, content = fields(decode(padded[4:4 + length]), 2)
    need(author == record["author"], "inner author")
    need(binary(content), "length")
    return content


# --- Sections of the vectors ------------------------------------------------------------------------------------------------------

def expect_bad(word, action):
    try:
        action()
    except Bad as bad:
        assert str(bad) == word, f"bad for '{bad}', not for '{word}'"
    else:
        raise AssertionError(f"accepted, but bad for '{word}'")


def check_councils(vectors):
    for council in vectors["councils"].values():
        assert SigningKey(bytes.fromhex(council["node_seed"])).verify_key.encode().hex() == council["node_public"]
        assert PrivateKey(bytes.fromhex(council["sealing_secret"])).public_key.encode().hex() == council["sealing_public"]
    return len(vectors["councils"])


def check_classes(vectors):
    assert vectors["pad_classes"] == CLASSES
    return len(CLASSES)


def check_encoding(vectors):
    for case in vectors["encoding"]:
        data = bytes.fromhex(case["bytes"])
        if "bad" in case:
            expect_bad(case["bad"], lambda data=data: decode(data))
        else:
            decode(data)
    return len(vectors["encoding"])


def check_records(vectors):
    for case in vectors["records"]:
        record = read_record(bytes.fromhex(case["bytes"]))
        assert record["id"].hex() == case["id"], case["name"]
        assert LABELS[record["label"]] == case["label"], case["name"]
        assert [council.hex() for council in record["audience"]] == case["audience"], case["name"]
        for name in ("format", "kind", "created_ms", "expires_s", "flags", "version", "ad_len", "header_only"):
            assert record[name] == case[name], (case["name"], name)
        for name, expected in case["opens"].items():
            council = vectors["councils"][name]
            words = {"NOT_FOUND": ("no slot", "header only"), "VERSION": ("newer format",)}
            if expected in words:
                try:
                    open_record(record, council)
                    raise AssertionError(case["name"])
                except Bad as bad:
                    assert str(bad) in words[expected], (case["name"], bad)
            else:
                assert open_record(record, council).hex() == expected, (case["name"], name)
        if record["format"] == 1 and record["label"] >= AMBER and not record["header_only"]:
            entries = decode(record["slots"])
            assert entries == sorted(entries), case["name"]
    return len(vectors["records"])


def check_bad_records(vectors):
    reader = vectors["councils"]["reader"]
    for case in vectors["bad_records"]:
        data = bytes.fromhex(case["bytes"])
        try:
            if case["stage"] == "open":
                record = read_record(data)
                expect_bad(case["bad"], lambda record=record: open_record(record, reader))
            else:
                # What has to hold before the reason given: a record refused for its header is properly signed.
                expect_bad(case["bad"], lambda data=data: read_record(data))
        except AssertionError as error:
            raise AssertionError(f"{case['name']}: {error}") from error
    return len(vectors["bad_records"])


def check_bodies(vectors):
    for case in vectors["bodies"]:
        body = decode(bytes.fromhex(case["bytes"]))
        assert body[0] == case["title"]
        if case["kind"] == "report":
            fields(body, 14)
            assert len(body[3]) == case["indicators"] and body[9] == case["severity"]
            for indicator in body[3]:
                fields(indicator, 7)
                assert indicator[4] <= 101 and indicator[5] <= 2
            fields(body[4], 3)
            assert 1 <= body[10] <= body[11]
        else:
            fields(body, 6)
            assert body[3] == case["severity"]
    return len(vectors["bodies"])


def read_takeback(record, content):
    """What a retraction or revision carries, and whether it may take that back."""
    carried, signature, first, second = fields(decode(content), 4)
    need(67 <= len(binary(carried)) <= 10240 and len(binary(signature)) == 64, "length")
    if record["kind"] == 6:
        need(isinstance(first, str) and isinstance(second, str), "type")
        need(len(second.encode()) <= 35, "length")
        need(1 <= len(first.encode()) <= 1024, "reason")
    else:
        need(uint(first) in (1, 2), "kind")
        need(binary(second), "length")
    target = read_record(msgpack.packb([carried, b"", b"", signature], use_bin_type=True))
    need(record["target"] == target["id"], "target")
    need(record["author"] == target["author"], "author")
    need(target["kind"] not in STATEMENTS and target["kind"] != NOTICE, "statement")
    need(target["kind"] != 6, "final")
    need(all(record[name] == target[name] for name in ("label", "community", "audience", "relay", "flags")), "differs")
    need(record["expires_s"] >= target["expires_s"], "differs")
    return target, first, second


def check_takebacks(vectors):
    for case in vectors["takebacks"]:
        record = read_record(bytes.fromhex(case["bytes"]))
        content = open_record(record, vectors["councils"]["reader"])
        if "bad" in case:
            expect_bad(case["bad"], lambda record=record, content=content: read_takeback(record, content))
            continue
        target, first, second = read_takeback(record, content)
        assert target["id"].hex() == case["target"], case["name"]
        if record["kind"] == 6:
            assert (first, second) == (case["reason"], case["language"]), case["name"]
        else:
            assert (first, second.hex()) == (case["content_kind"], case["content"]), case["name"]
    return len(vectors["takebacks"])


def read_rekeyings(data):
    """Which root and recovery key are in force by that card, and of which council."""
    content = fields(decode(data), 12)
    council = blake("kairan council id", content[0])
    _, root, commitment, _ = decode(content[0])
    recovery, signed, roots = binary(content[10], 32), council, [root]
    need(commitment == blake("kairan recovery key", recovery), "commitment")
    need(1 <= len(content[11]) <= 16, "fields")
    for entry in content[11]:
        root, following, signature = fields(entry, 3)
        need(root not in roots, "root twice")
        roots.append(root)
        signed += root + following
        verify(recovery, signature, b"kairan rekeying" + signed)
        recovery = following
    return council, root, recovery


def check_statements(vectors):
    card, rekeyed, charter, charter_now, vouch, vouch_since, revocation = vectors["statements"]
    council, root, recovery = read_rekeyings(bytes.fromhex(rekeyed["bytes"]))
    assert (council.hex(), root.hex(), recovery.hex()) == (rekeyed["id"], rekeyed["root_public"], rekeyed["recovery_public"])
    assert council.hex() == card["id"] and root.hex() != card["root_public"]
    for case in rekeyed["bad_ones"]:
        expect_bad(case["bad"], lambda case=case: read_rekeyings(bytes.fromhex(case["bytes"])))
    content = fields(decode(bytes.fromhex(card["bytes"])), 10)
    version, root, commitment, nonce = decode(content[0])
    assert version == 1 and len(nonce) == 16 and root.hex() == card["root_public"]
    assert commitment == blake("kairan recovery key", bytes.fromhex(card["recovery_public"]))
    assert blake("kairan council id", content[0]).hex() == card["id"]
    assert [len(entry) for keys in content[6:9] for entry in keys] == [4, 3, 3]
    for its, wanted in ((charter, 1), (charter_now, 2)):
        content = fields(decode(bytes.fromhex(its["bytes"])), 3)
        version, _, founders, vouches_needed, quorum, nonce, *from_now_on = decode(content[0])
        assert version == wanted and founders == sorted(set(founders)) and vouches_needed >= 1 and quorum >= 1 and len(nonce) == 16
        assert from_now_on == [1] * (version - 1)
        assert blake("kairan community id", content[0]).hex() == its["id"]
    for its, count in ((vouch, 4), (vouch_since, 5)):
        content = fields(decode(bytes.fromhex(its["bytes"])), count)
        assert content[0].hex() == its["council"] and content[1] == 0 and all(since > 0 for since in content[4:])
    key, since, made, page, pages, names, previous = fields(decode(bytes.fromhex(revocation["bytes"])), 7)
    assert len(key) == 32 and 0 < since < made and page < pages and previous == b""
    listed = sorted(name for name in (blake("kairan revoked name", key + bytes.fromhex(one))[:16] for one in revocation["ids"])
                    if int.from_bytes(name[:2], "big") * pages >> 16 == page)
    assert 0 < len(listed) < len(revocation["ids"]) and names == b"".join(listed)
    assert (blake("kairan revoked key", key)[:31] + bytes([page])).hex() == revocation["subject"]
    return len(vectors["statements"])


def check_hello(data):
    """Verifies a hello and gives its fields and its hash."""
    hello = fields(decode(data), 10)
    body = msgpack.packb(hello[:9], use_bin_type=True)
    verify(hello[4], hello[9], b"kairan hello sig" + blake("kairan hello body", body))
    assert hello[0] == 2 and (hello[1] == 1) == (hello[7] != b"")
    return hello, blake("kairan hello hash", data)


def open_stream(shared, transcript, frames):
    key = blake("kairan session key", transcript, key=shared)
    header = blake("kairan session header", transcript, key=shared, size=24)
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, header, key)
    for frame in frames:
        message, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(state, bytes.fromhex(frame["bytes"]))
        assert tag == 0 and message.decode() == frame["text"]


def check_session(vectors):
    session = vectors["session"]
    ours, our_hash = check_hello(bytes.fromhex(session["initiator_hello"]))
    theirs, their_hash = check_hello(bytes.fromhex(session["responder_hello"]))
    assert theirs[7] == our_hash and ours[6] == theirs[3] and theirs[6] == ours[3]
    transcript = blake("kairan transcript", our_hash, their_hash)
    assert transcript.hex() == session["transcript"]
    assert blake("kairan session id", transcript)[:8].hex() == session["id"]
    secret = bytes.fromhex(session["initiator_ephemeral_secret"])
    assert PrivateKey(secret).public_key.encode() == ours[5]
    rx, tx = sodium.crypto_kx_client_session_keys(ours[5], secret, theirs[5])
    assert blake("kairan session salt", transcript, key=tx, size=16).hex() == session["salt"]
    open_stream(tx, transcript, session["from_initiator"])
    open_stream(rx, transcript, session["from_responder"])
    return 1


def siphash_2_4(key, data):
    """SipHash-2-4 as its paper has it: eight bytes, little-endian."""
    mask = (1 << 64) - 1
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def turn(word, by):
        return (word << by | word >> (64 - by)) & mask

    def rounds(count):
        for _ in range(count):
            v[0], v[2] = (v[0] + v[1]) & mask, (v[2] + v[3]) & mask
            v[1], v[3] = turn(v[1], 13) ^ v[0], turn(v[3], 16) ^ v[2]
            v[0] = turn(v[0], 32)
            v[2], v[0] = (v[2] + v[1]) & mask, (v[0] + v[3]) & mask
            v[1], v[3] = turn(v[1], 17) ^ v[2], turn(v[3], 21) ^ v[0]
            v[2] = turn(v[2], 32)

    data += bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    for at in range(0, len(data), 8):
        word = int.from_bytes(data[at:at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")


def sync_parts():
    """The parts of the walk's message; names of ids under the walk's own key."""
    key = blake("kairan walk key", b"\x5a".ljust(16, b"\0") + (3).to_bytes(8, "big"))[:16]
    names = [siphash_2_4(key, bytes([first]).ljust(32, b"\0"))[:6] for first in (0xAB, 0xAC, 0xAD)]
    digests = b"".join(bytes([first]).ljust(8, b"\0") for first in (1, 2))
    month, prefix = 0x2AA, bytes.fromhex("000791")
    return [[1, 0, 0, b"", bytes.fromhex("02aa03") + bytes(7)],
            [2, month, 5, bytes.fromhex("000790"), bytes.fromhex("0080030002") + digests],
            [3, month, 6, prefix, b"".join(names)], [3, month, 1, b"\0", b""], [4, month, 6, prefix, names[2]]]


def check_messages(vectors):
    salt = b"\x5a".ljust(16, b"\0")
    green = siphash_2_4(salt, b"\x03" + bytes.fromhex("c0ffee").ljust(32, b"\0"))
    pair = siphash_2_4(salt, b"\x06" + bytes(32))  # whatever the council
    one_id, running = b"\xab".ljust(32, b"\0"), b"\x01\x02\x03".ljust(16, b"\0")
    digest, short = b"\x04\x05\x06".ljust(16, b"\0"), one_id[:16]
    root = [pair, 1001, running, 17, 900, b"\x08".ljust(8, b"\0")]
    expected = {1: [7, digest, 1001], 2: [7, digest, 1001], 3: [[one_id]], 4: [1001], 5: [green, 1001, running],
                6: [green, 1000, 1001, running, 0, short], 7: [green, 1000, 11, b"\x81\x04"], 8: [short], 9: [one_id, 11], 10: [11],
                11: [11], 12: [3, green, 0, 5, 2, 1001, sync_parts()], 13: [one_id, 1001, 1000, b"\x02"], 14: [1001], 15: [0, 682, [root]], 16: [short], 17: [0, short],
                18: [short], 19: [one_id], 20: [one_id], 21: [0], 22: [one_id, 0], 23: [one_id, 0], 24: [one_id, 1001]}
    for case in vectors["messages"]:
        assert decode(bytes.fromhex(case["bytes"])) == [case["type"]] + expected[case["type"]], case["type"]
    return len(vectors["messages"])


def check_client_frames(vectors):
    council = b"\x07".ljust(32, b"\0")
    expected = {("client", 0): [1, "kairan", "ja"], ("client", 1): [5, 1, b"\x90", 4], ("client", 2): [5, 4], ("client", 3): [5],
                ("keeper", 0): [1, council, "kairan"], ("keeper", 4): [5, [b"item"]], ("keeper", 5): [5, b"\x90"],
                ("keeper", 6): [5, 28, "kairan"]}
    for case in vectors["client_frames"]:
        key = (case["from"], case["type"])
        assert decode(bytes.fromhex(case["bytes"])) == [case["type"]] + expected[key], key
    return len(vectors["client_frames"])


# --- Tickets (BIP-350) ------------------------------------------------------------------------------------------------------------

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def polymod(values):
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= generator if top >> i & 1 else 0
    return state


def unpack_ticket(text):
    text = "".join(text.split())
    need(text == text.lower() or text == text.upper(), "case")
    text = text.lower()
    need(text.startswith("kairan1"), "prefix")
    need(all(char in CHARSET for char in text[7:]), "character")
    values = [CHARSET.index(char) for char in text[7:]]
    prefix = [ord(char) >> 5 for char in "kairan"] + [0] + [ord(char) & 31 for char in "kairan"]
    need(polymod(prefix + values) == 0x2BC830A3, "checksum")
    bits = "".join(f"{value:05b}" for value in values[:-6])
    whole = len(bits) // 8 * 8
    need(len(bits) - whole < 5 and "1" not in bits[whole:], "bits")
    return decode(bytes(int(bits[i:i + 8], 2) for i in range(0, whole, 8)))


def read_ticket(text):
    ticket = unpack_ticket(text)
    if ticket[0] == 5:
        version, council, secret, expires_s, nodes, community, flags = fields(ticket, 7)
        assert nodes[1:] == [[bytes([8]) + bytes(31), "tcp://kita.example.jp:7370"]]
        return [version, council, *nodes[0], secret, expires_s, community, flags]
    return fields(ticket, 7 if ticket[0] == 1 else 8)


def read_machine_ticket(text):
    ticket = unpack_ticket(text)
    if ticket[0] == 4:
        _, council, transport, endpoint, secret, expires_s = fields(ticket, 6)
        return council, secret, expires_s, [[transport, endpoint]]
    _, council, secret, expires_s, nodes = fields(ticket, 5)
    assert ticket[0] == 5 and 2 <= len(nodes) <= 4 and len({tuple(node) for node in nodes}) == len(nodes)
    return council, secret, expires_s, nodes


def check_machine_tickets(vectors):
    for ticket in vectors["machine_tickets"]:
        council, secret, expires_s, nodes = read_machine_ticket(ticket["text"])
        assert council.hex() == ticket["council"] and secret.hex() == ticket["secret"] and expires_s == ticket["expires_s"]
        assert [{"transport_public": key.hex(), "endpoint": endpoint} for key, endpoint in nodes] == ticket["nodes"]
    return len(vectors["machine_tickets"])


def check_tickets(vectors):
    for ticket, number in ((vectors["ticket"], 2), (vectors["ticket_1"], 1), (vectors["ticket_5"], 5)):
        for text in (ticket["text"], ticket["text"].upper(), ticket["text"][:30] + "\r\n " + ticket["text"][30:]):
            version, council, transport, endpoint, secret, expires_s, community, *flags = read_ticket(text)
            assert version == number and council.hex() == ticket["council"] and transport.hex() == ticket["transport_public"]
            assert endpoint == ticket["endpoint"] and secret.hex() == ticket["secret"] and expires_s == ticket["expires_s"]
            assert community.hex() == ticket["community"] and flags == ([ticket["by_hand"]] if version > 1 else [])
    for case in vectors["bad_tickets"]:
        expect_bad(case["bad"], lambda case=case: read_ticket(case["text"]))
    return 3 + len(vectors["bad_tickets"])


def check_pairing(vectors):
    pairing = {name: bytes.fromhex(text) for name, text in vectors["pairing"].items() if name != "code"}
    councils = pairing["first"] + pairing["second"]
    assert pairing["first"] < pairing["second"]
    assert blake("kairan pairing commitment", councils + pairing["first_random"]) == pairing["commitment"]
    digest = blake("kairan pairing code", councils + pairing["first_transport"] + pairing["second_transport"] + pairing["commitment"] +
                   pairing["first_random"] + pairing["second_random"])
    assert f"{int.from_bytes(digest[:8], 'big') % 10 ** 8:08}" == vectors["pairing"]["code"]
    return 1


# --- Inner sections, addresses ----------------------------------------------------------------------------------------------------

def read_section(case, author, council):
    """The addressed and the content, as whoever has this council's sealing key can read them."""
    commitment, slots, box = fields(decode(bytes.fromhex(case["section"])), 3)
    binary(commitment, 32)
    slots = [binary(slot, 80) for slot in slots]
    need(len(slots) in (8, 16, 32, 64), "slots")
    need(all(first < second for first, second in zip(slots, slots[1:])), "order")
    need(len(box) - 16 in CLASSES[1:21], "class")
    key = None
    for slot in slots:
        try:
            key = key or SealedBox(PrivateKey(bytes.fromhex(council["sealing_secret"]))).decrypt(slot)
        except CryptoError:
            pass
    need(key is not None, "no slot")
    need(blake("kairan section key", key) == commitment, "commitment")
    associated = bytes.fromhex(author) + b"".join(case[field].to_bytes(4, "big") for field in ("kind", "label", "flags"))
    try:
        padded = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(box, associated, bytes(24), key)
    except CryptoError:
        raise Bad("tag") from None
    length = int.from_bytes(padded[:4], "big")
    need(length <= len(padded) - 4 and not any(padded[4 + length:]), "padding")
    addressed, content = fields(decode(padded[4:4 + length]), 2)
    need(0 < len(addressed) < 64 and all(sort in (1, 2) for sort, _, _ in addressed), "addressed")
    return [{"sort": sort, "council": binary(council, 32).hex(), "id": binary(ident, 32).hex()} for sort, council, ident in addressed], content


def check_sections(vectors):
    writer, reader, stranger = (vectors["councils"][name] for name in ("writer", "reader", "stranger"))
    for case in vectors["sections"]:
        addressed, content = read_section(case, writer["id"], reader)
        assert addressed == case["addressed"] and content.hex() == case["content"], case["name"]
        expect_bad("no slot", lambda case=case: read_section(case, writer["id"], stranger))
        if case["writer_opens"]:
            assert read_section(case, writer["id"], writer) == (addressed, content), case["name"]
        else:
            expect_bad("no slot", lambda case=case: read_section(case, writer["id"], writer))
    for case in vectors["bad_sections"]:
        expect_bad(case["bad"], lambda case=case: read_section(case, case.get("author", writer["id"]), reader))
    return len(vectors["sections"]) + len(vectors["bad_sections"])


def check_addresses(vectors):
    for case in vectors["addresses"]:
        values = [CHARSET.index(char) for char in case["text"].removeprefix("kairanto1")]
        assert polymod([ord(char) >> 5 for char in "kairanto"] + [0] + [ord(char) & 31 for char in "kairanto"] + values) == 0x2BC830A3
        bits = "".join(f"{value:05b}" for value in values[:-6])
        payload = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) // 8 * 8, 8))
        assert payload == bytes([1, case["sort"]]) + b"".join(bytes.fromhex(case[field]) for field in ("council", "id", "key"))
    return len(vectors["addresses"])


# --- Trees ------------------------------------------------------------------------------------------------------------------------

def tree_month(expires_s):
    """Months since 1970-01; 1 to 65535."""
    if expires_s >= 253402300800:  # what Python's calendar does not have: ten thousand years have 146,097 days in each four hundred
        return 65535 if expires_s // 86400 > 3000000 else tree_month(expires_s - 146097 * 86400) + 4800
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days=expires_s // 86400)
    return max(1, (day.year - 1970) * 12 + day.month - 1)


def tree_digest(keys):
    """Of keys as strings of 72 hexadecimal digits, which are their nibbles, in order."""
    if not keys:
        return bytes(32)
    if len(keys) <= 64:
        return blake("kairan tree leaf", bytes.fromhex("".join(keys)))
    shared = next(at for at in range(72) if keys[0][at] != keys[-1][at])
    parts = []
    for nibble in "0123456789abcdef":
        some = [key for key in keys if key[shared] == nibble]
        if some:
            parts.append(bytes([int(nibble, 16)]) + len(some).to_bytes(8, "big") + tree_digest(some))
    return blake("kairan tree node", *parts)


def is_hidden(code):
    return (code < 0x20 or 0x7F <= code <= 0x9F or code in (0xAD, 0x61C, 0x180E, 0xFEFF) or 0x200B <= code <= 0x200F or
            0x2028 <= code <= 0x202E or 0x2060 <= code <= 0x206F or 0xFFF9 <= code <= 0xFFFB or 0xE0000 <= code <= 0xE007F)


def read_notice(data):
    """What a body notice says (section 5.5)."""
    version, ja, en, since, previous = fields(decode(data), 5)
    need(uint(version) == 1, "version")
    for name in (ja, en):
        need(isinstance(name, str), "type")
        need(len(name.encode()) <= 256, "length")
    uint(since)
    binary(previous, 0, 32)
    need((ja + en != "") == (since > 0), "since")
    for name in (ja, en):
        need(unicodedata.normalize("NFC", name) == name, "nfc")
        need(not any(is_hidden(ord(letter)) for letter in name), "hidden")
        need(not name or (name[0] not in " \u00a0\u3000" and name[-1] not in " \u00a0\u3000"), "space")


def check_notices(vectors):
    for case in vectors["body_notices"]:
        data = bytes.fromhex(case["bytes"])
        if "bad" in case:
            expect_bad(case["bad"], lambda data=data: read_notice(data))
        else:
            read_notice(data)
    return len(vectors["body_notices"])


def check_trees(vectors):
    for case in vectors["trees"]:
        months = {}
        for entry in map(bytes.fromhex, case["entries"]):
            hour = min(int.from_bytes(entry[:8], "big") // 3600000, 2**32 - 1)
            month = tree_month(int.from_bytes(entry[8:16], "big"))
            months.setdefault(month, []).append((hour.to_bytes(4, "big") + entry[16:]).hex())
        months = {month: sorted(months[month]) for month in sorted(months)}
        assert [(of["month"], of["count"], of["digest"]) for of in case["months"]] == \
            [(month, len(keys), tree_digest(keys).hex()) for month, keys in months.items()], case["about"]
        root = blake("kairan tree scope", *(month.to_bytes(4, "big") + len(keys).to_bytes(8, "big") + tree_digest(keys)
                                            for month, keys in months.items()))
        assert case["root"] == (root if months else bytes(32)).hex(), case["about"]
        for part in case["parts"]:
            keys = [key for key in months[part["month"]] if key.startswith(part["key"][:part["nibbles"]])]
            depth = next((at for at in range(72) if keys[0][at] != keys[-1][at]), 72)
            assert (part["count"], part["depth"], part["digest"]) == (len(keys), depth, tree_digest(keys).hex()), case["about"]
    return len(vectors["trees"])


def check_document(vectors, path):
    """The annotated record of the document is the first of the vectors."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("```kairan-record\n")[1].split("```")[0].splitlines()
    assert "".join(line.split()[0] for line in lines) == vectors["records"][0]["bytes"], "the annotated record differs"
    return len(lines)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        vectors = json.load(file)
    sections = [check_councils, check_classes, check_encoding, check_bodies, check_records, check_bad_records, check_takebacks,
                check_statements, check_session, check_messages, check_client_frames, check_tickets, check_machine_tickets, check_pairing, check_sections, check_addresses, check_trees,
                check_notices]
    for section in sections:
        count = section(vectors)
        assert count > 0
        print(f"{section.__name__[6:]}: {count} agree")
    if len(sys.argv) > 2:
        print(f"document: {check_document(vectors, sys.argv[2])} lines agree")


if __name__ == "__main__":
    main()
