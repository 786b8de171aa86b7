"""A MISP feed as MISP reads it (PyMISP's feed generator, the core format draft-dulaunoy-misp-core-format): the constraints written as checks
of our own. read_feed returns {event uuid: event}."""
import hashlib
import json
import os
import re

from federation import check

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
SECONDS = re.compile(r"^[0-9]{1,10}$")
CATEGORIES = {
    "ip-dst": "Network activity", "ip-dst|port": "Network activity", "domain": "Network activity", "url": "Network activity",
    "email-src": "Payload delivery", "md5": "Payload delivery", "sha1": "Payload delivery", "sha256": "Payload delivery",
    "sha512": "Payload delivery", "imphash": "Payload delivery", "filename": "Payload delivery", "regkey": "Persistence mechanism",
    "mutex": "Artifacts dropped", "user-agent": "Network activity", "ja3-fingerprint-md5": "Network activity", "AS": "Network activity",
    "vulnerability": "External analysis", "yara": "Payload delivery", "sigma": "Payload delivery", "other": "Other"}


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def check_attribute(attribute, label):
    check(UUID.match(attribute["uuid"]), f"attribute {attribute}")
    check(CATEGORIES.get(attribute["type"]) == attribute["category"], f"{label}: {attribute['type']} in {attribute['category']}")
    check(isinstance(attribute["value"], str) and attribute["value"], f"no value: {attribute}")
    check(isinstance(attribute["to_ids"], bool) and isinstance(attribute["deleted"], bool), f"flags: {attribute}")
    check(SECONDS.match(attribute["timestamp"]), f"timestamp: {attribute}")
    check(attribute["distribution"] == "0", f"distribution: {attribute}")
    if "|" in attribute["type"]:
        check(attribute["value"].count("|") == 1, f"composite: {attribute}")


def check_event(uuid, root, entry, label):
    check(set(root) == {"Event"}, f"{uuid}: {set(root)}")
    event = root["Event"]
    check(event["uuid"] == uuid and UUID.match(uuid), f"uuid {uuid}")
    for key in ("info", "date", "threat_level_id", "analysis", "timestamp", "Orgc", "Tag"):
        check(event[key] == entry[key], f"{uuid}: the manifest says {entry[key]!r} of {key}, the event {event[key]!r}")
    check(re.match(r"^\d{4}-\d\d-\d\d$", event["date"]) and event["threat_level_id"] in "1234" and event["analysis"] in "012", f"{event}")
    check(event["distribution"] == "0" and event["published"] is True, f"{uuid}: {event['distribution']} {event['published']}")
    check(SECONDS.match(event["timestamp"]) and UUID.match(event["Orgc"]["uuid"]) and event["Orgc"]["name"], f"{uuid}: {event['Orgc']}")
    check(f"tlp:{label}" in [tag["name"] for tag in event["Tag"]], f"{uuid} is not tagged {label}: {event['Tag']}")
    check(len(set(item["uuid"] for item in event["Attribute"])) == len(event["Attribute"]), f"{uuid}: attributes twice")
    for attribute in event["Attribute"]:
        check_attribute(attribute, label)
        check(int(attribute["timestamp"]) <= int(event["timestamp"]), f"{uuid}: an attribute is newer than its event")
    return event


def read_feed(directory, label):
    manifest = read_json(directory, "manifest.json")
    files = {name[:-5] for name in os.listdir(directory) if name.endswith(".json")} - {"manifest"}
    check(files == set(manifest), f"{directory}: files {files}, manifest {set(manifest)}")
    check(set(os.listdir(directory)) == {f"{name}.json" for name in files} | {"manifest.json", "hashes.csv"}, f"{os.listdir(directory)}")
    events = {uuid: check_event(uuid, read_json(directory, uuid + ".json"), entry, label) for uuid, entry in manifest.items()}
    expected = set()
    for uuid, event in events.items():
        for attribute in event["Attribute"]:
            parts = attribute["value"].split("|") if "|" in attribute["type"] else [attribute["value"]]
            expected |= set() if attribute["deleted"] else {f"{hashlib.md5(part.encode()).hexdigest()},{uuid}" for part in parts}
    with open(os.path.join(directory, "hashes.csv"), encoding="ascii") as file:
        check(set(file.read().splitlines()) == expected, f"{directory}: hashes.csv is not of these attributes")
    return events


def live(events):
    return {attribute["value"] for event in events.values() for attribute in event["Attribute"] if not attribute["deleted"]}


def deleted(events):
    return {attribute["value"] for event in events.values() for attribute in event["Attribute"] if attribute["deleted"]}
