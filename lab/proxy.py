#!/usr/bin/env python3
"""proxy.py PORT LOG: a forward proxy on 127.0.0.1, for plain requests and CONNECT. Standard library only.

LOG gets one line a request, tab separated: seconds since 1970, method, the address or HOST:PORT asked for, status.
With a third and fourth argument, USER PASSWORD, it answers 407 to whoever does not give them.
"""
import base64
import http.client
import http.server
import select
import socket
import sys
import threading
import time
import urllib.parse

port, log = int(sys.argv[1]), open(sys.argv[2], "a", buffering=1)
credentials = "Basic " + base64.b64encode(":".join(sys.argv[3:5]).encode()).decode() if len(sys.argv) > 4 else None
HOP_BY_HOP = {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    def told(self, status):
        with lock:
            log.write("%.3f\t%s\t%s\t%d\n" % (time.time(), self.command, self.path, status))

    def refuse(self, status):
        self.told(status)
        self.send_response(status)
        if status == 407:
            self.send_header("Proxy-Authenticate", 'Basic realm="lab"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def allowed(self):
        if credentials and self.headers.get("Proxy-Authorization") != credentials:
            self.refuse(407)
            return False
        return True

    def do_GET(self):
        if not self.allowed():
            return
        target = urllib.parse.urlsplit(self.path)
        if target.scheme != "http" or not target.hostname:
            return self.refuse(400)
        length = int(self.headers.get("Content-Length") or 0)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
        connection = http.client.HTTPConnection(target.hostname, target.port or 80, timeout=60)
        try:
            connection.request(self.command, urllib.parse.urlunsplit(("", "", target.path or "/", target.query, "")), self.rfile.read(length) or None, headers)
            answer = connection.getresponse()
            data = answer.read()
        except OSError:
            return self.refuse(502)
        finally:
            connection.close()
        self.told(answer.status)
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_HEAD = do_POST = do_GET

    def do_CONNECT(self):
        if not self.allowed():
            return
        host, _, number = self.path.rpartition(":")
        try:
            there = socket.create_connection((host, int(number)), timeout=60)
        except (OSError, ValueError):
            return self.refuse(502)
        self.told(200)
        self.send_response_only(200, "Connection established")
        self.end_headers()
        ends = {self.connection: there, there: self.connection}
        try:
            while True:
                for one in select.select(list(ends), [], [], 600)[0] or [None]:
                    data = one.recv(65536) if one else b""
                    if not data:
                        return
                    ends[one].sendall(data)
        except OSError:
            pass
        finally:
            there.close()
            self.close_connection = True

    def log_message(self, text, *args):
        pass


http.server.ThreadingHTTPServer.daemon_threads = True
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
