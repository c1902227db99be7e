#!/usr/bin/env python3
"""How soon a program on a terminal answers keys.

usage: keys.py FILE

FILE is JSON: {"argv": [...], "columns": 80, "rows": 24, "steps": [...]}. A step is

    {"send": TEXT, "wait": TEXT}   send, and wait until that is on the terminal
    {"key": TEXT, "sort": NAME}    send, and measure

A key is answered when nothing has come for QUIET seconds; what is measured is the time from its
sending to the last byte of the answer. Prints JSON: {"sorts": {NAME: [milliseconds, ...]},
"mebibytes": the peak of the program's memory}.
"""
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

QUIET = 0.03
PATIENCE = 60


def start(plan):
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(plan["argv"][0], plan["argv"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ,
                struct.pack("HHHH", plan.get("rows", 24), plan.get("columns", 80), 0, 0))
    return pid, terminal


def read(terminal, seconds):
    ready, _, _ = select.select([terminal], [], [], seconds)
    return os.read(terminal, 65536) if ready else b""


def settle(terminal):
    while read(terminal, QUIET):
        pass


def send(terminal, text, expected):
    os.write(terminal, text.encode())
    seen, deadline = b"", time.monotonic() + PATIENCE
    while expected.encode() not in seen:
        seen += read(terminal, 0.1)
        if time.monotonic() > deadline:
            sys.exit("no %r in %r" % (expected, seen[-2000:]))
    settle(terminal)


def measure(terminal, text):
    began = last = time.perf_counter()
    os.write(terminal, text.encode())
    answered = False
    while True:
        got = read(terminal, QUIET if answered else 2)
        if not got:
            break
        answered, last = True, time.perf_counter()
    if not answered:
        sys.exit("no answer to %r" % text)
    return (last - began) * 1000


def peak(pid):
    with open("/proc/%d/status" % pid) as status:
        for line in status:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    pid, terminal = start(plan)
    sorts = {}
    for step in plan["steps"]:
        if "key" in step:
            sorts.setdefault(step["sort"], []).append(measure(terminal, step["key"]))
        else:
            send(terminal, step["send"], step["wait"])
    mebibytes = peak(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    print(json.dumps({"sorts": sorts, "mebibytes": mebibytes}))


main()
