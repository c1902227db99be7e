#!/usr/bin/env python3
"""An HTTP/2 server (RFC 9113) that gives up its first connection as API servers and balancers do.

usage: http2_server.py FOLDER drop|refuse|reset|retire

Each request is answered with {}, but for what becomes of the first connection:

    drop    ends at its second request, without a word
    refuse  gets a GOAWAY for its second request, which has not been looked at, and stays open
    reset   refuses its second request alone, REFUSED_STREAM, and stays open
    retire  gets a GOAWAY with its first answer, and stays open

Each request is appended to FOLDER/requests.jsonl as {"connection": 1, "method": "GET"}; of the
methods those that HPACK knows by a number are told, GET and POST. The certificate to trust is
FOLDER/ca.crt. Prints "PORT PID" once it listens; ends with its parent.
"""
import itertools
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FOLDER, MODE = sys.argv[1:3]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
REFUSED_STREAM = 7
ACK, END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
METHODS = {0x82: "GET", 0x83: "POST"}
# :status 200, and content-type as a literal
ANSWER = b"\x88\x5f\x10application/json"


class Ended(Exception):
    pass


class Connection:
    def __init__(self, sock, number):
        self.sock = sock
        self.number = number
        self.requests = 0

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.sock.recv(size - len(data))
            if not part:
                raise Ended
            data += part
        return data

    def send(self, kind, flags, stream, payload=b""):
        head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
        self.sock.sendall(head + payload)

    def go_away(self, last_stream):
        self.send(GOAWAY, 0, 0, struct.pack(">II", last_stream, 0))

    def serve(self):
        self.read(len(PREFACE))
        self.send(SETTINGS, 0, 0)
        while True:
            head = self.read(9)
            size = int.from_bytes(head[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self.read(size)
            if kind in (SETTINGS, PING) and not flags & ACK:
                self.send(kind, ACK, 0, payload if kind == PING else b"")
            if kind == HEADERS:
                self.take_headers(flags, payload)
            if kind in (HEADERS, DATA) and flags & END_STREAM:
                self.answer(stream)

    def take_headers(self, flags, payload):
        at = (1 if flags & PADDED else 0) + (5 if flags & PRIORITY else 0)
        self.requests += 1
        entry = {"connection": self.number, "method": METHODS.get(payload[at])}
        with open(os.path.join(FOLDER, "requests.jsonl"), "a") as log:
            log.write(json.dumps(entry) + "\n")

    def answer(self, stream):
        is_first = self.number == 1
        fate = MODE if is_first and self.requests == 2 else "answer"
        if fate == "drop":
            raise Ended
        if fate == "refuse":
            self.go_away(stream - 2)
            return
        if fate == "reset":
            self.send(RST_STREAM, 0, stream, struct.pack(">I", REFUSED_STREAM))
            return
        self.send(HEADERS, END_HEADERS, stream, ANSWER)
        if is_first and MODE == "retire":
            self.go_away(stream)
        self.send(DATA, END_STREAM, stream, b"{}")


def serve(raw, context, number):
    try:
        with context.wrap_socket(raw, server_side=True) as sock:
            Connection(sock, number).serve()
    except (Ended, OSError):
        pass


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    parent = os.getppid()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-noenc", "-days", "3650", "-subj", "/CN=http2",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "server.key",
                    "-out", "ca.crt"], cwd=FOLDER, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(FOLDER, "ca.crt"), os.path.join(FOLDER, "server.key"))
    context.set_alpn_protocols(["h2"])
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    print(listener.getsockname()[1], os.getpid(), flush=True)
    for number in itertools.count(1):
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context, number), daemon=True).start()


main()
