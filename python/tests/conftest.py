"""A real teacher server, started once by the launcher, for all tests that want one, in whatever worker of pytest-xdist they run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "python"
LAUNCHER = ROOT / "lyne"
TEACHER = ROOT / "examples/state-of-the-union/teacher"
ENVIRONMENT = {**os.environ, "LYNE_THREADS": "1", "LYNE_HEAP": "1g"}

#: Names the folder of what all workers share, which the process that started them makes and deletes. Not LYNE_…: commands know theirs all.
SHARED = "TESTS_SHARED_FOLDER"


@dataclass
class Server:
    """A server that listens."""

    address: str


@dataclass
class OwnServer(Server):
    """A server process that the test started, and may kill."""

    process: subprocess.Popen[str]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def serve(*arguments: str, listen: str = "127.0.0.1:0") -> OwnServer:
    """Starts `lyne serve` with the demo teacher, unless another source of rows is named; waits until it listens."""
    source = () if any(a in ("--replay", "--teacher") for a in arguments) else ("--teacher", "demo")
    command = [str(LAUNCHER), "serve", *source, "--listen", listen, *arguments]
    with tempfile.TemporaryFile("w+") as said:  # a file, not a pipe: it may outlive the worker that started it, and is read by nobody
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=ENVIRONMENT)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.wait()
            said.seek(0)
            raise RuntimeError(f"lyne serve said nothing and ended: {said.read()}")
    return OwnServer(json.loads(line)["listening"], process)


def run(*arguments: str) -> str:
    """What a command of the Java side printed."""
    done = subprocess.run([str(LAUNCHER), *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"lyne {arguments[0]}: {done.returncode}: {done.stderr}")
    return done.stdout


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python command, run to its end."""
    environment = {**os.environ, "PYTHONPATH": str(PYTHON), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, timeout=300)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # no worker of another process
        os.environ[SHARED] = tempfile.mkdtemp(prefix="lyne-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        directory = Path(os.environ.pop(SHARED))
        if (directory / "server.json").is_file():
            end(**json.loads((directory / "server.json").read_text()))
        shutil.rmtree(directory)


def end(pid: int, address: str) -> None:
    """Ends a server that another process may have started; waits until it listens no more."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            return
        assert time.monotonic() < deadline, f"server {address} still listens a minute after it was told to end"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of what all workers share."""
    return Path(os.environ[SHARED])


@contextmanager
def one_at_a_time(shared: Path) -> Iterator[None]:
    """Keeps other workers out meanwhile."""
    with open(shared / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def server(shared: Path) -> Server:
    """A server of the demo teacher: one for the whole session, which whoever asks first starts."""
    known = shared / "server.json"
    with one_at_a_time(shared):
        if not known.is_file():
            started = serve()
            known.write_text(json.dumps({"pid": started.process.pid, "address": started.address}))
    return Server(json.loads(known.read_text())["address"])


@pytest.fixture(scope="session")
def captured(server: Server, shared: Path) -> Path:
    """A small capture of the demo teacher, made by the Java side, once; its text lies beside it. Nobody changes it."""
    directory = shared / "captured"
    with one_at_a_time(shared):
        if not (directory / "capture/sequences.index").is_file():
            capture_demo(server, directory)
    return directory / "capture"


def capture_demo(server: Server, directory: Path) -> None:
    """Captures some text of the demo teacher's rows."""
    directory.mkdir(exist_ok=True)
    text = directory / "corpus.txt"
    # A text that no other test asks for: the server answers from wider rows that it holds, whose bytes are others.
    text.write_text((ROOT / "docs/architecture.md").read_text()[:6000])
    run(
        "capture", "--teacher", server.address, "--tokenizer", str(TEACHER), "--corpus", str(text), "--context", "64",
        "--top-k", "16", "--row-precision", "compact", "--temperatures", "2", "--out", str(directory / "capture"),
    )  # fmt: skip
