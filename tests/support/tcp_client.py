#!/usr/bin/env python3
"""Talks to 127.0.0.1:PORT, for specs, since Salvor's scripts have no sockets of their own.

usage: tcp_client.py PORT echo SIZE [COUNT]  COUNT connections at once send and want back SIZE bytes
       tcp_client.py PORT read [FILE]        what comes to the end, once there is FILE; prints its
                                             size and digest
       tcp_client.py PORT ask TEXT           sends TEXT, ends its side, prints what comes back
       tcp_client.py PORT abort TEXT         sends TEXT and is gone

Prints "reset" when the connection is reset.
"""
import hashlib
import os
import socket
import sys
import threading
import time

PORT, VERB, *REST = sys.argv[1:]
failures = []


def connect():
    return socket.create_connection(("127.0.0.1", int(PORT)), timeout=60)


def receive(sock, size=1 << 62):
    data = b""
    while len(data) < size:
        part = sock.recv(min(size - len(data), 1 << 20))
        if not part:
            break
        data += part
    return data


def echo(number, size):
    data = (b"%07d\n" % number) * (size // 8)
    try:
        with connect() as sock:
            sender = threading.Thread(target=sock.sendall, args=(data,))
            sender.start()
            if receive(sock, size) != data:
                failures.append(number)
            sender.join()
    except OSError as error:
        failures.append(error)


def main():
    if VERB == "echo":
        count = int(REST[1]) if len(REST) > 1 else 1
        threads = [threading.Thread(target=echo, args=(number, int(REST[0])))
                   for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(failures or "same")
    elif VERB == "read":
        with connect() as sock:
            while REST and not os.path.exists(REST[0]):
                time.sleep(0.01)
            data = receive(sock)
        print(len(data), hashlib.sha256(data).hexdigest())
    elif VERB == "ask":
        with connect() as sock:
            sock.sendall(REST[0].encode())
            sock.shutdown(socket.SHUT_WR)
            print(receive(sock).decode())
    elif VERB == "abort":
        with connect() as sock:
            sock.sendall(REST[0].encode())


try:
    main()
except ConnectionResetError:
    print("reset")
