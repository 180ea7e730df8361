#!/usr/bin/env python3
"""Counts test cases in Bazel's test.xml files, and one more for the demo.

    count_tests.py TESTLOGS pass|fail

Names the failed ones and prints "N passed, N failed" as the last line; the
exit status is 0 only if something passed and nothing failed.
"""
import glob
import os
import subprocess
import sys
import xml.etree.ElementTree as ET


def targets():
    """Test targets of this tree: logs of others may lie around."""
    out = subprocess.run(["bazel", "query", "--noshow_progress", "tests(//...)"], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    tagged = subprocess.run(["bazel", "query", "--noshow_progress", 'attr(tags, "manual", tests(//...))'], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return sorted(set(out.split()) - set(tagged.split()))


def main():
    logs, demo = sys.argv[1:]
    passed, failed = 0, []
    for target in targets():
        # One file, or one a shard.
        paths = glob.glob(os.path.join(logs, target.lstrip("/").replace(":", "/"), "**", "test.xml"), recursive=True)
        try:
            cases = [case for path in paths for case in ET.parse(path).getroot().iter("testcase")]
        except (OSError, ET.ParseError):
            cases = []
        if not cases:
            failed.append(f"{target}: no result")
            continue
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(f"{target} {case.get('name')}")
            elif case.find("skipped") is None and case.get("status") != "notrun":
                passed += 1
    if demo == "pass":
        passed += 1
    else:
        failed.append("deploy/demo --for=30s")
    for name in failed:
        print(f"FAILED {name}")
    print(f"{passed} passed, {len(failed)} failed")
    sys.exit(1 if failed or not passed else 0)


main()
