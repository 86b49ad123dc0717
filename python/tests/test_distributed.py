"""DDP, FSDP2 and accelerate on two processes: the loss curve of one process, and a resume that is bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import distributed_worker
import pytest
import torch
from fake_teacher import FakeTeacher

WORKER = Path(distributed_worker.__file__)
#: Accelerate first: it joins the processes by itself.
MODES = ("accelerate", "ddp", "fsdp2")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with FakeTeacher() as fake:
        yield fake.address


def train(address: str, out: Path, resumed: str = "-") -> dict[str, list[float]]:
    """The losses of runs in two processes, by mode: one run after the other in the same processes, which take long to start."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(WORKER.parents[1]), str(WORKER.parent)])}
    command = [*launch, str(WORKER), address, str(out), resumed, *MODES]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def alone(address: str) -> list[float]:
    """The losses of one process, this one."""
    return distributed_worker.train("alone", address)


@pytest.fixture(scope="module")
def undisturbed(address: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[float]], Path]:
    """The losses of two processes, and where they saved."""
    out = tmp_path_factory.mktemp("undisturbed")
    return train(address, out), out


@pytest.fixture(scope="module")
def resumed(undisturbed, address: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[float]], Path]:
    """The same of two processes more, which went on with what the first ones had saved half way."""
    out = tmp_path_factory.mktemp("resumed")
    return train(address, out, str(undisturbed[1])), out


@pytest.mark.parametrize("mode", MODES)
def test_train_two_processes_have_the_loss_curve_of_one(alone, undisturbed, mode):
    assert alone[0] > alone[-1]
    assert undisturbed[0][mode] == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_train_two_processes_resumed_from_a_checkpoint_are_bit_exact(undisturbed, resumed, mode):
    whole, rest = undisturbed[0][mode], resumed[0][mode]
    assert rest == whole[distributed_worker.STEPS // 2 :]
    expected, found = (torch.load(out / mode / "weights.pt") for out in (undisturbed[1], resumed[1]))
    assert all(torch.equal(expected[name], found[name]) for name in expected)
