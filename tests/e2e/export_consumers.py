#!/usr/bin/env python3
"""Exports in the programs that people run: loaded by them, and having the effect that they are for. One consumer a run; ends with 77
where it is not there, or may not do here what it would have to."""
import argparse
import ctypes
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

import dns
import doc_blocks
import federation
import misp_check
import stix_check
from cli import Tool
from federation import Failure, check, poll

WITHIN_S = 60.0
SKIPPED = 77
OPTIONAL = ("suricata",)  # Debian 12 has none

EVIL = """evil.kairan-e2e.jp
xn--wgv71a119e.kairan-e2e.jp
_under.kairan-e2e.jp
203.0.113.7:8443
198.51.100.0/24
198.51.100.9
192.0.2.1
2001:db8::7
2001:db8:0:1::/64
[2001:db8:5::8]:53
http://url.kairan-e2e.jp/a;b?c=$(id)&d='x'z
"""


class Missing(Exception):
    """The consumer is not here."""


class Forbidden(Exception):
    """It is, and may not do what the test wants of it."""


def find(name, options):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", os.path.join(options.consumers, "usr/sbin")])
    found = shutil.which(name, path=path)
    if found is None:
        raise Missing(f"{name} is not here" + ("; tools/bootstrap.sh test installs it" if name not in OPTIONAL else ""))
    return found


def run(*command, given=None):
    return subprocess.run(command, input=given, capture_output=True, timeout=WITHIN_S, check=False)


def must(*command, given=None):
    ended = run(*command, given=given)
    check(ended.returncode == 0, f"{' '.join(command)[:200]}: status {ended.returncode}: {ended.stderr.decode()[-2000:]}{ended.stdout.decode()[-2000:]}")
    return ended.stdout.decode()


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_prctl = ctypes.CDLL(None).prctl


class Daemon:
    """A server on loopback; it does not outlive the test."""

    def __init__(self, log, *command):
        self.log = log
        with open(log, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            preexec_fn=lambda: _prctl(1, signal.SIGKILL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()[-3000:]

    def await_answer(self, port, name):
        def answers():
            check(self.process.poll() is None, f"the server has ended: {self.said()}")
            return dns.query(port, name, timeout_s=0.2) is not None
        poll(answers, WITHIN_S, lambda: f"the server does not answer: {self.said()}")


class Bench:
    """One council with the values above, and a place for files."""

    def __init__(self, options, root, tool):
        self.options, self.root, self.tool = options, root, tool
        self.examples = doc_blocks.examples(root)
        self.record = self.submit(EVIL)

    def submit(self, text):
        return json.loads(self.tool.done("--json", "submit", "-", "--label", "green", "-y", given=text.encode()))["ids"][0]

    def place(self, *names):
        return os.path.join(self.root, *names)

    def export(self, form, name, *options):
        self.tool.done("export", form, "--out", self.place(name), *options)
        return self.place(name)

    def example(self, name):
        """Runs the commands of that example."""
        path = os.pathsep.join([os.path.dirname(self.tool.kairan), os.environ.get("PATH", ""), "/usr/sbin"])
        ended = subprocess.run(["sh", "-ec", self.examples[name]], env=dict(os.environ, PATH=path, KAIRAN_STATE=self.tool.state),
                               capture_output=True, timeout=WITHIN_S, check=False)
        check(ended.returncode == 0, f"{name} of docs/EXPORT.md: {ended.stderr.decode()}")
        return ended.stdout.decode()

    def write(self, name, text):
        with open(self.place(name), "w", encoding="ascii") as file:
            file.write(text)
        return self.place(name)

    def isolated(self, command, what):
        """In network and user namespaces of its own, as their root."""
        probe = run("unshare", "-rn", *what)
        if probe.returncode != 0:
            raise Forbidden(f"{' '.join(what)} is not permitted here: {probe.stderr.decode().strip()}")
        return must("unshare", "-rn", "sh", "-ec", command)


# ---- resolvers ----

ADDRESSES = {("listed4", dns.A): "198.51.100.77", ("alone4", dns.A): "203.0.113.7", ("listed6", dns.AAAA): "2001:db8:0:1::99",
             ("alone6", dns.AAAA): "2001:db8::7"}
BLOCKED = [("evil", dns.A), ("www.evil", dns.A), ("a.b.evil", dns.A), ("xn--wgv71a119e", dns.A), ("_under", dns.A)]
BLOCKED_BY_ADDRESS = [("listed4", dns.A), ("alone4", dns.A), ("listed6", dns.AAAA), ("alone6", dns.AAAA)]
ANSWERED = [("good", dns.A), ("notevil", dns.A), ("evil.notevil", dns.A), ("good6", dns.AAAA), ("url", dns.A)]


def await_names(port, server, blocked, answered):
    """named answers while it still takes policy zones in, name by name."""
    for name, kind, wanted in [(*item, (dns.NXDOMAIN, 0)) for item in blocked] + [(*item, (dns.NOERROR, 1)) for item in answered]:
        poll(lambda: dns.query(port, f"{name}.kairan-e2e.jp", kind) == wanted, WITHIN_S,
             lambda: f"{name} is not as it should be: {dns.query(port, f'{name}.kairan-e2e.jp', kind)}; {server.said()}")


def check_names(port, blocked, answered):
    for name, kind in blocked:
        code = dns.query(port, f"{name}.kairan-e2e.jp", kind)
        check(code == (dns.NXDOMAIN, 0), f"{name} is answered: {code}")
    for name, kind in answered:
        code = dns.query(port, f"{name}.kairan-e2e.jp", kind)
        check(code == (dns.NOERROR, 1), f"{name} is not answered: {code}")


def consume_named(bench):
    named, _ = find("named", bench.options), find("named-checkzone", bench.options)
    first = int(bench.example("export-rpz").split("loaded serial ")[1].split()[0])
    port, upstream = free_udp_port(), dns.Upstream(ADDRESSES)
    at_once = bench.examples["named-options"].replace(";\n", " min-update-interval 0;")  # else a minute passes
    config = bench.write("named.conf", f"""
options {{ directory "{bench.root}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none; session-keyfile none;
  recursion yes; allow-query {{ any; }}; dnssec-validation no; notify no; empty-zones-enable no;
  forward only; forwarders {{ 127.0.0.1 port {upstream.port}; }};
  {at_once} }};
controls {{ }};
{bench.examples["named-zone"]}
""")
    with upstream, Daemon(bench.place("named.log"), named, "-g", "-n", "1", "-c", config) as server:
        server.await_answer(port, "good.kairan-e2e.jp")
        await_names(port, server, BLOCKED + BLOCKED_BY_ADDRESS, ANSWERED)
        check("invalid rpz" not in server.said(), f"triggers are refused: {server.said()}")
        # What is taken back is answered again: the serial has grown, so that the zone is loaded anew.
        bench.tool.done("retract", bench.record, "--reason", "wrong", "-y")
        bench.submit("other.kairan-e2e.jp")
        second = int(bench.example("export-rpz").split("loaded serial ")[1].split()[0])
        check(second > first, f"the serial does not grow: {first}, then {second}")
        server.process.send_signal(signal.SIGHUP)
        poll(lambda: dns.query(port, "other.kairan-e2e.jp") == (dns.NXDOMAIN, 0), WITHIN_S, lambda: f"not loaded anew: {server.said()}")
        await_names(port, server, [], BLOCKED[:1] + BLOCKED_BY_ADDRESS)


def consume_unbound(bench):
    unbound, checkconf = find("unbound", bench.options), find("unbound-checkconf", bench.options)
    bench.example("export-unbound")
    port, upstream = free_udp_port(), dns.Upstream(ADDRESSES)
    config = bench.write("unbound.conf", f"""
server:
    directory: "{bench.root}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    interface: 127.0.0.1@{port}
    do-daemonize: no
    do-ip6: no
    module-config: "iterator"
    do-not-query-localhost: no
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: 127.0.0.1@{upstream.port}
{bench.examples["unbound-include"]}
""")
    must(checkconf, config)
    with upstream, Daemon(bench.place("unbound.log"), unbound, "-d", "-p", "-c", config) as server:
        server.await_answer(port, "good.kairan-e2e.jp")
        check_names(port, BLOCKED, ANSWERED + BLOCKED_BY_ADDRESS)


def consume_hosts(bench):
    bench.example("export-hosts")
    hosts = bench.place("srv/www/kairan-hosts")
    if run("unshare", "-rm", "mount", "--bind", hosts, "/etc/hosts").returncode != 0:
        raise Forbidden("mounting over /etc/hosts is not permitted here")
    for name in ("evil", "xn--wgv71a119e"):
        told = must("unshare", "-rm", "sh", "-ec", f"mount --bind {hosts} /etc/hosts; getent -s files ahostsv4 {name}.kairan-e2e.jp")
        check(told.split()[0] == "0.0.0.0", f"{name}: {told}")
    ended = run("unshare", "-rm", "sh", "-ec", f"mount --bind {hosts} /etc/hosts; getent -s files ahostsv4 notevil.kairan-e2e.jp")
    check(ended.returncode == 2, f"a name that is not listed: {ended}")


# ---- sets ----

def consume_nftables(bench):
    nft = find("nft", bench.options)
    rules = bench.export("nftables", "kairan.nft")
    for turn in range(2):  # a second time the sets are filled anew
        told = bench.isolated(f"{nft} -c -f {rules}; {nft} -f {rules}; {nft} -f {rules}; {nft} -j list ruleset", (nft, "list", "ruleset"))
        sets = {item["set"]["name"]: json.dumps(item["set"].get("elem", [])) for item in json.loads(told)["nftables"] if "set" in item}
        check(set(sets) == {"ipv4", "ipv6", "ipv4_port", "ipv6_port"}, f"sets: {sets}")
        for name, words in (("ipv4", ("192.0.2.1", "198.51.100.0")), ("ipv6", ("2001:db8::7", "2001:db8:0:1::")),
                            ("ipv4_port", ("203.0.113.7", "8443")), ("ipv6_port", ("2001:db8:5::8", "53"))):
            check(all((word in sets[name]) == (turn == 0 or word == "192.0.2.1") for word in words), f"set {name}: {sets[name]}")
        if turn == 0:
            bench.tool.done("retract", bench.record, "--reason", "x", "-y")
            bench.submit("192.0.2.1")
            old, rules = rules, bench.export("nftables", "later.nft")
            rules = bench.write("both.nft", f'include "{old}"\ninclude "{rules}"\n')
    # The chain of docs/EXPORT.md on top of the sets.
    bench.example("export-nftables")
    rules, chain = bench.place("etc/nftables/kairan.nft"), bench.write("chain.nft", bench.examples["nftables-chain"])
    bench.isolated(f"{nft} -f {rules}; {nft} -f {chain}; {nft} -f {rules}", (nft, "list", "ruleset"))


def consume_ipset(bench):
    ipset = find("ipset", bench.options)
    bench.example("export-ipset")
    sets = bench.place("etc/kairan.ipset")
    told = bench.isolated(f"{ipset} restore -f {sets}; {ipset} restore -f {sets}; {ipset} save", (ipset, "list", "-n"))
    lines = set(line for line in told.splitlines() if line.startswith("add"))
    check(lines == {"add kairan4 192.0.2.1", "add kairan4 198.51.100.0/24", "add kairan6 2001:db8::7", "add kairan6 2001:db8:0:1::/64",
                    "add kairan4-port 203.0.113.7,tcp:8443", "add kairan4-port 203.0.113.7,udp:8443",
                    "add kairan6-port 2001:db8:5::8,tcp:53", "add kairan6-port 2001:db8:5::8,udp:53"}, f"sets: {lines}")


# ---- firewalls that pull lists; what their manuals say of the form ----

def consume_lists(bench):
    bench.example("export-list")
    bench.example("export-list-bare")
    root, bare = bench.place("srv/www/kairan"), bench.place("srv/www/kairan-pan")
    served = {}
    for name in os.listdir(root):
        with open(os.path.join(root, name), encoding="ascii") as file, open(os.path.join(bare, name), encoding="ascii") as other:
            lines = file.read().splitlines()
            served[name] = [line for line in lines if not line.startswith("#")]
            check(len(lines) > len(served[name]) and other.read().splitlines() == served[name], f"{name}: with and without a head")
    for name in ("ipv4.txt", "ipv6.txt", "ip.txt"):
        for line in served[name]:
            ipaddress.ip_network(line)  # strict: no bit behind the prefix
    check(len(served["ip.txt"]) == len(set(served["ip.txt"])) == 7, f"ip.txt: {served['ip.txt']}")
    check(all(" " not in line and line for lines in served.values() for line in lines), "a blank within a value")
    check(served["url-noscheme.txt"] == ["url.kairan-e2e.jp/a;b?c=$(id)&d='x'z"], served["url-noscheme.txt"])
    check(served["url.txt"] == ["http://url.kairan-e2e.jp/a;b?c=$(id)&d='x'z"], served["url.txt"])
    check(sorted(served["domain.txt"]) == ["_under.kairan-e2e.jp", "evil.kairan-e2e.jp", "xn--wgv71a119e.kairan-e2e.jp"], served["domain.txt"])


def consume_suricata(bench):
    bench.example("export-suricata")
    root = bench.place("etc/suricata/rules/kairan")
    suricata = find("suricata", bench.options)
    must(suricata, "-T", "-S", os.path.join(root, "kairan.rules"), "-l", bench.root)


# ---- exchange formats, read by the constraints of their schemas ----

OTHERS = """/c2/請求書.exe ファイル名: 請求書'(1)'.exe
User-Agent: Mozilla/5.0 'evil' \\ (x; y)
CVE-2026-12345 AS64496 a@mail.kairan-e2e.jp
0cc175b9c0f1b6a831c399e269772661
86f7e437faa5a7fce15d1ddcb9eaeaea377667b8
ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
HKEY_LOCAL_MACHINE\\Software\\Evil\\Run
"""


def consume_stix(bench):
    bench.submit(OTHERS)
    bench.example("export-stix")
    with open(bench.place("srv/www/kairan-stix.json"), encoding="utf-8") as file:
        text = file.read()
    bundle = json.loads(text)
    found = stix_check.check_bundle(bundle)
    for pattern in ("[domain-name:value = 'evil.kairan-e2e.jp']", "[ipv4-addr:value = '198.51.100.0/24']", "[ipv6-addr:value = '2001:db8::7']",
                    "[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '203.0.113.7' AND network-traffic:dst_port = 8443]",
                    "[url:value = 'http://url.kairan-e2e.jp/a;b?c=$(id)&d=\\'x\\'z']", "[autonomous-system:number = 64496]",
                    "[file:hashes.MD5 = '0cc175b9c0f1b6a831c399e269772661']",
                    "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Evil\\\\Run']"):
        check(pattern in found, f"{pattern} is not in {sorted(found)}")
    kinds = [item["type"] for item in bundle["objects"]]
    check(kinds.count("report") == 2 and kinds.count("identity") == 1 and kinds.count("marking-definition") == 1 and kinds.count("vulnerability") == 1,
          f"objects: {kinds}")
    check(bench.tool.done("export", "stix") == text, "twice is not the same bytes")
    # Since a cursor: what was taken back is revoked.
    cursor = json.loads(bench.tool.run("--json", "export", "stix").stderr)["cursor"]
    bench.tool.done("retract", bench.record, "--reason", "x", "-y")
    change = json.loads(bench.tool.done("export", "stix", "--since", str(cursor)))
    stix_check.check_bundle(change)
    gone = [item["id"] for item in change["objects"] if item.get("revoked")]
    known = {item["id"]: item for item in bundle["objects"]}
    expected = {item["id"] for item in bundle["objects"] if item["type"] == "indicator" and "evil.kairan-e2e.jp" in item["pattern"]}
    check(len(expected) > 0 and expected < set(gone) and sum(one.startswith("report--") for one in gone) == 1, f"revoked: {gone}")
    check(all(one in known for one in gone if one.startswith("report--")), f"revoked: {gone}")
    after = stix_check.check_bundle(json.loads(bench.tool.done("export", "stix")))
    check(not any("evil" in pattern for pattern in after if pattern.startswith("[domain")), "what is taken back is still there")
    bench.tool.done("retract", bench.submit("x.kairan-e2e.jp"), "--reason", "x", "-y")
    for label in ("clear",):
        empty = json.loads(bench.tool.done("export", "stix", "--label-max", label))
        check(not stix_check.check_bundle(empty) and "objects" not in empty, f"an empty bundle: {empty}")


def consume_misp(bench):
    bench.submit(OTHERS)
    bench.example("export-misp")
    root = bench.place("srv/www/kairan-misp")
    check(os.listdir(root) == ["tlp-green"], f"feeds: {os.listdir(root)}")
    feed = os.path.join(root, "tlp-green")
    before = misp_check.read_feed(feed, "green")
    check(len(before) == 2 and {"evil.kairan-e2e.jp", "203.0.113.7|8443", "198.51.100.0/24", "CVE-2026-12345"} <= misp_check.live(before),
          f"{misp_check.live(before)}")
    kept = {name: os.stat(os.path.join(feed, name)).st_ino for name in os.listdir(feed)}
    told = json.loads(bench.tool.done("--json", "export", "misp-feed", "--out", root))
    check(told["changed"] is False and kept == {name: os.stat(os.path.join(feed, name)).st_ino for name in os.listdir(feed)},
          f"nothing has changed: {told}")
    # Taken back: the event stays, its attributes are deleted, with a newer time.
    bench.tool.done("retract", bench.record, "--reason", "x", "-y")
    bench.export("misp-feed", "srv/www/kairan-misp")
    after = misp_check.read_feed(feed, "green")
    check(set(after) == set(before), "an event has gone, or come")
    changed = [uuid for uuid in after if after[uuid] != before[uuid]]
    check(len(changed) == 1, f"changed: {changed}")
    event, was = after[changed[0]], before[changed[0]]
    check(int(event["timestamp"]) > int(was["timestamp"]), "its time is not newer")
    check(all(item["deleted"] and int(item["timestamp"]) > int(old["timestamp"]) and item["value"] == old["value"]
              for item, old in zip(event["Attribute"], was["Attribute"])), f"not deleted: {event}")
    check("evil.kairan-e2e.jp" in misp_check.deleted(after) and "evil.kairan-e2e.jp" not in misp_check.live(after), "deleted and live")
    check(json.loads(bench.tool.done("--json", "export", "misp-feed", "--out", root))["changed"] is False, "deleted again each time")
    # Left out by an option, and let in again: newer each time.
    bench.export("misp-feed", "srv/www/kairan-misp", "--types", "md5")
    narrow = misp_check.read_feed(feed, "green")
    check(misp_check.live(narrow) == {"0cc175b9c0f1b6a831c399e269772661"}, f"{misp_check.live(narrow)}")
    bench.export("misp-feed", "srv/www/kairan-misp")
    again = misp_check.read_feed(feed, "green")
    check(misp_check.live(again) == misp_check.live(after), f"{misp_check.live(again)}")
    times = [[int(events[uuid]["timestamp"]) for uuid in sorted(events)] for events in (before, after, narrow, again)]
    check(all(now >= then for then, now in zip(times[0] + times[1] + times[2], times[1] + times[2] + times[3])), f"times: {times}")
    # Neither leaves the feed, nor reads it from elsewhere, whatever its manifest says.
    with open(os.path.join(feed, "manifest.json"), "w", encoding="ascii") as file:
        json.dump({"../../escape": {}, **{uuid: {} for uuid in again}}, file)
    bench.export("misp-feed", "srv/www/kairan-misp")
    check(misp_check.read_feed(feed, "green").keys() == again.keys(), "the manifest is not as it was")
    with open(os.path.join(feed, "manifest.json"), "w", encoding="ascii") as file:
        file.write("{")
    bench.tool.refused("manifest.json", "export", "misp-feed", "--out", root)
    bench.tool.refused("--out", "export", "misp-feed")
    bench.tool.refused("--since", "export", "misp-feed", "--out", root, "--since", "1")


def consume_docs(bench):
    """What no consumer above runs."""
    bench.example("export-csv")
    with open(bench.place("srv/www/kairan.csv"), encoding="utf-8-sig") as file:
        check(len(file.read().splitlines()) == 12, "csv: a row for each value, and the heading")
    with open(bench.place("srv/www/kairan.json"), encoding="utf-8") as file:
        check(json.load(file)["count"] == 11, "json: not every value")
    with open(os.path.abspath(__file__), encoding="utf-8") as file:
        source = file.read()
    for name in bench.examples:
        check(f'"{name}"' in source, f"docs/EXPORT.md has an example {name} that nothing runs")


CONSUMERS = {name[len("consume_"):]: function for name, function in list(globals().items()) if name.startswith("consume_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kairand", required=True)
    parser.add_argument("--kairan", required=True)
    parser.add_argument("--consumers", required=True, help="where daemons were unpacked")
    parser.add_argument("--consumer", required=True, choices=sorted(CONSUMERS))
    options = parser.parse_args()
    try:
        with federation.Federation(options.kairand, ["Kita"]) as made:
            CONSUMERS[options.consumer](Bench(options, made.root, Tool(options.kairan, made.nodes[0].directory)))
    except Forbidden as forbidden:
        print(f"export_consumers: {forbidden}", file=sys.stderr)
        return SKIPPED
    except Missing as missing:
        print(f"export_consumers: {missing}", file=sys.stderr)
        return 1 if os.environ.get("KAIRAN_CONSUMERS") == "required" and options.consumer not in OPTIONAL else SKIPPED
    except Failure as failure:
        print(f"export_consumers: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
