#!/usr/bin/env python3
"""A linked peer floods its own link while an honest peer and an analyst go on: they are served, and what it sent that is valid arrives.

    flood.py BENCH

BENCH is kr-bench: its bench `flood`, small. How long things take is the machine's matter, and this one may be busy. What the node
makes of a flood is how much of it goes before an honest record: without turns that is all that keeper lets net have under way, 8 MiB
and what the sockets hold, however fast or slow the machine is; with turns, what the flood brings while the record is on its way."""
import json
import subprocess
import sys

KINDS = ("questions", "words", "garbage")
WAYS = ("a peer's record", "a peer's record at a third", "an analyst's", "a peer's large one")
BEFORE_MAX = {way: 0.5 for way in WAYS}  # of 8 MiB; without turns 1.2
BEFORE_MAX[WAYS[3]] = 2.0  # it comes behind small ones; where the workers never came to it, 4
LATENCY_MAX_MS = 3000  # half of all: what people notice
FRAMES_MIN = 20  # a second: else it was no flood


def check(holds, what):
    if not holds:
        print(f"flood: {what}", file=sys.stderr)
        sys.exit(1)


run = subprocess.run([sys.argv[1], "flood", "--json", "--small"], stdout=subprocess.PIPE, check=False)
check(run.returncode == 0, f"the bench ended with {run.returncode}")
lines = {line["case"]: line for line in map(json.loads, run.stdout.decode().splitlines())}
arrived = lines["own records: of the flooder's, arrived in the end"]
check(arrived["limit"] > 0 and arrived["value"] == arrived["limit"], f"of its own records some are lost: {arrived}")
for kind in KINDS:
    came = lines[f"{kind}: frames that came in"]
    check(came["value"] >= FRAMES_MIN, f"{kind}: that was no flood: {came}")
    for way in WAYS:
        before = lines[f"{kind}: of it before {way}, mean"]
        check(before["ratio"] <= BEFORE_MAX[way], f"{kind}: too much of it goes before {way}: {before}")
for kind in ("own records", *KINDS):
    for way in WAYS:
        took = lines[f"{kind}: {way}, p50"]
        check(took["value"] <= LATENCY_MAX_MS * 1000, f"{kind}: {way} is not served: {took}")
print("flood: " + "; ".join(f"{kind} {lines[f'{kind}: of it before {WAYS[0]}, mean']['value']:.2f} MiB before {WAYS[0]}" for kind in KINDS))
