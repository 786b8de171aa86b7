#!/usr/bin/env python3
"""Runs kr-bench with small sizes and checks that every line is as README.md promises."""
import json
import subprocess
import sys

FIELDS = {"bench": str, "case": str, "value": (int, float), "unit": str, "limit": (int, float), "limit_what": str,
          "ratio": (int, float), "goal": str, "pass": bool}

# All but `flood`, which e2e/flood runs.
BENCHES = ["propagation", "bulk", "import", "ingest", "membership", "memory", "lookup", "replicate", "reconcile", "trees", "rekey", "dissemination", "scan", "crowd"]

run = subprocess.run([sys.argv[1], *BENCHES, "--json", "--small"], stdout=subprocess.PIPE, check=True)
lines = [json.loads(line) for line in run.stdout.decode().splitlines()]
for line in lines:
    assert set(line) == set(FIELDS), line
    for field, kind in FIELDS.items():
        assert isinstance(line[field], kind), (field, line)
    assert line["value"] > 0 and line["limit"] > 0 and abs(line["ratio"] - line["value"] / line["limit"]) < 0.01 * (1 + line["ratio"]), line
assert {line["bench"] for line in lines} == set(BENCHES)
assert {line["case"] for line in lines if line["bench"] == "propagation"} >= {"p50", "p99", "p50 beside bulk"}
