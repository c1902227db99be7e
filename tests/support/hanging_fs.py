"""A file system that stops answering when it is told to, as a network file system does whose server
is gone:

    unshare --mount python3 hanging_fs.py CONTROL MOUNTPOINT COMMAND...

Files are kept in memory and served through /dev/fuse as long as the command runs; its exit code is
ours. While there is a file CONTROL/hang nothing is answered, or, when it holds the name of an
operation ("rename"), nothing from the first of these on. CONTROL/held is there once somebody waits.
The exit code is 99 where file systems cannot be mounted.
"""
import ctypes
import errno
import os
import select
import stat
import struct
import subprocess
import sys
import time

CONTROL, MOUNTPOINT, COMMAND = sys.argv[1], sys.argv[2], sys.argv[3:]
LARGEST_WRITE = 128 << 10
BIG_WRITES = 1 << 5
MODE, SIZE, MTIME, MTIME_NOW = 1 << 0, 1 << 3, 1 << 5, 1 << 8
NO_REPLACE = 1


class Node:
    def __init__(self, number, mode):
        self.number, self.mode, self.modified = number, mode, time.time_ns()
        self.data = bytearray()
        self.names = {}

    def is_folder(self):
        return stat.S_ISDIR(self.mode)

    def attributes(self):
        second, nanosecond = divmod(self.modified, 10**9)
        return struct.pack("<6Q10I", self.number, len(self.data), len(self.data) // 512, second,
                           second, second, nanosecond, nanosecond, nanosecond, self.mode, 1, 0, 0,
                           0, 4096, 0)

    def entry(self):
        return struct.pack("<4Q2I", self.number, 0, 0, 0, 0, 0) + self.attributes()


class Files:
    def __init__(self):
        self.nodes = {1: Node(1, stat.S_IFDIR | 0o755)}

    def add(self, parent, name, mode):
        node = Node(max(self.nodes) + 1, mode)
        self.nodes[node.number] = node
        parent.names[name] = node
        return node

    def lookup(self, node, body):
        name = body.rstrip(b"\0")
        if name not in node.names:
            raise OSError(errno.ENOENT, "")
        return node.names[name].entry()

    def getattr(self, node, _body):
        return struct.pack("<Q2I", 0, 0, 0) + node.attributes()

    def setattr(self, node, body):
        valid, size, second = struct.unpack_from("<I12xQ16xQ", body)
        nanosecond, mode = struct.unpack_from("<I4xI", body, 60)
        if valid & SIZE:
            del node.data[size:]
            node.data.extend(bytes(size - len(node.data)))
        if valid & MODE:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)
        if valid & MTIME:
            now = valid & MTIME_NOW
            node.modified = time.time_ns() if now else second * 10**9 + nanosecond
        return self.getattr(node, body)

    def open(self, _node, _body):
        return struct.pack("<Q2I", 0, 0, 0)

    def create(self, node, body):
        mode = struct.unpack_from("<4xI", body)[0]
        made = self.add(node, body[16:].rstrip(b"\0"), stat.S_IFREG | stat.S_IMODE(mode))
        return made.entry() + self.open(made, body)

    def mkdir(self, node, body):
        mode = struct.unpack_from("<I", body)[0]
        return self.add(node, body[8:].rstrip(b"\0"), stat.S_IFDIR | stat.S_IMODE(mode)).entry()

    def unlink(self, node, body):
        self.lookup(node, body)
        del node.names[body.rstrip(b"\0")]
        return b""

    def move(self, node, parent, names, replaces):
        old, new = names.rstrip(b"\0").split(b"\0")
        target = self.nodes[parent]
        if new in target.names and not replaces:
            raise OSError(errno.EEXIST, "")
        target.names[new] = node.names.pop(old)
        return b""

    def rename(self, node, body):
        return self.move(node, struct.unpack_from("<Q", body)[0], body[8:], True)

    def rename2(self, node, body):
        parent, flags = struct.unpack_from("<QI", body)
        return self.move(node, parent, body[16:], not flags & NO_REPLACE)

    def read(self, node, body):
        offset, size = struct.unpack_from("<8xQI", body)
        return bytes(node.data[offset:offset + size])

    def write(self, node, body):
        offset, size = struct.unpack_from("<8xQI", body)
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset:offset + size] = body[40:40 + size]
        node.modified = time.time_ns()
        return struct.pack("<2I", size, 0)

    def readdir(self, node, body):
        offset, size = struct.unpack_from("<8xQI", body)
        answer = b""
        for index, (name, found) in enumerate(list(node.names.items())[offset:], offset + 1):
            entry = struct.pack("<2Q2I", found.number, index, len(name), found.mode >> 12) + name
            entry += bytes(-len(entry) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer

    def statfs(self, _node, _body):
        return struct.pack("<5Q10I", *[1 << 20] * 5, 4096, 255, 4096, *[0] * 7)

    def done(self, _node, _body):
        return b""

    def init(self, _node, _body):
        return struct.pack("<4I2H2I2H8I", 7, 31, 0, BIG_WRITES, 12, 9, LARGEST_WRITE, 1, 0, 0,
                           *[0] * 8)


FORGET, BATCH_FORGET, INTERRUPT = 2, 42, 36
OPERATIONS = {
    1: "lookup", 3: "getattr", 4: "setattr", 9: "mkdir", 10: "unlink", 11: "rmdir", 12: "rename",
    14: "open", 15: "read", 16: "write", 17: "statfs", 18: "release", 20: "fsync",
    25: "flush", 26: "init", 27: "opendir", 28: "readdir", 29: "releasedir", 30: "fsyncdir",
    35: "create", 45: "rename2"}
METHODS = {"rmdir": "unlink", "opendir": "open", "release": "done", "releasedir": "done",
           "fsync": "done", "fsyncdir": "done", "flush": "done"}


def mount():
    descriptor = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    options = f"fd={descriptor},rootmode=40000,user_id=0,group_id=0,allow_other"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"hanging", MOUNTPOINT.encode(), b"fuse.hanging", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    return descriptor


def hangs():
    """What does: "everything", an operation, or None."""
    try:
        with open(os.path.join(CONTROL, "hang"), encoding="ascii") as file:
            return file.read() or "everything"
    except FileNotFoundError:
        return None


def tell_held():
    with open(os.path.join(CONTROL, "held"), "w", encoding="ascii"):
        pass


def answer(files, operation, node, body):
    method = getattr(files, METHODS.get(operation, operation), None)
    if not method:
        return errno.ENOSYS, b""
    try:
        return 0, method(files.nodes.get(node), body)
    except OSError as error:
        return error.errno, b""


def serve(descriptor, files, is_needed):
    """Requests wait in the kernel while nothing is answered: whoever made them can be killed."""
    while is_needed():
        if not select.select([descriptor], [], [], 0.01)[0]:
            continue
        if hangs() == "everything":
            tell_held()
            time.sleep(0.005)
            continue
        try:
            request = os.read(descriptor, LARGEST_WRITE + (64 << 10))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                continue  # whoever asked is gone
            raise
        opcode, unique, node = struct.unpack_from("<4xIQQ", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        operation = OPERATIONS.get(opcode, "another one")
        while hangs() == operation and is_needed():
            tell_held()
            time.sleep(0.005)
        number, body = answer(files, operation, node, request[40:])
        try:
            os.write(descriptor, struct.pack("<IiQ", 16 + len(body), -number, unique) + body)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise


def main():
    try:
        descriptor = mount()
    except OSError as error:
        print(error, file=sys.stderr)
        return 99
    child = subprocess.Popen(COMMAND)
    serve(descriptor, Files(), lambda: child.poll() is None)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


sys.exit(main())
