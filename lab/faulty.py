#!/usr/bin/env python3
"""faulty.py PORT DIRECTORY: the misbehaving half of lab/upstream, on 127.0.0.1. Standard library only.

/slow/MS/PATH       DIRECTORY/PATH, every answer MS milliseconds late and then 64 kB/s
/hang/PATH          accepts the request and never answers
/half/PATH          DIRECTORY/PATH, but metadata and packages alike end in the middle and the connection closes
/status/CODE/PATH   that status for everything
/flaky/N/PATH       503 to the first N requests of a path, then DIRECTORY/PATH
/auth/PATH          401 unless user and password are lab / lab
"""
import base64
import collections
import http.server
import os
import sys
import time

port, directory = int(sys.argv[1]), os.path.abspath(sys.argv[2])
seen = collections.Counter()


class Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *args):
        self.rate = self.share = None
        super().__init__(*args, directory=directory)

    def do_GET(self):
        fault, _, rest = self.path.lstrip("/").partition("/")
        if fault == "hang":
            time.sleep(3600)
            return
        if fault == "auth":
            if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"lab:lab").decode():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="lab"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        elif fault in ("slow", "status", "flaky"):
            argument, _, rest = rest.partition("/")
            seen[self.path] += 1
            if fault == "slow":
                time.sleep(int(argument) / 1000)
                self.rate = 65536
            elif fault == "status":
                return self.send_error(int(argument))
            elif seen[self.path] <= int(argument):
                return self.send_error(503)
        elif fault == "half":
            self.share = 0.5
        else:
            return self.send_error(404)
        self.path = "/" + rest
        super().do_GET()

    do_HEAD = do_GET

    def copyfile(self, source, outputfile):
        if self.command == "HEAD":
            return
        data = source.read()
        if self.share:
            data = data[: int(len(data) * self.share)]
        step = 16384
        for i in range(0, len(data), step):
            outputfile.write(data[i : i + step])
            if self.rate:
                time.sleep(min(step, len(data) - i) / self.rate)

    def log_message(self, text, *args):
        sys.stderr.write("%.3f\t%s\n" % (time.time(), text % args))


http.server.ThreadingHTTPServer.daemon_threads = True
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
