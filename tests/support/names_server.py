#!/usr/bin/env python3
"""A bucket of S3 that has very many objects, and nothing but their names: ListObjectsV2.

usage: names_server.py FOLDER COUNT

Makes each page when it is asked for. FOLDER is not used. Prints "PORT PID" once it listens; ends
with its parent.
"""
import http.server
import os
import sys
import threading
import time
import urllib.parse

COUNT = int(sys.argv[2])
PAGE = 1000
ENTRY = ("<Contents><Key>folder-%04d/name-%07d</Key><LastModified>2024-05-31T12:30:00.000Z"
         "</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>%d</Size>"
         "<StorageClass>STANDARD</StorageClass></Contents>")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        first = int(query.get("continuation-token", ["0"])[0])
        last = min(first + PAGE, COUNT)
        rest = ("<IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken>"
                % last if last < COUNT else "<IsTruncated>false</IsTruncated>")
        body = ('<?xml version="1.0" encoding="UTF-8"?><ListBucketResult>' + rest
                + "".join([ENTRY % (n // PAGE, n, n) for n in range(first, last)])
                + "</ListBucketResult>").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def end_with(parent):
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(0)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
print(server.server_port, os.getpid(), flush=True)
server.serve_forever()
