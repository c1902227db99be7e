#!/usr/bin/env python3
"""A proxy that leads every name to this machine.

usage: proxy_server.py FOLDER http|https|socks5 [USER:PASSWORD | refuse | silent]

https uses FOLDER/server.crt and server.key. With USER:PASSWORD only who gives them is let through;
"refuse" refuses all, "silent" accepts connections and never answers. What is asked for is connected
to on 127.0.0.1, at the port that was asked for. Each request is appended to FOLDER/proxy.jsonl:
{"target": "host:port", "headers": {...}, "user": "USER:PASSWORD"}. Prints "PORT PID" once it listens;
ends with its parent.
"""
import base64
import json
import os
import select
import socket
import socketserver
import ssl
import sys
import threading
import time

FOLDER, KIND = sys.argv[1], sys.argv[2]
RULE = sys.argv[3] if len(sys.argv) > 3 else None
LIMIT = 65536


def note(**entry):
    with open(os.path.join(FOLDER, "proxy.jsonl"), "a") as log:
        log.write(json.dumps(entry) + "\n")


def tunnel(one, other):
    ends = {one: other, other: one}
    while True:
        waiting = [end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()]
        for end in waiting or select.select(list(ends), [], [])[0]:
            data = end.recv(LIMIT)
            if not data:
                return
            ends[end].sendall(data)


class Handler(socketserver.BaseRequestHandler):
    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.request.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def connect(self, target):
        return socket.create_connection(("127.0.0.1", int(target.rpartition(":")[2])))

    def handle(self):
        if RULE == "silent":
            time.sleep(3600)
        if KIND == "https":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(FOLDER, "server.crt"),
                                    os.path.join(FOLDER, "server.key"))
            self.request = context.wrap_socket(self.request, server_side=True)
        if KIND == "socks5":
            self.socks()
        else:
            self.http()

    def http(self):
        head = b""
        while b"\r\n\r\n" not in head and len(head) < LIMIT:
            head += self.exactly(1)
            if head == b"\x16":  # the beginning of TLS
                self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        given = headers.get("Proxy-Authorization", "")
        user = base64.b64decode(given.partition(" ")[2]).decode()
        note(method=method, target=target, headers=headers, user=user)
        if RULE == "refuse":
            self.request.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        elif RULE and user != RULE:
            self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                                 b"Proxy-Authenticate: Basic realm=\"x\"\r\n"
                                 b"Content-Length: 0\r\n\r\n")
        else:
            with self.connect(target) as server:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                tunnel(self.request, server)

    def socks(self):
        """RFC 1928, and RFC 1929 for the password."""
        methods = self.exactly(self.exactly(2)[1])
        user = ""
        if RULE and RULE != "refuse":
            if 2 not in methods:
                self.request.sendall(b"\x05\xff")
                return
            self.request.sendall(b"\x05\x02")
            name = self.exactly(self.exactly(2)[1])
            password = self.exactly(self.exactly(1)[0])
            user = (name + b":" + password).decode()
            self.request.sendall(b"\x01\x00" if user == RULE else b"\x01\x01")
            if user != RULE:
                return
        else:
            self.request.sendall(b"\x05\x00")
        kind = self.exactly(4)[3]
        if kind == 3:
            host = self.exactly(self.exactly(1)[0]).decode()
        else:
            host = socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6,
                                    self.exactly(4 if kind == 1 else 16))
        target = "%s:%d" % (host, int.from_bytes(self.exactly(2), "big"))
        note(target=target, headers={}, user=user)
        if RULE == "refuse":
            self.request.sendall(b"\x05\x02\x00\x01" + bytes(6))
            return
        with self.connect(target) as server:
            self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
            tunnel(self.request, server)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Broken connections are nothing special here."""


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    print(server.server_address[1], os.getpid(), flush=True)
    server.serve_forever()


main()
