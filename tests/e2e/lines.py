"""Figures as the benches give them (tests/bench/README.md): one JSON object a line, each beside what it is measured against."""
import json


class Lines:
    def __init__(self, bench, is_json):
        self.bench, self.is_json = bench, is_json
        self.has_passed = True

    def say(self, case, value, unit, limit, limit_what, goal=0.0):
        """`goal`: what value / limit may be at most; 0: a figure without one."""
        ratio = value / limit if limit > 0 else 0.0
        is_reached = goal == 0 or ratio <= goal
        self.has_passed = self.has_passed and is_reached
        if self.is_json:
            print(json.dumps({"bench": self.bench, "case": case, "value": round(value, 3), "unit": unit, "limit": round(limit, 3), "limit_what": limit_what,
                              "ratio": round(ratio, 3), "goal": f"<= {goal:.2f}", "pass": is_reached}), flush=True)
        else:
            print(f"{case}: {value:.1f} {unit}, {ratio:.2f} times {limit:.1f} ({limit_what})" + (f", at most {goal:g}" if goal else ""), flush=True)
