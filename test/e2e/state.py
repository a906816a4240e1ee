#!/usr/bin/env python3
"""state.py SERVER_URL: what is on a Pulp server, as text that two runs of the same work must have in common.

Repositories with their newest version, its content counts, their remotes, distributions and publications; and how many of Pulp's tasks
that change something ended how. No ids, no dates.
"""
import base64
import collections
import json
import sys
import urllib.parse
import urllib.request

server = sys.argv[1].rstrip("/")
login = {"Authorization": "Basic " + base64.b64encode(b"admin:password").decode()}


def get(path):
    with urllib.request.urlopen(urllib.request.Request(server + path, headers=login), timeout=60) as answer:
        return json.load(answer)


def every(path, **query):
    query["limit"] = 1000
    return get(f"/pulp/api/v3/{path}/?" + urllib.parse.urlencode(query))["results"]


def number(version):
    return version.rstrip("/").rsplit("/", 1)[1] if version else "none"


lines = []
names = {}
for kind in ("deb/apt", "rpm/rpm", "file/file"):
    remotes = {r["pulp_href"]: r for r in every(f"remotes/{kind}")}
    versions, published = {}, collections.defaultdict(list)
    publications = [p for sort in (["deb/apt", "deb/verbatim"] if kind == "deb/apt" else [kind]) for p in every(f"publications/{sort}")]
    for p in publications:
        published[p["repository"]].append(number(p["repository_version"]))
        versions[p["pulp_href"]] = p["repository_version"]
    for r in every(f"repositories/{kind}"):
        names[r["pulp_href"]] = r["name"]
        counts = get(r["latest_version_href"])["content_summary"]["present"]
        lines.append(f"repository {kind} {r['name']} version {number(r['latest_version_href'])} "
                     f"{ {k: counts[k]['count'] for k in sorted(counts)} } labels {r['pulp_labels']} "
                     f"remote {remotes.get(r['remote'], {}).get('name')} published {sorted(published[r['pulp_href']])}")
    lines += [f"remote {kind} {r['name']} {r['url']} {r['policy']}" for r in remotes.values()]
    for d in every(f"distributions/{kind}"):
        served = f"repository {names.get(d['repository'])}" if d["repository"] else f"version {number(versions.get(d['publication'], ''))}"
        lines.append(f"distribution {kind} {d['name']} {d['base_path']} {served}")
tasks = collections.Counter((t["name"], t["state"]) for t in every("tasks", fields="name,state")
                            if any(w in t["name"] for w in ("synchronize", "publish", "general_create", "delete", "modify")))
lines += [f"tasks {name} {state} {count}" for (name, state), count in tasks.items()]
print("\n".join(sorted(lines)))
