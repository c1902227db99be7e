#!/usr/bin/env python3
"""An SFTP server (version 3) with nothing but what the draft asks for, or with faults: a subsystem for
sshd.

usage: sftp_server.py MODE_FILE

MODE_FILE has words, read when a session begins: none for a plain server, which has no extensions,
renames onto nothing that is there, and sends at most 10,000 bytes at once. Faults, each in answer
to the first request of its kind:

    no-version      VERSION is 2            silent-READ     nothing is answered any more
    die-READ        the server ends         garbage-READ    bytes that are no packet
    huge-READ       a packet of 1 GiB       stranger-READ   an answer to another request
    more-READ       more bytes than wanted  handle-OPEN     a handle of 300 bytes
    cut-READDIR     a list cut short        slash-READDIR   a name with a slash
    fail-WRITE      no WRITE succeeds       status-OPEN     success, and no handle
    fail-FSETSTAT   mode and times cannot be set
    fail-FSYNC      there is fsync@openssh.com, and it fails
    other-READ      an answer to a request of later on
    lose-RENAME     renames, and ends before it answers
    jam-RENAME      no temporary file gets another name
    touch-READ      the file gets another time        end-READ        it ends before its size
    large-READDIR   one name, in the largest packet there may be, whose last byte comes late
"""
import os
import stat
import struct
import sys
import time

OPEN, CLOSE, READ, WRITE, LSTAT, FSTAT, SETSTAT, FSETSTAT = 3, 4, 5, 6, 7, 8, 9, 10
OPENDIR, READDIR, REMOVE, MKDIR, RMDIR, REALPATH, STAT, RENAME = 11, 12, 13, 14, 15, 16, 17, 18
STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED = 101, 102, 103, 104, 105, 200
NAMES = {OPEN: "OPEN", READ: "READ", WRITE: "WRITE", READDIR: "READDIR", FSETSTAT: "FSETSTAT",
         RENAME: "RENAME", EXTENDED: "FSYNC"}
EOF, MISSING, DENIED, FAILURE, UNSUPPORTED = 1, 2, 3, 4, 8
AT_ONCE = 10000
PACKET_MAX = 256 << 10

handles = {}
with open(sys.argv[1]) as mode_file:
    modes = set(mode_file.read().split())


def text(value):
    return struct.pack(">I", len(value)) + value


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form=">I"):
        value, = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.number()
        self.at += size
        return self.data[self.at - size:self.at]


def attrs(status):
    return struct.pack(">IQIIIII", 1 | 2 | 4 | 8, status.st_size, status.st_uid, status.st_gid,
                       status.st_mode, int(status.st_atime), int(status.st_mtime))


def read_exactly(size):
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def send(data):
    while data:
        data = data[os.write(1, data):]


def answer(kind, number, body):
    send(struct.pack(">IBI", len(body) + 5, kind, number) + body)


def status(number, code):
    answer(STATUS, number, struct.pack(">I", code) + text(b"as the server says") + text(b""))


def fault(kind, number, size):
    """True when that took the place of an answer."""
    name = NAMES.get(kind, "")
    for word in modes:
        what, _, which = word.partition("-")
        if which != name or not name:
            continue
        if what == "die":
            sys.exit(1)
        elif what in ("lose", "touch", "jam"):
            return False
        elif what == "end":
            status(number, EOF)
        elif what == "silent":
            while read_exactly(1):
                pass
        elif what == "garbage":
            send(b"\0\0\0\x09" + b"garbage!!")
        elif what == "huge":
            send(struct.pack(">IBI", 1 << 30, DATA, number))
        elif what == "stranger":
            answer(DATA, number + 77, text(b"x"))
        elif what == "other":
            answer(DATA, number + (1 << 20), text(b"x"))
        elif what == "more":
            answer(DATA, number, text(b"x" * (size + 1)))
        elif what == "handle":
            answer(HANDLE, number, text(b"h" * 300))
        elif what == "cut":
            answer(NAME, number, struct.pack(">I", 5) + text(b"name"))
        elif what == "slash":
            answer(NAME, number, struct.pack(">I", 1) + text(b"../x") + text(b"") +
                   struct.pack(">I", 0))
        elif what == "large":
            name = text(b"n" * (PACKET_MAX - 21))
            packet = struct.pack(">IBII", PACKET_MAX, NAME, number, 1) + name + text(b"") + bytes(4)
            send(packet[:-1])
            time.sleep(0.2)
            send(packet[-1:])
            modes.clear()
        elif what == "status":
            status(number, 0)
        elif what == "fail":
            status(number, FAILURE)
        return True
    return False


def open_file(reader):
    path, flags = reader.text(), reader.number()
    how = os.O_RDWR if flags & 2 else os.O_RDONLY
    how |= (os.O_CREAT if flags & 8 else 0) | (os.O_TRUNC if flags & 16 else 0)
    how |= os.O_EXCL if flags & 32 else 0
    return os.open(path, how, 0o600)


def set_attrs(reader, path):
    flags = reader.number()
    if flags & 1:
        os.truncate(path, reader.number(">Q"))
    if flags & 4:
        os.chmod(path, reader.number() & 0o7777)
    if flags & 8:
        os.utime(path, (reader.number(), reader.number()))


def serve(kind, number, reader):
    if kind in (OPEN, OPENDIR):
        new = open_file(reader) if kind == OPEN else sorted(os.listdir(path := reader.text()))
        name = str(len(handles)).encode()
        handles[name] = new if kind == OPEN else (path, new)
        answer(HANDLE, number, text(name))
    elif kind == READ:
        handle, offset, size = reader.text(), reader.number(">Q"), reader.number()
        data = os.pread(handles[handle], min(size, AT_ONCE), offset)
        if "touch-READ" in modes:
            os.utime(handles[handle], (1, 1))
        answer(DATA, number, text(data)) if data else status(number, EOF)
    elif kind == WRITE:
        handle, offset = reader.text(), reader.number(">Q")
        os.pwrite(handles[handle], reader.text(), offset)
        status(number, 0)
    elif kind == READDIR:
        path, names = handles[reader.text()]
        some, names[:] = names[:3], names[3:]
        body = b"".join(text(name) + text(b"") + attrs(os.lstat(os.path.join(path, name)))
                        for name in some)
        answer(NAME, number, struct.pack(">I", len(some)) + body) if some else status(number, EOF)
    elif kind == CLOSE:
        handle = handles.pop(reader.text())
        if isinstance(handle, int):
            os.close(handle)
        status(number, 0)
    elif kind in (STAT, LSTAT, FSTAT):
        what = handles[reader.text()] if kind == FSTAT else reader.text()
        answer(ATTRS, number, attrs(os.lstat(what) if kind == LSTAT else os.stat(what)))
    elif kind == REALPATH:
        path = os.path.realpath(reader.text())
        answer(NAME, number, struct.pack(">I", 1) + text(path) + text(b"") + struct.pack(">I", 0))
    elif kind == RENAME:
        old, new = reader.text(), reader.text()
        if os.path.lexists(new):
            raise FileExistsError
        if "jam-RENAME" in modes and old.endswith(b".tmp"):
            raise OSError
        os.rename(old, new)
        if "lose-RENAME" in modes:
            sys.exit(1)
        status(number, 0)
    else:
        change(kind, reader)
        status(number, 0)


def change(kind, reader):
    if kind == REMOVE:
        os.unlink(reader.text())
    elif kind == MKDIR:
        os.mkdir(reader.text(), 0o755)
    elif kind == RMDIR:
        os.rmdir(reader.text())
    elif kind == SETSTAT:
        set_attrs(reader, reader.text())
    elif kind == FSETSTAT:
        set_attrs(reader, handles[reader.text()])
    else:
        raise NotImplementedError


def main():
    size, = struct.unpack(">I", read_exactly(4))
    read_exactly(size)
    extensions = text(b"fsync@openssh.com") + text(b"1") if "fail-FSYNC" in modes else b""
    send(struct.pack(">IBI", 5 + len(extensions), 2, 2 if "no-version" in modes else 3)
         + extensions)
    while True:
        size, = struct.unpack(">I", read_exactly(4))
        reader = Reader(read_exactly(size))
        kind, number = reader.number(">B"), reader.number()
        wanted = struct.unpack(">I", reader.data[-4:])[0]
        try:
            fault(kind, number, wanted) or serve(kind, number, reader)
        except FileNotFoundError:
            status(number, MISSING)
        except PermissionError:
            status(number, DENIED)
        except NotImplementedError:
            status(number, UNSUPPORTED)
        except OSError:
            status(number, FAILURE)


main()
