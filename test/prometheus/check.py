"""What a running Prometheus says of a running demo: check.py PROMETHEUS METRICS DEPLOY"""
import glob
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

prometheus, metrics, deploy = sys.argv[1:4]
# Names that the original had: kept, though Prometheus would have them otherwise.
KNOWN = re.compile(r"^(docker_container_status|pulp_manager_pulp_server_(repo_sync_health\w*|tasks_in_\w+_state|\w+_connection))\b")
failed = passed = 0


def check(what, problem):
    global failed, passed
    if problem:
        failed += 1
        print(f"FAILED {what}: {problem}")
    else:
        passed += 1


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def query(expression):
    try:
        answer = json.loads(get(f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expression})))
    except urllib.error.HTTPError as error:
        return None, json.loads(error.read()).get("error")
    return answer["data"]["result"], None


def wait(what, ready, seconds=90):
    end = time.monotonic() + seconds
    while True:
        try:
            if ready():
                return
        except (OSError, ValueError):
            pass
        if time.monotonic() > end:
            sys.exit(f"{what}: not after {seconds} s")
        time.sleep(0.5)


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def expressions(dashboard):
    """The queries of a dashboard's panels and variables, with a value for each of its variables."""
    found = []

    def walk(node):
        if isinstance(node, dict):
            if isinstance(node.get("expr"), str):
                found.append((node.get("refId", "?"), node["expr"]))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(dashboard.get("panels", []))
    for ref, text in found:
        text = re.sub(r"\$__(rate_)?interval\b", "1m", text)
        text = re.sub(r"\$__range\b", "5m", text)
        yield ref, re.sub(r"\$\{?\w+(:\w+)?\}?", ".*", text)


wait("the demo's metrics", lambda: b"pulp_manager_pulp_server_up" in get(f"{metrics}/metrics"))
told = run("promtool", "check", "metrics", text=get(f"{metrics}/metrics").decode())
problems = [line for line in (told.stdout + told.stderr).splitlines() if line.strip() and not KNOWN.match(line)]
check("promtool check metrics", "; ".join(problems[:10]))

# Syncs have ended and been scraped twice, so that every rate is one.
wait("a sync in Prometheus", lambda: query('sum(pulp_manager_task_duration_seconds_count{task_type="repo_group_sync"}) > 0')[0])
wait("health in Prometheus", lambda: query("count(pulp_manager_pulp_server_repo_sync_health_rollup) >= 2")[0])
time.sleep(5)

dashboards = sorted(glob.glob(f"{deploy}/grafana/*.json"))
check("dashboards", "" if dashboards else "there are none")
asked = 0
for path in dashboards:
    with open(path, encoding="utf-8") as file:
        board = json.load(file)
    for ref, expression in expressions(board):
        result, error = query(expression)
        asked += 1
        check(f"{board['title']} {ref}: {expression}", error or ("" if result else "no data"))

rules = sorted(glob.glob(f"{deploy}/prometheus/*.rules.yml"))
check("alert rules", "" if rules else "there are none")
for path in rules:
    told = run("promtool", "check", "rules", path)
    check(path, "" if told.returncode == 0 else told.stdout + told.stderr)
for path in sorted(glob.glob(f"{deploy}/prometheus/*.test.yml")):
    told = run("promtool", "test", "rules", path)
    check(path, "" if told.returncode == 0 else told.stdout + told.stderr)
groups = json.loads(get(f"{prometheus}/api/v1/rules"))["data"]["groups"]
loaded = [rule for group in groups for rule in group["rules"]]
for rule in loaded:
    check(f"alert {rule['name']}", rule.get("lastError", ""))
print(f"prometheus: {passed} passed, {failed} failed ({asked} queries of {len(dashboards)} dashboards, {len(loaded)} alerts)")
sys.exit(1 if failed else 0)
