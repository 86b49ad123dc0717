"""DDP and FSDP2 on two processes: the loss curve of one process, and a resume that is bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fake_teacher import FakeTeacher
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

WORKER = Path(__file__).parent / "distributed_worker.py"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with FakeTeacher() as fake:
        yield fake.address


def train(mode: str, address: str, out: Path, steps: int, *checkpoint: Path) -> list[float]:
    """The losses of a run; two processes but for mode `alone`."""
    out.mkdir(parents=True)
    program = [sys.executable] if mode == "alone" else [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*program, str(WORKER), mode, address, str(out), str(steps), *map(str, checkpoint)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(WORKER.parents[1]), str(WORKER.parent)])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def weights(directory: Path) -> dict[str, torch.Tensor]:
    whole = directory / "whole.pt"
    dcp_to_torch_save(directory / "torch", whole)
    return torch.load(whole)["model"]


@pytest.fixture(scope="module")
def alone(address: str, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The losses of one process."""
    return train("alone", address, tmp_path_factory.mktemp("alone") / "run", 8)


@pytest.fixture(scope="module", params=["ddp", "fsdp2"])
def undisturbed(request, address: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[float], Path]:
    """The mode of two processes, their losses, and where they saved."""
    out = tmp_path_factory.mktemp(request.param) / "run"
    return request.param, train(request.param, address, out, 8), out


def test_train_two_processes_have_the_loss_curve_of_one(alone, undisturbed):
    _, two, _ = undisturbed
    assert alone[0] > alone[-1]
    assert two == pytest.approx(alone, abs=1e-4)


def test_train_two_processes_resumed_from_a_checkpoint_are_bit_exact(undisturbed, address, tmp_path):
    mode, whole, out = undisturbed
    rest = train(mode, address, tmp_path / "rest", 8, out / "half")
    assert rest == whole[4:]
    expected, found = weights(out), weights(tmp_path / "rest")
    assert all(torch.equal(expected[name], found[name]) for name in expected)
