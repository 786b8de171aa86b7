"""STIX 2.1 as far as exports use it: the constraints of the published schemas, written as checks of our own (OASIS, STIX Version 2.1, parts
3 to 7 and 9). check_bundle returns {value or pattern: indicator object}."""
import datetime
import re
import uuid

from federation import check

ID = re.compile(r"^([a-z][a-z0-9-]+)--([0-9a-f]{8}-[0-9a-f]{4}-([1-5])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$")
TIME = re.compile(r"^[0-9]{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?Z$")
COMMON = {"type", "spec_version", "id", "created_by_ref", "created", "modified", "revoked", "labels", "confidence", "lang",
          "external_references", "object_marking_refs", "granular_markings", "extensions"}
OWN = {
    "identity": ({"name"}, {"description", "roles", "identity_class", "sectors", "contact_information"}),
    "indicator": ({"pattern", "pattern_type", "valid_from"},
                  {"name", "description", "indicator_types", "pattern_version", "valid_until", "kill_chain_phases"}),
    "report": ({"name", "published", "object_refs"}, {"description", "report_types"}),
    "vulnerability": ({"name"}, {"description"}),
    "marking-definition": (set(), {"name", "definition_type", "definition"}),
}
TLP = {"clear": "94868c89-83c2-464b-929b-a1a8aa3c8487", "green": "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
       "amber": "55d920b0-5e8b-4f79-9ee9-91f868d9b421", "amber+strict": "939a9414-2ddd-4d32-a0cd-375ea402b003"}
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
STRING = r"'(?:[^'\\]|\\.)*'"
COMPARISON = re.compile(r"[a-z][a-z0-9-]*:[a-zA-Z_][\w]*(?:\.(?:[a-zA-Z_]\w*|" + STRING + r"))* = (?:[0-9]+|" + STRING + ")", re.S)
PATTERN = re.compile(r"\[" + COMPARISON.pattern + "(?: AND " + COMPARISON.pattern + r")*\]", re.S)


def moment(text):
    check(isinstance(text, str) and TIME.match(text), f"no timestamp: {text!r}")
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def check_object(item, kinds):
    kind = item.get("type")
    check(kind in OWN, f"an object of type {kind!r}")
    match = ID.match(item["id"])
    check(match and match[1] == kind, f"no id of its type: {item['id']}")
    check(item["spec_version"] == "2.1", f"spec_version of {item['id']}")
    required, optional = OWN[kind]
    check(required <= set(item), f"{item['id']} lacks {required - set(item)}")
    check(set(item) <= COMMON | required | optional, f"{item['id']} has {set(item) - COMMON - required - optional}")
    for key, value in item.items():
        check(value is not None and value != [] and value != {}, f"{item['id']}: {key} is empty")
    created = moment(item["created"])
    if kind == "marking-definition":
        check_marking(item)
        return
    check(moment(item["modified"]) >= created, f"{item['id']}: modified before created")
    check(not (item.get("revoked") and item["modified"] == item["created"]), f"{item['id']}: revoked in its first version")
    if kind != "identity":
        check(match[3] == "5", f"{item['id']} is no name of version 5")
    confidence = item.get("confidence")
    check(confidence is None or (isinstance(confidence, int) and 0 <= confidence <= 100), f"confidence {confidence!r}")
    for reference in item.get("external_references", []):
        check(reference.get("source_name") and set(reference) & {"description", "url", "external_id"}, f"{item['id']}: {reference}")
    for name in ("created_by_ref",):
        check(name not in item or kinds.get(item[name]) == "identity", f"{item['id']}: {name} leads nowhere")
    for target in item.get("object_refs", []) + item.get("object_marking_refs", []):
        check(target in kinds, f"{item['id']} refers to {target}, which is not in the bundle")
    for target in item.get("object_marking_refs", []):
        check(kinds[target] == "marking-definition", f"{item['id']} is marked with {target}")


def check_marking(item):
    extension = item["extensions"][TLP_EXTENSION]
    word = extension["tlp_2_0"]
    check(extension["extension_type"] == "property-extension" and item["id"] == f"marking-definition--{TLP.get(word)}", f"marking {item}")
    check(item["name"] == "TLP:" + word.upper() and "definition" not in item and item["created"] == "2022-10-01T00:00:00.000Z", f"marking {item}")


def check_indicator(item):
    if item["pattern_type"] == "stix":
        check(PATTERN.fullmatch(item["pattern"]), f"no pattern: {item['pattern']!r}")
    else:
        check(item["pattern_type"] in ("yara", "sigma"), f"pattern_type {item['pattern_type']}")
    if "valid_until" in item:
        check(moment(item["valid_until"]) > moment(item["valid_from"]), f"{item['id']}: valid_until")


def check_bundle(bundle):
    check(set(bundle) <= {"type", "id", "objects"} and bundle["type"] == "bundle" and ID.match(bundle["id"]), f"bundle: {set(bundle)}")
    kinds = {}
    for item in bundle.get("objects", []):
        check(item["id"] not in kinds, f"{item['id']} twice")
        kinds[item["id"]] = item["type"]
    for item in bundle.get("objects", []):
        check_object(item, kinds)
        uuid.UUID(item["id"].split("--")[1])
        if item["type"] == "indicator":
            check_indicator(item)
            check(len(item["object_marking_refs"]) == 1, f"{item['id']} is not marked")
    return {item["pattern"]: item for item in bundle.get("objects", []) if item["type"] == "indicator"}
