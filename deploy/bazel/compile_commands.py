#!/usr/bin/env python3
"""Writes compile_commands.json (for clang-tidy and editors) from Bazel's own action graph.

    bazel build //... && python3 deploy/bazel/compile_commands.py [target pattern ...]

The commands are those of the pinned clang toolchain. Only the workspace's own sources are listed.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
TOOLCHAIN = "--extra_toolchains=//deploy/bazel/toolchain:clang_amd64"


def bazel(*args):
    return subprocess.run(["bazel", *args], cwd=ROOT, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout


def main():
    patterns = " + ".join(sys.argv[1:] or ["//..."])
    base = bazel("info", "output_base").strip()
    out = bazel("info", "output_path").strip()
    graph = json.loads(bazel("aquery", TOOLCHAIN, "--output=jsonproto", "--include_artifacts=false",
                             f'mnemonic("CppCompile", {patterns})'))

    def absolute(arg):
        for prefix, to in (("external/", base + "/external/"), ("bazel-out/", out + "/")):
            i = arg.find(prefix)
            if i == 0 or (i > 0 and arg[i - 1] == "=") or arg.startswith("-B" + prefix):
                return arg[:i] + to + arg[i + len(prefix):]
        return arg

    commands, seen = [], set()
    for action in graph["actions"]:
        args = action["arguments"]
        source = args[args.index("-c") + 1]
        if source.startswith(("external/", "bazel-out/")) or source in seen:
            continue
        seen.add(source)
        commands.append({
            "directory": ROOT,
            "file": os.path.join(ROOT, source),
            "arguments": [base + "/external/clang16/usr/lib/llvm-16/bin/clang++"] + [absolute(a) for a in args[1:]],
        })
    with open(os.path.join(ROOT, "compile_commands.json"), "w") as f:
        json.dump(commands, f, indent=1)
    print(f"{len(commands)} files")


main()
