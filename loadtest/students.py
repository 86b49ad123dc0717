"""The Java student and python/examples/train.py from the same weights, windows, order and schedules, against one teacher.

    python/.venv/bin/python loadtest/students.py --json FILE [--steps N] [--corpus FILE] [--teacher HOST:PORT]

The report: java_held_out_nats and python_held_out_nats after equal steps, held_out_difference_nats (aim: at most 0.02), initial_difference_nats,
and of the first step's targets, row by row, target_rows and max_target_difference. Exit code 1 where the aim is missed, or a target differs.
A teacher that is started here (the demo's) listens on loopback and ends with the script.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples/state-of-the-union"
LAUNCHER = os.environ.get("LYNE", str(ROOT / "lyne"))
AIM_NATS = 0.02


def say(line):
    print("students: " + line, file=sys.stderr, flush=True)


def run(command, log, **environment):
    """Runs a command to its end; gives what it wrote to stdout."""
    with open(log, "w") as errors:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=errors, text=True, env={**os.environ, **environment})
    if done.returncode != 0:
        raise SystemExit(f"students: {command[0]} {command[1]}: exit code {done.returncode}:\n{Path(log).read_text()[-2000:]}")
    return done.stdout


def java_student(given, teacher, scratch):
    """Trains it; gives its held-out losses, before the first step and after the last."""
    out = scratch / "java"
    run(
        [LAUNCHER, "train", "--teacher", teacher, "--student", str(EXAMPLE / "student.config.json"), "--tokenizer", str(EXAMPLE / "teacher"),
         "--corpus", given.corpus, "--held-out", str(EXAMPLE / "held-out.jsonl.gz"), "--out", str(out),
         "--export-initial", str(scratch / "initial"), "--alpha", "0.9", "--top-k", "64", "--context", str(given.context),
         "--batch", str(given.batch), "--steps", str(given.steps), "--learning-rate", "2e-3",
         "--warmup-steps", str(max(1, given.steps // 20)), "--held-out-windows", str(given.held_out_windows), "--samples", "0",
         "--windows", str(given.windows)],
        scratch / "java.log",
    )  # fmt: skip
    held_out = json.loads((out / "summary.json").read_text())["held_out"]
    return [evaluated["nll"] for evaluated in held_out]


def python_student(teacher, scratch):
    said = run(
        [sys.executable, str(ROOT / "python/examples/train.py"), "--teacher", teacher, "--initial", str(scratch / "initial"),
         "--out", str(scratch / "python")],
        scratch / "python.log",
        PYTHONPATH=str(ROOT / "python"),
    )  # fmt: skip
    return [float(loss) for loss in re.findall(r"held-out ([0-9.]+)", said)]


def compare_targets(teacher, scratch):
    """Rows of the first step as the Java student learnt from them against those that Python adds to its batch."""
    import lyne
    from lyne.plans import TrainingPlan

    plan = TrainingPlan(scratch / "initial")
    with open(scratch / "initial/first_targets.jsonl") as lines:
        java = [json.loads(line) for line in lines]
    with lyne.Teacher(teacher, plan.selection, precision=plan.settings["row_precision"], temperature=plan.temperature) as opened:
        batch = next(iter(opened.attach([next(plan.batches())])))
    rows, greatest = 0, 0.0
    for at, expected in enumerate(java):
        mine = batch["target_labels"][at] >= 0
        count, width = int(mine.sum()), expected["width"]
        mask = batch["target_mask"][at][mine].numpy()
        for theirs, name in (("teacher_log_probs", "target_logprobs"), ("teacher_log_tail", "log_tail"), ("teacher_label_log_prob", "label_logprob")):
            wanted = np.array([-np.inf if value is None else value for value in expected[theirs]], dtype=np.float32)
            found = batch[name][at][mine].numpy()
            wanted = wanted.reshape(found.shape[0], -1)
            found = found.reshape(count, -1)[:, : wanted.shape[1]]
            if wanted.shape != found.shape:
                raise SystemExit(f"students: {theirs} of {list(wanted.shape)} (expected: {list(found.shape)})")
            finite = np.isfinite(wanted)
            if not (np.isfinite(found) == finite).all():
                raise SystemExit(f"students: {theirs}: other entries are missing (expected: the same)")
            greatest = max(greatest, float(np.abs(wanted[finite] - found[finite]).max(initial=0)))
        ids = np.array(expected["teacher_ids"]).reshape(count, width)
        if not (ids == batch["target_token_ids"][at][mine].numpy()[:, :width])[mask[:, :width]].all():
            raise SystemExit(f"students: window {at} of the first step keeps other ids (expected: the same)")
        rows += count
    return rows, greatest


def measure(given, teacher, scratch):
    java = java_student(given, teacher, scratch)
    say(f"the Java student: held-out loss {java[0]:.4f}, after {given.steps} steps {java[-1]:.4f}")
    rows, greatest = compare_targets(teacher, scratch)
    say(f"{rows} rows of the first step differ by at most {greatest:.2e}")
    python = python_student(teacher, scratch)
    say(f"python/examples/train.py: held-out loss {python[0]:.4f}, after {given.steps} steps {python[-1]:.4f}")
    return {
        "steps": given.steps,
        "initial_difference_nats": abs(java[0] - python[0]),
        "java_held_out_nats": java[-1],
        "python_held_out_nats": python[-1],
        "held_out_difference_nats": abs(java[-1] - python[-1]),
        "target_rows": rows,
        "max_target_difference": greatest,
    }


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", required=True, metavar="FILE", help="- means stdout")
    arguments.add_argument("--teacher", metavar="HOST:PORT", help="default: one that is started here")
    arguments.add_argument("--corpus", metavar="FILE", default=str(EXAMPLE / "train.jsonl.gz"), help="default: the example's")
    for name, default in (("steps", 100), ("batch", 8), ("context", 256), ("held-out-windows", 60), ("windows", 0)):
        arguments.add_argument("--" + name, type=int, default=default)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if given.teacher:
            report = measure(given, given.teacher, Path(scratch))
        else:
            command = [LAUNCHER, "serve", "--teacher", "demo", "--listen", "127.0.0.1:0"]
            with open(Path(scratch) / "serve.log", "w") as errors:
                server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
                try:
                    line = server.stdout.readline()
                    if not line:
                        raise SystemExit(f"students: no server: {(Path(scratch) / 'serve.log').read_text()[-2000:]}")
                    report = measure(given, json.loads(line)["listening"], Path(scratch))
                finally:
                    server.terminate()
                    server.wait()
    text = json.dumps(report, indent=2)
    print(text) if given.json == "-" else Path(given.json).write_text(text + "\n")
    if report["max_target_difference"] > 0 or report["held_out_difference_nats"] > AIM_NATS:
        raise SystemExit(f"students: missed (expected: equal targets, and at most {AIM_NATS} nats of difference)")


if __name__ == "__main__":
    main()
