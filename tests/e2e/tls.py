#!/usr/bin/env python3
"""A link through TLS and an HTTP proxy, with stunnel at both ends as `kairan link tls` configures it, and tinyproxy between them, which
asks for a password: joined by ticket, records both ways, the proxy gone and back, another's certificate, a wrong password. And an
analyst's machine that reaches its node by a tunnel of its own.

    tls.py --kairand PROGRAM --kairan PROGRAM [--consumers FOLDER]"""
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys

import federation
import remote
import transport
import wire
from cli import Tool, write
from federation import check

SKIPPED = 77
PROGRAMS = ("stunnel4", "tinyproxy", "openssl")


def find(program, consumers=""):
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin", "/usr/sbin", os.path.join(consumers, "usr/bin")])
    return shutil.which(program, path=path)


class Server:
    """A program in the foreground that ends with the test."""

    def __init__(self, command, log):
        self.log = log
        with open(log, "ab") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                            preexec_fn=federation._die_with_parent)

    def said(self, text):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return text in file.read()

    def wait_for(self, text):
        def is_there():
            check(self.said(text) or self.process.poll() is None, f"{self.log}: ended; {open(self.log, encoding='utf-8').read()[-800:]}")
            return self.said(text)
        federation.poll(is_there, 30, f"{self.log} does not say: {text}")

    def end(self):
        self.process.kill()
        self.process.wait()


def as_whoever_we_are(configuration):
    """Only root can become somebody else, and only where there is such a user."""
    try:
        pwd.getpwnam("stunnel4")
        if os.geteuid() == 0:
            return configuration
    except KeyError:
        pass
    return re.sub(r"^set[ug]id = .*\n", "", configuration, flags=re.M)


class Stage:
    def __init__(self, options, fed):
        self.fed, self.consumers = fed, options.consumers
        self.kita, self.minami = fed.nodes
        self.here, self.there = Tool(options.kairan, self.kita.directory), Tool(options.kairan, self.minami.directory)
        self.tls, self.proxy_port = federation.free_port(), federation.free_port()
        self.servers = []
        self.generation = 0

    def path(self, name):
        return os.path.join(self.fed.root, name)

    def certificate(self, name):
        key, cert, both = self.path(f"{name}.key"), self.path(f"{name}.crt"), self.path(f"{name}.pem")
        subprocess.run([find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=kairan", "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=60)
        with open(key, encoding="ascii") as one, open(cert, encoding="ascii") as two:
            write(both, one.read() + two.read())
        return both, cert

    def start(self, command, ready, name):
        self.generation += 1
        server = Server(command, self.path(f"{name}-{self.generation}.log"))
        self.servers.append(server)
        server.wait_for(ready)
        return server

    def stunnel(self, name, configuration):
        path = write(self.path(f"{name}.conf"), as_whoever_we_are(configuration))
        return self.start([find("stunnel4", self.consumers), path], "Configuration successful", name)

    def proxy(self):
        path = write(self.path("tinyproxy.conf"), f"Port {self.proxy_port}\nListen 127.0.0.1\nTimeout 600\nLogLevel Connect\n"
                     f"ConnectPort {self.tls}\nBasicAuth kita himitsu\n")
        return self.start([find("tinyproxy"), "-d", "-c", path], "Initializing", "tinyproxy")

    def cannot_join(self, ticket):
        ended = self.there.run("join", "--by-hand", ticket, "--timeout", "3s")
        check(ended.returncode == 2 and b"in time" in ended.stderr, f"join by a tunnel that leads nowhere: {ended}")
        check(not is_online(self.minami), "there is a link by a tunnel that leads nowhere")

    def close(self):
        for server in self.servers:
            server.end()


def is_online(node):
    with node.client() as client:
        return client.status()["links_online"] == 1


def exchange(stage, number):
    for author, reader in ((stage.kita, stage.minami), (stage.minami, stage.kita)):
        with author.client() as client:
            identity, _ = client.submit(wire.token(), wire.GREEN, "by TLS", [f"{author.name.lower()}{number}.kairan-e2e.jp"])
        federation.wait_for_reports(reader, [identity], 60)


def configure(node, listen, endpoint):
    path = os.path.join(node.directory, "kairan.conf")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"^listen = .*$", f"listen = {listen}", text, flags=re.M)
    text = re.sub(r"^endpoint = .*$", f"endpoint = {endpoint}", text, flags=re.M)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def only_the_tunnel_leads_there(stage, listen):
    """What the ticket and the card say of the one is where nobody listens, and the other has no address."""
    for node in stage.fed.nodes:
        node.stop()
    configure(stage.kita, f"tcp://127.0.0.1:{listen}", f"tcp://127.0.0.1:{stage.kita.port}")
    configure(stage.minami, "", "")
    for node in stage.fed.nodes:
        node.start()
    stage.there.done("council", "set", "--endpoint", "")


def add_way(node, configuration):
    ways = re.search(r"^;   \[link\]\n;   (via = .*)$", configuration, flags=re.M)
    check(ways is not None, f"the configuration does not say what kairan.conf needs: {configuration}")
    with open(os.path.join(node.directory, "kairan.conf"), "a", encoding="utf-8") as file:
        file.write(f"[link]\n{ways.group(1)}\n")
    node.process.send_signal(signal.SIGHUP)
    federation.poll(lambda: "ways to dial were read anew" in node.log_tail(), 30, "the way is not read")


def mistakes(stage):
    stage.there.refused("serve, or", "link", "tls")
    stage.there.refused("which peer", "link", "tls", "dial")
    stage.there.refused("no council", "link", "tls", "dial", "Nowhere")
    stage.there.refused("port number", "link", "tls", "dial", "tcp://nowhere")
    stage.there.refused("--proxy-user belongs", "link", "tls", "dial", "tcp://kita.example.jp:7117", "--proxy-user", "x")
    stage.there.refused("a port", "link", "tls", "dial", "tcp://kita.example.jp:7117", "--port", "70000")
    stage.there.refused("numeric address", "link", "tls", "serve", "--address", "here")


def analyst(stage, options, cert, others, password):
    """Enrolled and at work through stunnel and the proxy: nobody listens where the ticket and the council's card say. `--via` is kept, also
    when the node turns to another transport key."""
    stage.here.done("body", "add", "--name-en", "Sapporo")
    stage.here.done("person", "add", "Sato", "--body", "Sapporo", "--role", "analyst")
    ticket = json.loads(stage.here.done("--json", "person", "enrol", "Sato"))["ticket"].encode() + b"\n"
    home = stage.path("analyst")
    os.mkdir(home)
    sato, listen = remote.Analyst(options.kairan, home), federation.free_port()

    def tunnel(trust, listen):
        return stage.stunnel("analyst", sato.done("link", "tls", "dial", f"tcp://127.0.0.1:{stage.kita.port}", "--port", str(stage.tls), "--proxy",
                                                  f"127.0.0.1:{stage.proxy_port}", "--proxy-user", "kita", "--proxy-password-file", password, "--trust",
                                                  trust, "--listen", str(listen)))

    via = ("--via", f"tcp://127.0.0.1:{listen}")
    sato.refused("nobody listens", "enrol", "-", "--name", "kita", given=ticket)
    sato.refused("nobody listens", "enrol", "-", "--name", "kita", *via, given=ticket)
    wrong = tunnel(others, listen)
    sato.refused("hung up", "enrol", "-", "--name", "kita", *via, given=ticket)
    wrong.end()
    right = tunnel(cert, listen)
    check(json.loads(sato.done("--json", "enrol", "-", "--name", "kita", *via, given=ticket))["person_name"] == "Sato", "not enrolled")
    sato.node = "kita"

    def works(number):
        large = "\n".join(f"t{number}-{i}.kairan-e2e.jp" for i in range(2000)).encode()
        sato.done("submit", "-", "--label", "clear", "--title", "By a tunnel", "-y", given=large)
        check(sato.run("lookup", f"t{number}-1999.kairan-e2e.jp").returncode == 0, "what was submitted through the tunnel is not there")

    works(1)
    right.end()
    sato.refused("can be reached", "whoami")
    again = tunnel(cert, listen)
    first = transport.in_use(stage.here)
    stage.here.done("node", "transport", "rotate")
    works(2)
    stage.here.done("node", "transport", "finish")
    federation.poll(lambda: transport.in_use(stage.here) != first, 30, stage.kita.log_tail)
    federation.poll(lambda: sato.run("whoami").returncode == 0, 30, stage.kita.log_tail)
    works(3)
    check(f"127.0.0.1:{listen}" in json.loads(sato.done("--json", "enrol", "ls"))["nodes"][0]["endpoint"], "it does not go by the tunnel any more")
    # The address that the card has, by another tunnel: so it is with the nodes that were not the ticket's.
    again.end()
    other = federation.free_port()
    tunnel(cert, other)
    sato.refused("can be reached", "whoami")
    sato.refused("tcp://host:port", "enrol", "via", "kita", f"tcp://127.0.0.1:{other}")
    sato.done("enrol", "via", f"tcp://127.0.0.1:{stage.kita.port}", f"tcp://127.0.0.1:{other}")
    works(4)
    sato.done("enrol", "via", f"tcp://127.0.0.1:{stage.kita.port}", "-")
    sato.refused("dialled as it is", "enrol", "via", f"tcp://127.0.0.1:{stage.kita.port}", "-")
    print("an analyst's machine works through stunnel and the proxy")


def programs(options):
    missing = [program for program in PROGRAMS if find(program, options.consumers) is None]
    if missing:
        print(f"tls.py: {', '.join(missing)} not here; tools/bootstrap.sh test installs them", file=sys.stderr)
        return SKIPPED
    return 0


def run(options):
    with federation.Federation(options.kairand, ("Kita", "Minami"), is_chain=False) as fed:
        stage = Stage(options, fed)
        try:
            kita, minami = fed.nodes
            mistakes(stage)
            listen = federation.free_port()
            only_the_tunnel_leads_there(stage, listen)
            pem, cert = stage.certificate("kita")
            _, others = stage.certificate("other")
            password, wrong = write(stage.path("password"), "himitsu\n"), write(stage.path("wrong"), "chigau\n")
            served = stage.here.done("link", "tls", "serve", "--address", "127.0.0.1", "--port", str(stage.tls), "--cert", pem, "--node",
                                     f"127.0.0.1:{listen}")
            check(f"{pem}.crt" in served and " /tmp/" not in served.replace(pem, ""), f"where others can write, keys are made: {served}")
            stage.stunnel("serve", served)
            proxy = stage.proxy()
            with kita.client() as inviter:
                ticket = inviter.invite()

            def dialled(peer, trust, file):
                return stage.there.done("link", "tls", "dial", peer, "--port", str(stage.tls), "--proxy", f"127.0.0.1:{stage.proxy_port}",
                                        "--proxy-user", "kita", "--proxy-password-file", file, "--trust", trust)

            right = dialled(ticket, cert, password)
            add_way(minami, right)
            tunnel = stage.stunnel("dial", dialled(ticket, cert, wrong))
            stage.cannot_join(ticket)
            check(tunnel.said("407") or proxy.said("Unauthorized") or tunnel.said("CONNECT request rejected"),
                  "the proxy let a wrong password through")
            tunnel.end()
            tunnel = stage.stunnel("dial", dialled(ticket, others, password))
            stage.cannot_join(ticket)
            check(tunnel.said("verif") or tunnel.said("CERT:"), "another's certificate was taken")
            tunnel.end()
            tunnel = stage.stunnel("dial", right)
            stage.there.done("join", "--by-hand", ticket)
            check(proxy.said(f"CONNECT 127.0.0.1:{stage.tls}"), "the link does not go through the proxy")
            exchange(stage, 1)
            check(dialled("Kita", cert, password) == right, "by the council's name, the configuration is another than by its ticket")
            proxy.end()
            federation.poll(lambda: not is_online(minami) and not is_online(kita), 90, "the link survives its proxy")
            stage.proxy()
            federation.poll(lambda: is_online(minami) and is_online(kita), 90, "the link does not come back with its proxy")
            exchange(stage, 2)
            analyst(stage, options, cert, others, password)
            for node in fed.nodes:
                node.stop()
        finally:
            stage.close()


if __name__ == "__main__":
    sys.exit(federation.main(__doc__, programs, run, consumers={"default": "", "help": "where daemons were unpacked"}))
