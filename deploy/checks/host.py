"""Stands in for a container engine: an image's file layout, user, environment and commands, taken from its Dockerfile."""

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

USER = 10001


def run_checked(*command):
    subprocess.run(command, check=True)


def namespace():
    """Makes the namespaces that this process was started in its own: no mount shows outside, and loopback is up."""
    run_checked("mount", "--make-rprivate", "/")
    run_checked("ip", "link", "set", "lo", "up")


def wait_until(seconds, condition, process):
    end = time.monotonic() + seconds
    while not condition():
        if process.poll() is not None:
            raise AssertionError(f"ended with exit code {process.poll()}: {process.log.read_text()[-1000:]}")
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {process.log.read_text()[-1000:]}")
        time.sleep(0.5)


class Process:
    """A started program in a session of its own, so that its children end with it."""

    def __init__(self, command, log, **options):
        self.log = log
        with open(log, "w") as out:
            self.process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def poll(self):
        return self.process.poll()

    def wait(self, seconds):
        """The exit code as a shell would give it."""
        code = self.process.wait(seconds)
        return code if code >= 0 else 128 - code

    def send_signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()


class Image:
    """A root file system of read-only mounts with the installation at /opt/lyne, and what the Dockerfile says of running it."""

    lyne = "/opt/lyne/lyne"

    def __init__(self, dockerfile, work):
        last_stage = re.sub(r"\\\n", " ", dockerfile.read_text()).split("\nFROM ")[-1]
        self.entrypoint = json.loads(re.search(r"^ENTRYPOINT (.*)$", last_stage, re.M).group(1))
        self.command = json.loads(re.search(r"^CMD (.*)$", last_stage, re.M).group(1))
        self.health = json.loads(re.search(r"^HEALTHCHECK .*?CMD (\[.*\])$", last_stage, re.M).group(1))
        self.environment = dict(re.findall(r"(LYNE_\w+|PYTORCH_\w+)=(\S+)", last_stage.split("HEALTHCHECK")[0]))
        user = re.search(r"^USER (\d+):(\d+)$", last_stage, re.M).groups()
        assert user == (str(USER), str(USER)), user
        self.work = work
        self.root = work / "root"
        # Where this namespace has but one user, as without root, there is no other to change to.
        self.other_user = sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()) > USER
        self._lay_out(work)
        self.tmp, self.runs = self.root / "tmp", self.root / "runs"

    def _lay_out(self, work):
        self.root.mkdir()
        run_checked("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root)
        for name in ("usr", "etc", "proc", "dev", "sys"):
            (self.root / name).mkdir()
            run_checked("mount", "--rbind", f"/{name}", self.root / name)
        for name in ("bin", "lib", "lib64", "sbin"):
            if Path(f"/{name}").is_symlink():
                (self.root / name).symlink_to(os.readlink(f"/{name}"))
        java_home = os.environ.get("JAVA_HOME")
        if java_home and not java_home.startswith("/usr/"):
            (self.root / java_home.lstrip("/")).mkdir(parents=True)
            run_checked("mount", "--bind", java_home, self.root / java_home.lstrip("/"))
        hosts = work / "hosts"
        hosts.write_text("127.0.0.1 localhost teacher redis\n")
        run_checked("mount", "--bind", hosts, self.root / "etc/hosts")
        run_checked("mount", "--bind", hosts, "/etc/hosts")
        (self.root / "models").mkdir()
        (self.root / "opt/lyne").mkdir(parents=True)
        run_checked("mount", "--bind", work / "lyne", self.root / "opt/lyne")
        run_checked("mount", "-o", "remount,bind,ro", self.root / "opt/lyne")
        secrets = self.root / "run/secrets"
        secrets.mkdir(parents=True)
        for file in (work / "credentials").iterdir(): # as an engine mounts them: the files, for their owner to read
            shutil.copy(file, secrets / file.name)
            (secrets / file.name).chmod(0o400)
            if self.other_user:
                os.chown(secrets / file.name, USER, USER)
        for name in ("tmp", "runs", "cache"):
            (self.root / name).mkdir()
            run_checked("mount", "-t", "tmpfs", "-o", "mode=1777" if name == "tmp" else "mode=755", "tmpfs", self.root / name)
            if self.other_user and name != "tmp":
                os.chown(self.root / name, USER, USER)
        for name in ("usr", "etc"):
            run_checked("mount", "-o", "remount,bind,ro", self.root / name)
        run_checked("mount", "-o", "remount,ro", self.root)

    def _enter(self, command, environment):
        user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if self.other_user else ["setpriv"]
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", **self.environment, **(environment or {})}
        if os.environ.get("JAVA_HOME"):
            variables["JAVA_HOME"] = os.environ["JAVA_HOME"]
        return ["chroot", str(self.root), *user, "--no-new-privs", "--bounding-set=-all", "env", "-i",
                *(f"{name}={value}" for name, value in variables.items()), *command]

    def run(self, command, environment=None):
        return subprocess.run(self._enter(command, environment), capture_output=True, text=True, timeout=120, cwd="/",
                              stdin=subprocess.DEVNULL)

    def start(self, command, log, environment=None):
        return Process(self._enter(command, environment), self.work / log, cwd="/")

    def start_here(self, command, log, environment):
        return Process(command, self.work / log, cwd=self.work, env={**os.environ, **environment})


class Redis(Process):
    """The compose file's Redis."""

    def __init__(self, command, work):
        program = shutil.which(command[0])
        if program is None:
            raise FileNotFoundError(command[0])
        super().__init__([program, *command[1:], "--bind", "127.0.0.1"], work / "redis.log", cwd=work)
