"""Holds the decoders of this package to Java's on random blocks: equal columns, bit for bit, and rows that answer their tokens.

    ./lyne bench blocks --count 1000000 | python python/tools/check_blocks.py [--python-too N]

Every block goes through the native decoder; of each N, one also through that in Python. Exit code 1 where one differs.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lyne.blocks import differences, frames


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python-too", type=int, default=100, metavar="N")
    every = arguments.parse_args().python_too
    count = slow = 0
    for count, frame in enumerate(frames(sys.stdin.buffer), 1):
        decoders = [True, False] if count % every == 0 else [True]
        slow += len(decoders) - 1
        for native in decoders:
            found = differences(frame, native)
            if found is not None:
                print(f"block {count}, {'native' if native else 'Python'} decoder: {found}", file=sys.stderr)
                return 1
    print(f"{count} blocks equal to Java's, {slow} of them in both decoders")
    return 0 if count else 1


if __name__ == "__main__":
    sys.exit(main())
