#!/usr/bin/env python3
"""Stands before a real server and does to what passes what networks and servers do at times.

usage: fault_proxy_server.py FOLDER HOST:PORT [raw] [CERTIFICATE KEY]

Passes HTTP requests on as they are, so that signatures stay valid; with `raw` whatever bytes come.
With a certificate it speaks TLS to its clients. FOLDER/rules.json, read anew for each request (with
`raw`: each connection), says what goes wrong:

    [{"method": "PUT", "target": "partNumber=2", "skip": 1, "times": 1, ...}]

The first rule with that method, whose regular expression `target` is found in the request's target,
which has been passed over `skip` times and not been used `times` times, is the one that holds. What
it has then happens; a number of bytes is counted in the body ("request" and "answer" of a raw
connection are all that goes up, and down):

    "status": 503, "headers": {}, "body": ""    this is the answer, the server is not asked
    "reset": true           the connection is reset, the server is not asked
    "lost": true            the server does what it was asked; the connection is reset
    "silent": true          nothing is answered and the server is not asked
    "hold": 0.5             seconds until anything happens
    "reset_request": N, "reset_answer": N       the connection is reset after that many bytes
    "cut_answer": N         it is closed in good order after that many bytes
    "silent_answer": N      it stays open, and nothing more comes
    "flip_request": N, "flip_answer": N         the byte after N is another one
    "rate_request": N, "rate_answer": N         N bytes a second
    "to": "HOST:PORT"       a raw connection goes to another server
    "delay": 0.025          each byte of a raw connection arrives that many seconds later

Each request is appended to FOLDER/requests.jsonl, with the number of its rule. Prints "PORT PID" once
it listens; ends with its parent.
"""
import asyncio
import contextlib
import collections
import json
import os
import re
import socket
import ssl
import struct
import sys

FOLDER = sys.argv[1]
CHUNK = 1 << 18
HEAD_LIMIT = 1 << 20
DELAYED_LIMIT = 1 << 27


class Broken(Exception):
    """This connection is over."""


class Rules:
    def __init__(self):
        self.changed, self.rules, self.seen = None, [], []

    def read(self):
        with open(os.path.join(FOLDER, "rules.json")) as file:
            changed = os.fstat(file.fileno())
            if (changed.st_mtime_ns, changed.st_ino) != self.changed:
                self.changed = (changed.st_mtime_ns, changed.st_ino)
                self.rules = json.load(file)
                self.seen = [0] * len(self.rules)

    def find(self, method="", target=""):
        self.read()
        for number, rule in enumerate(self.rules):
            if method and rule.get("method", method) != method:
                continue
            if not re.search(rule.get("target", ""), target):
                continue
            self.seen[number] += 1
            used = self.seen[number] - rule.get("skip", 0)
            if 0 < used <= rule.get("times", 1 << 62):
                return number + 1, rule
        return None, {}


def note(entry):
    with open(os.path.join(FOLDER, "requests.jsonl"), "a") as log:
        log.write(json.dumps({key: value for key, value in entry.items() if value}) + "\n")


def reset(writer):
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    raise Broken


async def until_gone(reader):
    """Takes what comes until the client gives up."""
    while await reader.read(CHUNK):
        pass
    raise Broken


class Way:
    """What a rule does to the bytes of one direction, "request" or "answer"."""

    def __init__(self, rule, name, client_reader, client, writer):
        self.client_reader, self.client, self.writer = client_reader, client, writer
        self.passed = 0
        self.flip = rule.get("flip_" + name)
        self.rate = rule.get("rate_" + name)
        ends = [(rule[end + "_" + name], end) for end in ("reset", "cut", "silent")
                if end + "_" + name in rule]
        self.end, self.how = min(ends) if ends else (None, None)

    async def write(self, data):
        if self.end is not None:
            data = data[:self.end - self.passed]
        if self.flip is not None and 0 <= self.flip - self.passed < len(data):
            at = self.flip - self.passed
            data = data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1:]
        step = max(1, self.rate // 20) if self.rate else max(1, len(data))
        for start in range(0, len(data), step):
            if self.rate:
                await asyncio.sleep(step / self.rate)
            self.writer.write(data[start:start + step])
            await self.writer.drain()
        self.passed += len(data)
        if self.end is not None and self.passed >= self.end:
            await self.finish()

    async def finish(self):
        if self.how == "reset":
            reset(self.client)
        elif self.how == "silent":
            await until_gone(self.client_reader)
        raise Broken


async def read_head(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        raise Broken from None
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return head, lines[0], headers


async def pass_exactly(reader, way, length):
    while length > 0:
        data = await reader.read(min(CHUNK, length))
        if not data:
            raise Broken
        length -= len(data)
        await way.write(data)


async def pass_chunked(reader, way):
    """As it comes: what separates the chunks counts too."""
    while True:
        line = await reader.readuntil(b"\r\n")
        await way.write(line)
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        await pass_exactly(reader, way, size + 2)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        await way.write(line)


async def pass_body(reader, way, headers, until_close):
    if way.end == 0:
        await way.finish()
    if "chunked" in headers.get("transfer-encoding", ""):
        await pass_chunked(reader, way)
    elif "content-length" in headers:
        await pass_exactly(reader, way, int(headers["content-length"]))
    elif until_close:
        while data := await reader.read(CHUNK):
            await way.write(data)
        raise Broken


class Sink:
    """Takes the place of a Way, for what nobody is to have."""

    end = None

    async def write(self, data):
        pass


async def answer_ourselves(rule, reader, writer, headers):
    """The client has sent all before it hears of it, as with most servers."""
    if "100-continue" in headers.get("expect", ""):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    await pass_body(reader, Sink(), headers, False)
    body = rule.get("body", "").encode()
    head = "HTTP/1.1 %d Of The Proxy\r\n" % rule["status"]
    for name, value in {"Content-Length": len(body), **rule.get("headers", {})}.items():
        head += "%s: %s\r\n" % (name, value)
    writer.write(head.encode("latin-1") + b"\r\n" + body)
    await writer.drain()


async def pass_answer(method, rule, reader, client_reader, client):
    while True:
        head, line, headers = await read_head(reader)
        status = int(line.split()[1])
        if rule.get("lost") and status >= 200:
            reset(client)
        client.write(head)
        if status >= 200:
            break
    await client.drain()
    if method != "HEAD" and status not in (204, 304):
        way = Way(rule, "answer", client_reader, client, client)
        await pass_body(reader, way, headers, True)
    if headers.get("connection", "").lower() == "close":
        raise Broken


async def serve_request(rules, reader, writer):
    """One request. Each has its own connection to the server: one that was kept may have been ended
    by the server meanwhile, and a client that tries anew would use up a rule without meeting it."""
    head, line, headers = await read_head(reader)
    method, target, _ = line.split(" ", 2)
    number, rule = rules.find(method, target)
    note({"method": method, "target": target, "headers": headers, "rule": number})
    await asyncio.sleep(rule.get("hold", 0))
    if rule.get("reset"):
        reset(writer)
    if rule.get("silent"):
        await until_gone(reader)
    if "status" in rule:
        return await answer_ourselves(rule, reader, writer, headers)
    server_reader, server = await connect(sys.argv[2])
    server.write(head)
    way = Way(rule, "request", reader, writer, server)
    sending = asyncio.create_task(pass_body(reader, way, headers, False))
    answering = asyncio.create_task(pass_answer(method, rule, server_reader, reader, writer))
    try:
        # An answer may come early; what is sent after it nobody wants.
        done, _ = await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        if sending in done:
            sending.result()
        await answering
        await asyncio.wait({sending}, timeout=0.5)
        if not sending.done():
            raise Broken
    finally:
        server.close()
        for task in (sending, answering):
            task.cancel()
        await asyncio.gather(sending, answering, return_exceptions=True)


async def connect(address):
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port), limit=HEAD_LIMIT)


async def pass_raw(reader, way, delay):
    """All that comes, `delay` seconds later, however much of it is under way."""
    loop, queue, size = asyncio.get_running_loop(), collections.deque(), 0
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def deliver():
        nonlocal size
        while True:
            while not queue:
                arrived.clear()
                await arrived.wait()
            due, data = queue.popleft()
            await asyncio.sleep(max(0, due - loop.time()))
            if not data:
                return
            await way.write(data)
            size -= len(data)
            gone.set()

    delivering = asyncio.create_task(deliver())
    try:
        data = True
        while data and not delivering.done():
            while size > DELAYED_LIMIT:
                gone.clear()
                await gone.wait()
            data = await reader.read(CHUNK)
            size += len(data)
            queue.append((loop.time() + delay, data))
            arrived.set()
        await delivering
    finally:
        delivering.cancel()


async def serve_raw(rules, reader, writer):
    number, rule = rules.find()
    note({"rule": number})
    await asyncio.sleep(rule.get("hold", 0))
    if rule.get("reset"):
        reset(writer)
    if rule.get("silent"):
        await until_gone(reader)
    server_reader, server = await connect(rule.get("to") or sys.argv[2])
    for each in (writer, server):
        each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ways = [asyncio.create_task(pass_raw(*way, rule.get("delay", 0))) for way in (
        (reader, Way(rule, "request", reader, writer, server)),
        (server_reader, Way(rule, "answer", reader, writer, writer)))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.close()
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def serve(rules, raw, reader, writer):
    try:
        while not raw:
            await serve_request(rules, reader, writer)
        await serve_raw(rules, reader, writer)
    except (Broken, OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(raw=False, certificate=None, key=None):
    rules, parent, context = Rules(), os.getppid(), None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    async def listen(host, port):
        return await asyncio.start_server(
            lambda reader, writer: serve(rules, raw, reader, writer), host, port, ssl=context,
            limit=HEAD_LIMIT, backlog=128)
    server = await listen("127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # "localhost" may mean ::1, and some clients try no other.
    with contextlib.suppress(OSError):
        other = await listen("::1", port)  # noqa: F841, it lives as long as this function
    print(port, os.getpid(), flush=True)
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


words = sys.argv[3:]
asyncio.run(main("raw" in words, *[word for word in words if word != "raw"]))
