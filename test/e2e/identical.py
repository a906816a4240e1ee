#!/usr/bin/env python3
"""identical.py PRIMARY SECONDARY BASE_PATH [PACKAGE …]: the metadata and packages below BASE_PATH are byte-identical on both servers.

Finds the metadata as a client would: Release lists the deb indices, repomd.xml the rpm ones, PULP_MANIFEST is the file one. Every
answer must be 200 and not empty, and every PACKAGE must be named in the metadata: two equal error pages prove nothing.
"""
import gzip
import hashlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

primary, secondary, base = (a.rstrip("/") for a in sys.argv[1:4])
packages = sys.argv[4:]
text, compared = "", []


def get(server, path):
    url = f"{server}/pulp/content/{base}/{urllib.parse.quote(path)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def same(path, optional=False):
    """The content of path, the same on both; None when optional and on neither."""
    global text
    (a, one), (b, two) = get(primary, path), get(secondary, path)
    if optional and a == b == 404:
        return None
    if (a, b) != (200, 200) or (not one and not path.endswith("/Packages")):
        sys.exit(f"{base}/{path}: primary {a} ({len(one)} bytes), secondary {b} ({len(two)} bytes)")
    if one != two:
        sys.exit(f"{base}/{path}: differs: {hashlib.sha256(one).hexdigest()} {hashlib.sha256(two).hexdigest()}")
    compared.append(path)
    data = gzip.decompress(one) if path.endswith(".gz") else one
    text += data.decode("utf-8", "replace")
    return data


def deb(suite):
    same(f"dists/{suite}/InRelease")
    same(f"dists/{suite}/Release.gpg")
    release = same(f"dists/{suite}/Release").decode()
    checksums = release.split("SHA256:\n", 1)[1]
    files = []
    for line in checksums.splitlines():
        if not line.startswith(" "):
            break
        path = line.split()[2]
        if "/source/" in path:
            continue  # Pulp lists empty Sources of repositories that are not meant to have any; they are not mirrored
        index = same(f"dists/{suite}/{path}", optional=True)
        if index and path.endswith("/Packages"):
            files += re.findall(r"^Filename: (\S+)$", index.decode(), re.M)
    for file in sorted(set(files)):
        same(file)


def rpm(repomd):
    files = []
    for href in re.findall(r'<location href="([^"]+)"', repomd.decode()):
        data = same(href)
        if "primary.xml" in href:
            files += re.findall(r'<location href="([^"]+)"', data.decode())
    for file in files:
        same(file)


def main():
    manifest = get(primary, "PULP_MANIFEST")[0] == 200
    repomd = get(primary, "repodata/repomd.xml")[0] == 200
    if manifest:
        for line in same("PULP_MANIFEST").decode().splitlines():
            same(line.split(",")[0])
    elif repomd:
        rpm(same("repodata/repomd.xml"))
    else:
        deb("bookworm-test")
    missing = [p for p in packages if p not in text]
    if missing or not packages:
        sys.exit(f"{base}: {', '.join(missing) or 'no package to look for was named'}: not in the metadata")
    print(f"   {base}: {len(compared)} files byte-identical")


main()
