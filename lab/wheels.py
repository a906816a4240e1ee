#!/usr/bin/env python3
"""wheels.py PORT DIRECTORY: the wheels in DIRECTORY as a Python package index, on 127.0.0.1. Standard library only.

/simple/ /simple/NAME/   the index, as HTML or JSON (PEP 503, 691), whichever is asked for; what is in DIRECTORY at that moment
/pypi/NAME/json          what a mirroring Pulp asks for
/files/FILE              the wheel
"""
import hashlib
import http.server
import json
import pathlib
import sys
import time
import zipfile

port, directory = int(sys.argv[1]), pathlib.Path(sys.argv[2])
JSON = "application/vnd.pypi.simple.v1+json"


def wheels():
    """By project: the wheels, oldest version first."""
    found = {}
    for path in sorted(directory.glob("*.whl")):
        module, version, _ = path.name.split("-", 2)
        found.setdefault(module.replace("_", "-").lower(), []).append((version, path))
    return found


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def summary(path):
    with zipfile.ZipFile(path) as wheel:
        member = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        head = wheel.read(member).decode().split("\n\n", 1)[0]
    return dict(line.split(": ", 1) for line in head.splitlines())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, data, kind, status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-PyPI-Last-Serial", "1")  # Pulp gives up without one
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def simple(self, links, document):
        """links are (text, address), document the same as JSON."""
        if JSON in self.headers.get("Accept", ""):
            return self.answer(json.dumps({"meta": {"api-version": "1.0"}} | document).encode(), JSON)
        body = "".join(f'<a href="{address}">{text}</a><br>\n' for text, address in links)
        return self.answer(f"<!DOCTYPE html>\n<html><body>\n{body}</body></html>\n".encode(), "text/html")

    def do_GET(self):
        found, base = wheels(), f"http://{self.headers['Host']}"
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts == ["simple"]:
            return self.simple([(name, f"{base}/simple/{name}/") for name in found], {"projects": [{"name": name} for name in found]})
        if parts[0] == "simple" and len(parts) == 2 and parts[1] in found:
            files = [(path.name, f"{base}/files/{path.name}", sha256(path)) for _, path in found[parts[1]]]
            return self.simple([(name, f"{url}#sha256={digest}") for name, url, digest in files], {
                "name": parts[1], "files": [{"filename": name, "url": url, "hashes": {"sha256": digest}} for name, url, digest in files]})
        if parts[0] == "pypi" and parts[-1] == "json" and len(parts) == 3 and parts[1] in found:
            return self.answer(json.dumps(self.project(found[parts[1]], base)).encode(), "application/json")
        if parts[0] == "files" and len(parts) == 2 and parts[1] in [path.name for known in found.values() for _, path in known]:
            return self.answer((directory / parts[1]).read_bytes(), "application/octet-stream")
        return self.answer(b"not found\n", "text/plain", 404)

    do_HEAD = do_GET

    def project(self, known, base):
        releases = {}
        for version, path in known:
            releases[version] = [{
                "filename": path.name, "url": f"{base}/files/{path.name}", "packagetype": "bdist_wheel", "python_version": "py3",
                "size": path.stat().st_size, "digests": {"sha256": sha256(path)}, "requires_python": ">=3.8", "yanked": False,
                "upload_time": "2023-11-14T22:13:20", "upload_time_iso_8601": "2023-11-14T22:13:20.000000Z"}]
        about = summary(known[-1][1])
        info = {"name": about["Name"], "version": about["Version"], "summary": about["Summary"], "requires_python": about["Requires-Python"]}
        return {"info": info, "last_serial": 1, "releases": releases, "urls": releases[known[-1][0]]}

    def log_message(self, text, *args):
        sys.stderr.write("%.3f\t%s\n" % (time.time(), text % args))


http.server.ThreadingHTTPServer.daemon_threads = True
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
