#!/usr/bin/env python3
"""registry.py PORT DIRECTORY: the OCI image layouts below DIRECTORY as a container registry that only reads, on 127.0.0.1.

A folder DIRECTORY/a/b with an index.json is the repository a/b; its tags are those of the layout at that moment.
/v2/  /v2/NAME/tags/list  /v2/NAME/manifests/TAG-OR-DIGEST  /v2/NAME/blobs/DIGEST. Standard library only.
"""
import http.server
import json
import pathlib
import re
import sys
import time

port, directory = int(sys.argv[1]), pathlib.Path(sys.argv[2])
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = r"/v2/([a-z0-9][a-z0-9._/-]*)"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, data, kind="application/json", status=200, digest=None):
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def unknown(self, code):
        self.answer(json.dumps({"errors": [{"code": code, "message": "unknown", "detail": self.path}]}).encode(), status=404)

    def do_GET(self):
        path = self.path.partition("?")[0]
        if path.rstrip("/") == "/v2":
            return self.answer(b"{}")
        for pattern, method in ((r"/tags/list", self.tags), (r"/manifests/([^/]+)", self.manifest), (r"/blobs/([^/]+)", self.blob)):
            found = re.fullmatch(NAME + pattern, path)
            if found and ".." not in path and (directory / found[1] / "index.json").exists():
                return method(*found.groups())
        return self.unknown("NAME_UNKNOWN")

    do_HEAD = do_GET

    def tagged(self, name):
        """By tag: the manifest's descriptor."""
        index = json.loads((directory / name / "index.json").read_bytes())
        return {m["annotations"]["org.opencontainers.image.ref.name"]: m for m in index["manifests"]}

    def read(self, name, digest):
        path = directory / name / "blobs" / digest.replace(":", "/")
        return path.read_bytes() if DIGEST.fullmatch(digest) and path.exists() else None

    def tags(self, name):
        self.answer(json.dumps({"name": name, "tags": sorted(self.tagged(name))}).encode())

    def manifest(self, name, reference):
        digest = self.tagged(name).get(reference, {}).get("digest", reference)
        data = self.read(name, digest)
        if data is None:
            return self.unknown("MANIFEST_UNKNOWN")
        return self.answer(data, json.loads(data)["mediaType"], digest=digest)

    def blob(self, name, digest):
        data = self.read(name, digest)
        if data is None:
            return self.unknown("BLOB_UNKNOWN")
        return self.answer(data, "application/octet-stream", digest=digest)

    def log_message(self, text, *args):
        sys.stderr.write("%.3f\t%s\n" % (time.time(), text % args))


http.server.ThreadingHTTPServer.daemon_threads = True
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
