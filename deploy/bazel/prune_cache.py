#!/usr/bin/env python3
"""Removes the least recently used files of a Bazel disk cache until it is at most BYTES large.

    prune_cache.py DIR BYTES
"""
import os
import sys


def main():
    root, limit = sys.argv[1], int(sys.argv[2])
    files = []
    for directory, _, names in os.walk(root):
        for name in names:
            path = os.path.join(directory, name)
            try:
                s = os.stat(path)
            except FileNotFoundError:
                continue
            files.append((max(s.st_atime, s.st_mtime), s.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= limit:
            break
        try:
            os.unlink(path)
            total -= size
        except FileNotFoundError:
            pass


main()
