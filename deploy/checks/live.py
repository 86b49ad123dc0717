"""Runs what deploy/ describes, in a mount and a network namespace of its own: see deploy/check.sh, which starts it.

usage: live.py REPOSITORY WORK TOOLS; WORK/lyne is an installation. Prints `ok`, `FAILED` or `NOT`, a tab, and what was checked.
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

from host import Image, Redis, namespace, wait_until
from queries import Prometheus, check_queries

REPOSITORY, WORK, TOOLS = (Path(argument) for argument in sys.argv[1:4])
SECURED = ("--tls-ca", "/run/secrets/ca.pem", "--token-file", "/run/secrets/token")


def report(kind, what):
    print(f"{kind}\t{what}", flush=True)


def check(what, test):
    """Runs a test, which returns None or details; an exception is a failure."""
    try:
        details = test()
        report("ok", what + (f" ({details})" if details else ""))
        return True
    except Exception as e:  # reported, not swallowed: any failure of a check is a finding
        report("FAILED", f"{what}: {type(e).__name__}: {e}")
        return False


def main():
    namespace()
    image = Image(REPOSITORY / "deploy/Dockerfile.cpu", WORK)
    if not image.other_user:
        report("NOT", "live: as user 10001: no root here, so the images' programs run as the caller")
    check("settings: every variable of the images and the compose file is an option", lambda: variables_are_options(image))
    if (WORK / "chart.yaml").exists():
        check("settings: serve and train accept what the chart writes", lambda: chart_settings(image))
        check("settings: serve accepts several teachers as the chart writes them", lambda: chart_teachers(image))
    else:
        report("NOT", "settings: serve and train accept what the chart writes: no helm")
    check("settings: serve accepts the unit's configuration", lambda: unit_settings(image))
    check("live: an image's root file system is read-only", lambda: root_is_read_only(image))
    check("live: an image's start command and health check; SIGTERM ends it", lambda: start_command(image))
    if (WORK / "compose.json").exists():
        services(image)
    else:
        report("NOT", "live: compose's services, load, dashboard, alerts, drain: no compose-spec")
    check("slurm: address, array index, SIGTERM, checkpoint, end", lambda: batch_scripts(image))


def options(image, command):
    text = image.run([image.lyne, command, "--help"]).stdout
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))


def variables_are_options(image):
    """The launcher's own are LYNE_HEAP, LYNE_DIRECT_MEMORY, LYNE_CLASS_PATH and LYNE_THREADS; any other stands for an option, and one that does not would be ignored."""
    uses = [("image", list(image.environment), image.command[0])]
    if (WORK / "compose.json").exists():
        for name, service in compose().items():
            if service.get("image", "").startswith("lyne"):
                uses.append((name, list(service.get("environment") or {}), service["command"][0]))
    known = {}
    for name, variables, command in uses:
        known.setdefault(command, options(image, command))
        for variable in variables:
            option = "--" + variable.removeprefix("LYNE_").lower().replace("_", "-")
            if variable.startswith("LYNE_") and variable not in ("LYNE_HEAP", "LYNE_THREADS", "LYNE_DIRECT_MEMORY", "LYNE_CLASS_PATH") and option not in known[command]:
                raise AssertionError(f"{name}: {variable}, but {command} has no {option}")


def refused_for(image, command, words):
    """The command must come as far as to refuse `words`, past its configuration."""
    done = image.run(command)
    if done.returncode != 2 or words not in done.stderr or "unknown key" in done.stderr:
        raise AssertionError(f"exit code {done.returncode}, {done.stderr.strip()} (expected: 2, about {words})")


def rendered(file):
    import subprocess

    script = "import json, sys, yaml; print(json.dumps([d for d in yaml.safe_load_all(open(sys.argv[1])) if d]))"
    return json.loads(subprocess.check_output([TOOLS / "python/bin/python", "-c", script, WORK / file]))


def chart_teachers(image):
    """An entry's model is the last thing that is looked for: the directories are not there."""
    for document in rendered("teachers.yaml"):
        if document["kind"] == "ConfigMap":
            (image.tmp / "teachers.yaml").write_text(document["data"]["teacher.yaml"])
    refused_for(image, [image.lyne, "serve", "--config", "/tmp/teachers.yaml"], "entry 1: --teacher: /teachers/large is no directory")


def chart_settings(image):
    for document in rendered("chart.yaml"):
        for file, text in document.get("data", {}).items() if document["kind"] == "ConfigMap" else ():
            (image.tmp / file).write_text(text)
    refused_for(image, [image.lyne, "serve", "--config", "/tmp/teacher.yaml", "--teacher", "/nowhere"], "/nowhere")
    refused_for(image, [image.lyne, "train", "--config", "/tmp/student.yaml", "--teacher", "localhost:1", "--out", "/tmp/run",
                        "--student", "/nowhere"], "/nowhere")


def unit_settings(image):
    (image.tmp / "unit.yaml").write_text((REPOSITORY / "deploy/systemd/teacher.yaml").read_text())
    refused_for(image, [image.lyne, "serve", "--config", "/tmp/unit.yaml", "--teacher", "/nowhere"], "/nowhere")


def root_is_read_only(image):
    for path in ("/x", "/opt/lyne/x", "/opt/lyne/native/x", "/usr/x", "/models/x"):
        if image.run(["/usr/bin/touch", path]).returncode == 0:
            raise AssertionError(f"{path} could be written")
    for path in ("/tmp/x", "/runs/x", "/cache/x"):
        done = image.run(["/usr/bin/touch", path])
        if done.returncode != 0:
            raise AssertionError(done.stderr)
    return image.run(["/usr/bin/id", "-u"]).stdout.strip() + " is the user"


def start_command(image):
    refused_for(image, image.entrypoint + image.command, "takes plain text from other hosts")
    start = time.monotonic()
    server = image.start(image.entrypoint + image.command, "start.log", {"LYNE_INSECURE": "true"})
    wait_until(120, lambda: image.run(image.health).returncode == 0, server)
    ready = time.monotonic() - start
    server.send_signal(signal.SIGTERM)
    code = server.wait(60)
    if code != 143:
        raise AssertionError(f"exit code {code} (expected: 143)")
    return f"healthy after {ready:.0f} s"


def compose():
    """Its services; of several files the parser gives variables as a list of NAME=value, of one as a mapping."""
    services = json.loads((WORK / "compose.json").read_text())["services"]
    for service in services.values():
        variables = service.get("environment") or {}
        if isinstance(variables, list):
            service["environment"] = dict(variable.split("=", 1) for variable in variables)
    return services


def services(image):
    """The compose file's programs, side by side, each under its own name in /etc/hosts."""
    running = compose()
    redis = None
    try:
        redis = Redis(running["redis"]["command"], WORK)
    except FileNotFoundError:
        report("NOT", "live: the shared cache: no redis-server")
    teacher = image.start(image.entrypoint + running["teacher"]["command"], "teacher.log", running["teacher"]["environment"])
    prometheus = None
    load = None
    try:
        if not check("live: compose's teacher becomes healthy",
                     lambda: wait_until(120, lambda: image.run(image.health).returncode == 0, teacher)):
            print((WORK / "teacher.log").read_text())
            return
        prometheus = Prometheus(REPOSITORY / "deploy/prometheus", WORK)
        fewer = {"LYNE_STEPS": "4", "LYNE_CHECKPOINT_EVERY": "2", "LYNE_HELD_OUT_WINDOWS": "4", "LYNE_SAMPLES": "1"}
        check("live: without the authority, or without a token, it answers nobody", lambda: strangers(image))
        check("live: compose's students learn from it", lambda: students(image, running, fewer))
        load = image.start([image.lyne, "load", "--teacher", "teacher:50051", *SECURED, "--students", "2", "--tokens", "128",
                            "--repeated", "0.5", "--pool", "32", "--warm-up", "1", "--duration", "300"], "load.log")
        time.sleep(30)
        check_queries(prometheus, REPOSITORY, check, with_shared_cache=redis is not None)
        check("drain: SIGTERM ends a loaded server in time", lambda: drain(teacher, running["teacher"]["environment"]))
    finally:
        for process in (load, teacher, prometheus, redis):
            if process is not None:
                process.kill()


def strangers(image):
    for options, words in (((), "does the server speak TLS?"), (SECURED[:2], "UNAUTHENTICATED"), (("--insecure",), "does the server speak TLS?")):
        done = image.run([image.lyne, "load", "--teacher", "localhost:50051", "--duration", "1", *options])
        if done.returncode == 0 or words not in done.stderr:
            raise AssertionError(f"load {options}: exit code {done.returncode}, {done.stderr.strip()} (expected: {words})")


def students(image, running, fewer):
    started = [image.start(image.entrypoint + running[name]["command"], name + ".log", {**running[name]["environment"], **fewer})
               for name in ("student-1", "student-2")]
    codes = [student.wait(240) for student in started]
    if codes != [0, 0]:
        raise AssertionError(f"exit codes {codes}: " + (WORK / "student-1.log").read_text()[-500:])
    for name in ("student-1", "student-2"):
        if not (image.runs / name / "report.html").exists():
            raise AssertionError(f"/runs/{name}/report.html is not there")


def drain(teacher, environment):
    start = time.monotonic()
    teacher.send_signal(signal.SIGTERM)
    code = teacher.wait(int(environment["LYNE_DRAIN_SECONDS"]) + 15)
    if code != 143:
        raise AssertionError(f"exit code {code} (expected: 143)")
    return f"{time.monotonic() - start:.1f} s"


def batch_scripts(image):
    """As Slurm runs them: SIGTERM goes to the batch script alone (--signal=B:TERM)."""
    runs = WORK / "slurm"
    environment = {"LYNE_HOME": str(WORK / "lyne"), "LYNE_RUNS": str(runs), "LYNE_HOST": "127.0.0.1", "LYNE_HEAP": "1g",
                   "LYNE_CREDENTIALS": str(WORK / "credentials"),
                   "LYNE_HELD_OUT_WINDOWS": "4", "LYNE_SAMPLES": "1", "SLURM_CPUS_PER_TASK": "2", "LYNE_CHECKPOINT_EVERY": "2"}
    scripts = REPOSITORY / "deploy/slurm"
    teacher = image.start_here(["bash", scripts / "teacher.sbatch"], "slurm-teacher.log", environment)
    try:
        student = image.start_here(["bash", scripts / "students.sbatch"], "slurm-student.log",
                                   {**environment, "SLURM_ARRAY_TASK_ID": "3", "LYNE_STEPS": "10000"})
        try:
            metrics = runs / "student-3/metrics.jsonl"
            wait_until(180, lambda: metrics.exists() and len(metrics.read_text().splitlines()) > 3, student)
            student.send_signal(signal.SIGTERM)
            student.wait(90)
        finally:
            student.kill()
        checkpoints = [path for path in (runs / "student-3").rglob("*") if "checkpoint" in path.name]
        if not checkpoints:
            raise AssertionError(f"no checkpoint in {runs / 'student-3'}")
        teacher.send_signal(signal.SIGTERM)
        code = teacher.wait(120)
        if code != 0 or (runs / "teacher.address").exists():
            raise AssertionError(f"the teacher's script: exit code {code}, address file there: "
                                 f"{(runs / 'teacher.address').exists()} (expected: 0, gone)")
    finally:
        teacher.kill()


if __name__ == "__main__":
    main()
