"""A real teacher server, started once by the launcher, for all tests that want one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).parents[2]
LAUNCHER = ROOT / "lyne"
TEACHER = ROOT / "examples/state-of-the-union/teacher"
ENVIRONMENT = {**os.environ, "LYNE_THREADS": "1", "LYNE_HEAP": "1g"}


@dataclass
class Server:
    """A server process that listens."""

    process: subprocess.Popen[str]
    address: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def serve(*arguments: str, listen: str = "127.0.0.1:0") -> Server:
    """Starts `lyne serve` with the demo teacher, unless another source of rows is named; waits until it listens."""
    source = () if any(a in ("--replay", "--teacher") for a in arguments) else ("--teacher", "demo")
    command = [str(LAUNCHER), "serve", *source, "--listen", listen, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        assert process.stderr is not None
        raise RuntimeError(f"lyne serve said nothing and ended: {process.stderr.read()}")
    return Server(process, json.loads(line)["listening"])


def run(*arguments: str) -> str:
    """What a command of the Java side printed."""
    done = subprocess.run([str(LAUNCHER), *arguments], capture_output=True, text=True, env=ENVIRONMENT, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"lyne {arguments[0]}: {done.returncode}: {done.stderr}")
    return done.stdout


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server of the demo teacher, for the whole session."""
    started = serve()
    yield started
    started.process.terminate()
    started.process.wait(timeout=60)


@pytest.fixture(scope="session")
def captured(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small capture of the demo teacher, made by the Java side."""
    directory = tmp_path_factory.mktemp("captured")
    text = directory / "corpus.txt"
    # A text that no other test asks for: the server answers from wider rows that it holds, whose bytes are others.
    text.write_text((ROOT / "docs/architecture.md").read_text()[:6000])
    run(
        "capture", "--teacher", server.address, "--tokenizer", str(TEACHER), "--corpus", str(text), "--context", "64",
        "--top-k", "16", "--row-precision", "compact", "--temperatures", "2", "--out", str(directory / "capture"),
    )  # fmt: skip
    return directory / "capture"
