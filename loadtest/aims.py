"""The aims of a report's figures."""

import json
import sys


def report_and_judge(report, file, at_most, at_least=None):
    """Writes a report, - means to stdout; exit code 1, with a line for each, where a figure that it has misses its aim."""
    text = json.dumps(report, indent=2)
    if file == "-":
        print(text)
    else:
        with open(file, "w") as written:
            written.write(text + "\n")
    missed = [f"{name}: {report[name]} (expected: at most {aim})" for name, aim in at_most.items() if name in report and not report[name] <= aim]
    missed += [
        f"{name}: {report[name]} (expected: at least {aim})"
        for name, aim in (at_least or {}).items()
        if name in report and not report[name] >= aim
    ]
    for line in missed:
        print("missed: " + line, file=sys.stderr)
    if missed:
        raise SystemExit(1)
