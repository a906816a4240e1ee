#!/usr/bin/env python3
"""Reads what 'go test -json' wrote.

gotest.py failures FILE     print the output of what failed
gotest.py count FILE        print how many passed; fail when one was skipped, or none ran
gotest.py same FAKE REAL [SUITE WHERE]
                            fail unless both ran the same subtests of their one test, none skipped
"""
import collections
import json
import sys


def read(path):
    """results: (package, test) → pass, fail or skip; output: the same key → text."""
    results, output = {}, collections.defaultdict(str)
    with open(path) as lines:
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                print(line, end="")
                continue
            key = (event.get("Package", event.get("ImportPath", "")), event.get("Test", ""))
            if event["Action"] in ("pass", "fail", "skip"):
                results[key] = event["Action"]
            elif event["Action"] in ("output", "build-output"):
                output[key] += event["Output"]
    return results, output


def leaves(results):
    """The tests that have no subtests, and what became of them."""
    parents = {(p, t.rsplit("/", n)[0]) for p, t in results for n in range(1, t.count("/") + 1)}
    return {k: v for k, v in results.items() if k[1] and k not in parents}


def complain(problems):
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


def skipped(results):
    return [f"skipped: {p} {t}" for (p, t), v in leaves(results).items() if v == "skip"]


def names(tests):
    """The part of each name after the top level, which names where the suite ran."""
    return sorted(t.partition("/")[2] for _, t in tests)


command, *files = sys.argv[1:]
files, (suite, where) = files[:2], files[2:] or ("contract", "the real pair")
runs = [read(f) for f in files]
if command == "failures":
    results, output = runs[0]
    for key, action in results.items():
        if action == "fail":
            print(output[key], end="")
    for key, text in output.items():
        if key not in results:
            print(text, end="")
elif command == "count":
    tests = leaves(runs[0][0])
    print(f"{len(tests)} tests, {sum(v == 'pass' for v in tests.values())} passed")
    complain(skipped(runs[0][0]) or ([] if tests else ["no test ran"]))
elif command == "same":
    fake, real = (leaves(r) for r, _ in runs)
    one, two = names(fake), names(real)
    print(f"{suite}: {len(two)} tests on {where}, {len(one)} on the fake")
    problems = skipped(runs[0][0]) + skipped(runs[1][0])
    if not any(one):
        problems.append(f"no test of {suite} ran on the fake")
    problems += [f"not run on {where}: {n}" for n in sorted(set(one) - set(two))]
    problems += [f"run on {where} only: {n}" for n in sorted(set(two) - set(one))]
    complain(problems)
else:
    sys.exit(__doc__)
