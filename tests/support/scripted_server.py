#!/usr/bin/env python3
"""An HTTPS server that does what a real API server does not do on demand.

usage: scripted_server.py FOLDER [plain|expired|other-name|other-ca|client-cert]

Serves the rules of FOLDER/rules.json, read anew for each request:

    [{"method": "GET", "path": "/api/v1/pods", "query": "watch=true", "times": 1,
      "request_header": ["If-None-Match", "1"],
      "status": 200, "headers": {"Retry-After": "1"}, "json": {...} | "body": "text",
      "chunks": ["a", "b"], "repeat": 1, "latin1": false, "length": 10, "delay": 0.1,
      "hold": 1, "end": "clean" | "truncate" | "reset" | "close" | "retire" | "hang" |
      "mute"}]

The first rule with that method and path, whose `query` is part of the query, whose `request_header`
the request has with that value, and which has not been used `times` times, answers, after `hold`
seconds; without one the answer is 404. A header may have a list of values, each for a line of its
own. `chunks` are sent one by one, `delay` seconds before each, all of them `repeat` times, "@@" in
them being the number of the round; with `latin1` each character is one byte, and with `length` the
body is announced by that Content-Length instead. `end`: "truncate" closes inside the body, "reset"
answers nothing and resets the connection, "close" answers nothing and ends it, "retire" ends it
unannounced after the answer, "hang" keeps it open, "mute" answers nothing until the client ends it.
Each request is appended to FOLDER/requests.jsonl, and the end that a "mute" saw, or that "retire"
made, as one with the method "END".

"client-cert" asks for a client certificate; FOLDER/client.crt with client.key is one, long expired.
The certificate authority is FOLDER/ca.crt. Prints "PORT PID" once it listens; ends with its parent.
"""
import http.server
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FOLDER = sys.argv[1]
MODE = sys.argv[2] if len(sys.argv) > 2 else "good"
CA_CONFIG = """
[ca]
default_ca = own
[own]
certificate = ca.crt
private_key = ca.key
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = subject
[subject]
commonName = supplied
[req]
distinguished_name = unused
[unused]
[root]
basicConstraints = critical, CA:true
[server]
subjectAltName = %s
"""


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], cwd=FOLDER, check=True, capture_output=True)


NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]


def make_certificate(name, expired):
    """`openssl ca` because only it takes an end in the past."""
    end = "20200102000000Z" if expired else "20990101000000Z"
    openssl("req", "-new", "-config", "ca.cnf", "-subj", "/CN=" + name, *NEW_KEY,
            "-keyout", name + ".key", "-out", name + ".csr")
    openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-extensions", "server",
            "-startdate", "20200101000000Z", "-enddate", end, "-in", name + ".csr",
            "-out", name + ".crt")


def make_certificates():
    name = "DNS:other.example" if MODE == "other-name" else "IP:127.0.0.1,DNS:scripted.example"
    with open(os.path.join(FOLDER, "ca.cnf"), "w") as config:
        config.write(CA_CONFIG % name)
    open(os.path.join(FOLDER, "index.txt"), "w").close()
    openssl("req", "-x509", "-config", "ca.cnf", "-extensions", "root", "-days", "3650",
            "-subj", "/CN=scripted", *NEW_KEY, "-keyout", "ca.key", "-out", "ca.crt")
    make_certificate("server", MODE == "expired")
    make_certificate("client", True)
    if MODE == "other-ca":
        openssl("req", "-x509", "-config", "ca.cnf", "-extensions", "root", "-days", "3650",
                "-subj", "/CN=another", *NEW_KEY, "-keyout", "ca.key", "-out", "ca.crt")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    lock = threading.Lock()
    used = {}
    rules_time = 0

    def log_message(self, *arguments):
        pass

    def find_rule(self, path, query):
        with open(os.path.join(FOLDER, "rules.json")) as file:
            rules = json.load(file)
            changed = os.fstat(file.fileno()).st_mtime_ns
        if changed != Handler.rules_time:
            Handler.rules_time = changed
            self.used.clear()
        for number, rule in enumerate(rules):
            if (rule.get("method", "GET"), rule["path"]) != (self.command, path):
                continue
            if rule.get("query", "") not in query:
                continue
            name, value = rule.get("request_header", ["Host", self.headers.get("Host")])
            if self.headers.get(name) != value:
                continue
            if self.used.get(number, 0) >= rule.get("times", 1 << 30):
                continue
            self.used[number] = self.used.get(number, 0) + 1
            return rule
        return {"status": 404, "body": "no rule for %s %s" % (self.command, self.path)}

    def note(self, entry):
        with open(os.path.join(FOLDER, "requests.jsonl"), "a") as log:
            log.write(json.dumps({**entry, "time": time.monotonic()}) + "\n")

    def await_end(self):
        self.close_connection = True
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def answer(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = body.decode(errors="replace")
        headers = {name: ", ".join(self.headers.get_all(name)) for name in self.headers}
        entry = {"method": self.command, "path": path, "query": query, "body": body,
                 "headers": headers}
        with self.lock:
            rule = self.find_rule(path, query)
            self.note(entry)
        if rule.get("end") == "mute":
            self.await_end()
            self.note({**entry, "method": "END"})
            return
        if rule.get("end") == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())
            self.close_connection = True
            return
        if rule.get("end") == "close":
            self.close_connection = True
            return
        self.send(rule)
        if rule.get("end") == "retire":
            self.retire(entry)

    def retire(self, entry):
        """The end has been sent before it is noted, so that the client has it then."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        self.note({**entry, "method": "END"})

    def send(self, rule):
        text = json.dumps(rule["json"]) if "json" in rule else rule.get("body", "")
        chunks = rule.get("chunks", [text])
        time.sleep(rule.get("hold", 0))
        headers = {"Content-Type": "application/json", "Date": self.date_time_string(),
                   **rule.get("headers", {})}
        self.send_response_only(rule.get("status", 200))
        for name, value in headers.items():
            for line in value if isinstance(value, list) else [value]:
                self.send_header(name, line)
        if "length" in rule:
            self.send_header("Content-Length", str(rule["length"]))
        elif rule.get("status") != 304:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if rule.get("status") == 304 or self.command == "HEAD":
            return
        self.wfile.flush()
        encoding = "latin-1" if rule.get("latin1") else "utf-8"
        pieces = [chunk.encode(encoding) for chunk in chunks]
        for number in range(rule.get("repeat", 1)):
            for piece in pieces:
                time.sleep(rule.get("delay", 0))
                data = piece.replace(b"@@", b"%d" % number)
                if data and "length" not in rule:
                    data = b"%x\r\n%s\r\n" % (len(data), data)
                self.wfile.write(data)
                self.wfile.flush()
        if rule.get("end") == "hang":
            time.sleep(3600)
        if rule.get("end") == "truncate":
            self.close_connection = True
            return
        if "length" not in rule:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Broken connections are what this server is for."""


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    parent = os.getppid()
    server = Server(("127.0.0.1", 0), Handler)
    if MODE != "plain":
        make_certificates()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(FOLDER, "server.crt"),
                                os.path.join(FOLDER, "server.key"))
        if MODE == "client-cert":
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(os.path.join(FOLDER, "ca.crt"))
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    print(server.server_port, os.getpid(), flush=True)
    server.serve_forever()


main()
