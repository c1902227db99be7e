#!/usr/bin/env python3
"""A WebSocket server that plays an API server's exec, attach and portforward, step by step.

usage: websocket_server.py FOLDER

FOLDER/script.json, read anew for each connection, says what becomes of a request to upgrade:

    {"gets": {path: {...}},            answers to other requests, and that to all the rest:
     "pod": {...},
     "status": 403, "json": {...}, "body": "text", "chunked": true, "headers": {...}
                                       an answer other than 101
     "protocol": "v5.channel.k8s.io",  the one chosen; null: none
     "accept": "...",                  instead of the right Sec-WebSocket-Accept
     "pong": false,                    pings are not answered
     "deaf": true,                     nothing of the client is read, nor "mute": answered
     "steps": [[verb, argument...], ...]}

    send CHANNEL TEXT       a binary message        bytes HEX      as they are
    split N                 from now on every write is cut into parts of N bytes
    text TEXT               a text message          ping TEXT
    flood CHANNEL N SIZE    N messages of SIZE bytes, numbered so that a loss shows
    huge CHANNEL SIZE       one frame of SIZE zeros
    empty N                 N messages of no bytes, a multiple of 65536
    echo N                  N bytes of channel 0 back on channel 1
    echo_all CHANNEL        all that comes on channel 0, on that channel, until the client ends
    slow_read N SECONDS     N bytes of channel 0, with a pause before
    eof                     waits for the end of standard input, v5's [255, 0]
    close CODE REASON       drop                    hang (until the client ends)

The file in FOLDER that the script names as "log" gets a line for each request, each frame of the
client, each step that is done, and each end. Prints "PORT PID" once it listens; ends with its parent. The certificate to trust is FOLDER/ca.crt.
"""
import base64
import hashlib
import json
import os
import queue
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

FOLDER = sys.argv[1]
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
log_lock = threading.Lock()


def encode(opcode, payload, final=True):
    size = len(payload)
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([size])
    elif size < 65536:
        head += b"\x7e" + struct.pack(">H", size)
    else:
        head += b"\x7f" + struct.pack(">Q", size)
    return head + payload


class Ended(Exception):
    pass


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")
        self.messages = queue.Queue()
        self.write_lock = threading.RLock()
        self.split = 0
        self.rest = b""

    def log(self, **entry):
        entry["time"] = time.monotonic()
        with log_lock, open(os.path.join(FOLDER, self.script["log"]), "a") as file:
            file.write(json.dumps(entry) + "\n")

    def write(self, data):
        with self.write_lock:
            try:
                step = self.split or max(len(data), 1)
                for at in range(0, len(data), step):
                    self.sock.sendall(data[at:at + step])
            except OSError as error:
                raise Ended from error

    # Requests

    def serve(self):
        while True:
            line = self.file.readline().decode()
            if not line:
                return
            method, target, _ = line.split()
            headers = {}
            while True:
                name, _, value = self.file.readline().decode().rstrip("\r\n").partition(": ")
                if not name:
                    break
                headers[name.lower()] = value
            path, _, query = target.partition("?")
            with open(os.path.join(FOLDER, "script.json")) as file:
                self.script = json.load(file)
            self.log(kind="request", method=method, path=path, query=query, headers=headers)
            if headers.get("upgrade", "").lower() != "websocket":
                gets = self.script.get("gets", {})
                self.answer(200, json.dumps(gets.get(path, self.script.get("pod", {}))))
            elif self.script.get("mute"):
                self.read_frames()
            elif self.script.get("status", 101) != 101:
                self.refuse()
            else:
                self.upgrade(headers)
                return

    def answer(self, status, body, headers={}, chunked=False):
        data = body.encode()
        lines = ["HTTP/1.1 %d Said" % status, "Content-Type: application/json"]
        lines += ["%s: %s" % pair for pair in headers.items()]
        lines.append("Transfer-Encoding: chunked" if chunked else "Content-Length: %d" % len(data))
        if chunked:
            half = len(data) // 2
            data = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (data[:half], data[half:]))
            data += b"0\r\n\r\n"
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def refuse(self):
        script = self.script
        body = json.dumps(script["json"]) if "json" in script else script.get("body", "")
        self.answer(script["status"], body, script.get("headers", {}), script.get("chunked"))

    def upgrade(self, headers):
        key = headers["sec-websocket-key"].encode()
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
                 "Sec-WebSocket-Accept: " + self.script.get("accept", accept)]
        if self.script.get("protocol"):
            lines.append("Sec-WebSocket-Protocol: " + self.script["protocol"])
        lines += ["%s: %s" % pair for pair in self.script.get("headers", {}).items()]
        first = [step for step in self.script["steps"] if step[0] == "split"]
        self.split = first[0][1] if first else 0
        self.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        if not self.script.get("deaf"):
            threading.Thread(target=self.read_frames, daemon=True).start()
        for verb, *arguments in self.script["steps"]:
            getattr(self, "do_" + verb)(*arguments)
            self.log(kind="step", verb=verb)

    # Frames of the client

    def read_frames(self):
        try:
            while self.read_frame():
                pass
        except (OSError, ssl.SSLError, ValueError):
            pass
        self.log(kind="end")
        self.messages.put(None)

    def read_exactly(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise ValueError("the end")
        return data

    def read_frame(self):
        first, second = self.read_exactly(2)
        size = second & 127
        if size == 126:
            size, = struct.unpack(">H", self.read_exactly(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.read_exactly(8))
        masked = bool(second & 128)
        mask = self.read_exactly(4) if masked else bytes(4)
        payload = self.read_exactly(size)
        keys = (mask * (size // 4 + 1))[:size]
        payload = (int.from_bytes(payload, "big") ^ int.from_bytes(keys, "big")).to_bytes(size, "big")
        opcode = first & 15
        entry = {"kind": "frame", "opcode": opcode, "final": bool(first & 128), "masked": masked,
                 "size": size, "text": payload[:200].decode("latin-1")}
        self.log(**entry)
        if opcode == 9 and self.script.get("pong", True):
            self.write(encode(10, payload))
        if opcode == 8:
            return False
        if opcode == 2:
            self.messages.put(payload)
        return True

    def message(self):
        payload = self.messages.get()
        if payload is None:
            raise Ended
        return payload

    def take_input(self, count):
        while count > 0:
            payload = self.message()
            if payload[0] == 0:
                count -= len(payload) - 1
                yield payload[1:]

    # Steps

    def do_split(self, size):
        self.split = size

    def do_send(self, channel, text):
        self.write(encode(2, bytes([channel]) + text.encode("latin-1")))

    def do_bytes(self, text):
        self.write(bytes.fromhex(text))

    def do_text(self, text):
        self.write(encode(1, text.encode()))

    def do_ping(self, text):
        self.write(encode(9, text.encode()))

    def do_flood(self, channel, count, size):
        for number in range(count):
            line = b"%015d\n" % number
            self.write(encode(2, bytes([channel]) + line * (size // 16)))

    def do_empty(self, count):
        for _ in range(count >> 16):
            self.write(b"\x82\x00" * (1 << 16))

    def do_huge(self, channel, size):
        zeros = bytes(1 << 20)
        with self.write_lock: # no pong inside
            self.write(b"\x82\x7f" + struct.pack(">Q", size + 1) + bytes([channel]))
            for _ in range(size >> 20):
                self.write(zeros)

    def do_echo(self, count):
        for data in self.take_input(count):
            self.write(encode(2, b"\x01" + data))

    def do_echo_all(self, channel):
        for data in self.take_input(1 << 62):
            self.write(encode(2, bytes([channel]) + data))

    def do_slow_read(self, count, seconds):
        time.sleep(seconds)
        for _ in self.take_input(count):
            pass

    def do_eof(self):
        while self.message() != b"\xff\x00":
            pass

    def do_close(self, code, reason=""):
        self.write(encode(8, struct.pack(">H", code) + reason.encode()))
        self.do_hang()

    def do_drop(self):
        self.sock.shutdown(socket.SHUT_RDWR)

    def do_hang(self):
        while True:
            self.message()


def serve(raw, context):
    try:
        with context.wrap_socket(raw, server_side=True) as sock:
            Connection(sock).serve()
    except (Ended, OSError):
        pass


def end_with_parent(parent):
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    parent = os.getppid()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-noenc", "-days", "3650", "-subj", "/CN=scripted",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:scripted.example",
                    "-keyout", "server.key", "-out", "ca.crt"],
                   cwd=FOLDER, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(FOLDER, "ca.crt"), os.path.join(FOLDER, "server.key"))
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    print(listener.getsockname()[1], os.getpid(), flush=True)
    while True:
        raw, _ = listener.accept()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(raw, context), daemon=True).start()


main()
