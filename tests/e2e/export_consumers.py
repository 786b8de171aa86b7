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
import federation
from cli import Tool
from federation import Failure, check, poll

WITHIN_S = 60.0
SKIPPED = 77

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
        raise Missing(f"{name} is not here; tools/bootstrap.sh test installs it")
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
        self.record = self.submit(EVIL)

    def submit(self, text):
        return json.loads(self.tool.done("--json", "submit", "-", "--label", "green", "-y", given=text.encode()))["ids"][0]

    def place(self, *names):
        return os.path.join(self.root, *names)

    def export(self, form, name, *options):
        self.tool.done("export", form, "--out", self.place(name), *options)
        return self.place(name)

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


def check_names(port, blocked, answered):
    for name, kind in blocked:
        code = dns.query(port, f"{name}.kairan-e2e.jp", kind)
        check(code == (dns.NXDOMAIN, 0), f"{name} is answered: {code}")
    for name, kind in answered:
        code = dns.query(port, f"{name}.kairan-e2e.jp", kind)
        check(code == (dns.NOERROR, 1), f"{name} is not answered: {code}")


def consume_named(bench):
    named, checkzone = find("named", bench.options), find("named-checkzone", bench.options)
    rpz = bench.export("rpz", "rpz.db")
    told = must(checkzone, "-i", "none", "rpz.kairan", rpz)
    first = int(told.split("loaded serial ")[1].split()[0])
    port, upstream = free_udp_port(), dns.Upstream(ADDRESSES)
    config = bench.write("named.conf", f"""
options {{ directory "{bench.root}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; pid-file none; session-keyfile none;
  recursion yes; allow-query {{ any; }}; dnssec-validation no; notify no; empty-zones-enable no;
  forward only; forwarders {{ 127.0.0.1 port {upstream.port}; }};
  response-policy {{ zone "rpz.kairan"; }} qname-wait-recurse no min-update-interval 0; }};
controls {{ }};
zone "rpz.kairan" {{ type primary; file "rpz.db"; allow-query {{ none; }}; }};
""")
    with upstream, Daemon(bench.place("named.log"), named, "-g", "-n", "1", "-c", config) as server:
        server.await_answer(port, "good.kairan-e2e.jp")
        check_names(port, BLOCKED + BLOCKED_BY_ADDRESS, ANSWERED)
        check("invalid rpz" not in server.said(), f"triggers are refused: {server.said()}")
        # What is taken back is answered again: the serial has grown, so that the zone is loaded anew.
        bench.tool.done("retract", bench.record, "--reason", "wrong", "-y")
        bench.submit("other.kairan-e2e.jp")
        bench.export("rpz", "rpz.db")
        second = int(must(checkzone, "-i", "none", "rpz.kairan", rpz).split("loaded serial ")[1].split()[0])
        check(second > first, f"the serial does not grow: {first}, then {second}")
        server.process.send_signal(signal.SIGHUP)
        poll(lambda: dns.query(port, "other.kairan-e2e.jp") == (dns.NXDOMAIN, 0), WITHIN_S, lambda: f"not loaded anew: {server.said()}")
        check_names(port, [], BLOCKED[:1] + BLOCKED_BY_ADDRESS)


def consume_unbound(bench):
    unbound, checkconf = find("unbound", bench.options), find("unbound-checkconf", bench.options)
    bench.export("unbound", "kairan.conf")
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
include: "{bench.place('kairan.conf')}"
""")
    must(checkconf, config)
    with upstream, Daemon(bench.place("unbound.log"), unbound, "-d", "-p", "-c", config) as server:
        server.await_answer(port, "good.kairan-e2e.jp")
        check_names(port, BLOCKED, ANSWERED + BLOCKED_BY_ADDRESS)


def consume_hosts(bench):
    hosts = bench.export("hosts", "hosts")
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
    chain = bench.write("chain.nft", "table inet kairan {\n  chain output {\n    type filter hook output priority 0; policy accept;\n"
                        "    ip daddr @ipv4 counter reject\n    ip6 daddr @ipv6 counter reject\n"
                        "    ip daddr . th dport @ipv4_port counter reject\n    ip6 daddr . th dport @ipv6_port counter reject\n  }\n}\n")
    bench.isolated(f"{nft} -f {rules}; {nft} -f {chain}; {nft} -f {rules}", (nft, "list", "ruleset"))


def consume_ipset(bench):
    ipset = find("ipset", bench.options)
    sets = bench.export("ipset", "kairan.ipset")
    told = bench.isolated(f"{ipset} restore -f {sets}; {ipset} restore -f {sets}; {ipset} save", (ipset, "list", "-n"))
    lines = set(line for line in told.splitlines() if line.startswith("add"))
    check(lines == {"add kairan4 192.0.2.1", "add kairan4 198.51.100.0/24", "add kairan6 2001:db8::7", "add kairan6 2001:db8:0:1::/64",
                    "add kairan4-port 203.0.113.7,tcp:8443", "add kairan4-port 203.0.113.7,udp:8443",
                    "add kairan6-port 2001:db8:5::8,tcp:53", "add kairan6-port 2001:db8:5::8,udp:53"}, f"sets: {lines}")


# ---- firewalls that pull lists; what their manuals say of the form ----

def consume_lists(bench):
    root = bench.export("list", "lists")
    served = {}
    for name in os.listdir(root):
        with open(os.path.join(root, name), encoding="ascii") as file:
            served[name] = [line for line in file.read().splitlines() if not line.startswith("#")]
    for name in ("ipv4.txt", "ipv6.txt", "ip.txt"):
        for line in served[name]:
            ipaddress.ip_network(line)  # strict: no bit behind the prefix
    check(len(served["ip.txt"]) == len(set(served["ip.txt"])) == 7, f"ip.txt: {served['ip.txt']}")
    check(all(" " not in line and line for lines in served.values() for line in lines), "a blank within a value")
    check(served["url-noscheme.txt"] == ["url.kairan-e2e.jp/a;b?c=$(id)&d='x'z"], served["url-noscheme.txt"])
    check(served["url.txt"] == ["http://url.kairan-e2e.jp/a;b?c=$(id)&d='x'z"], served["url.txt"])
    check(sorted(served["domain.txt"]) == ["_under.kairan-e2e.jp", "evil.kairan-e2e.jp", "xn--wgv71a119e.kairan-e2e.jp"], served["domain.txt"])


def consume_suricata(bench):
    root = bench.export("suricata", "suricata")
    suricata = find("suricata", bench.options)
    must(suricata, "-T", "-S", os.path.join(root, "kairan.rules"), "-l", bench.root)


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
        return 1 if os.environ.get("KAIRAN_CONSUMERS") == "required" and options.consumer != "suricata" else SKIPPED
    except Failure as failure:
        print(f"export_consumers: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
