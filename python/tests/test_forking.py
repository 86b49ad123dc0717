"""DataLoader workers that are forked, beside a server of another process: gRPC must not have been used before, where they use it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import forking
import pytest
import torch
from conftest import PYTHON, command
from fake_teacher import FakeTeacher
from test_batches import teacher_of

import lyne

WORKER = Path(forking.__file__)
SERVE = "import sys; from fake_teacher import FakeTeacher; print(FakeTeacher().start(), flush=True); sys.stdin.read()"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A made-up teacher in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PYTHON), str(WORKER.parent)])}
    process = subprocess.Popen([sys.executable, "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.wait()


def test_trainer_forked_workers_over_two_epochs_train_as_without_them(address, tmp_path):
    done = command(str(WORKER), address, str(tmp_path), "trainer")
    assert done.returncode == 0, done.stderr
    with FakeTeacher() as fake, teacher_of(fake) as teacher:
        expected = forking.trained(teacher, str(tmp_path / "here"), workers=0).state_dict()
    found = torch.load(tmp_path / "weights.pt")
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_attach_loader_with_forked_workers_has_its_rows_in_each_epoch(address, tmp_path):
    done = command(str(WORKER), address, str(tmp_path), "attach")
    assert done.returncode == 0, done.stderr


def test_describe_apart_gives_what_describe_gives(address):
    teacher = lyne.Teacher(address, lyne.TopK(4))
    found = teacher.describe_apart()
    assert teacher._opened is None, "it was opened here"
    assert found == teacher.describe() == teacher.describe_apart()
    teacher.close()


def test_describe_apart_teacher_that_is_not_there_has_its_own_error():
    teacher = lyne.Teacher("127.0.0.1:1", lyne.TopK(4), options=lyne.ClientOptions(open_timeout=0.5))
    with pytest.raises(lyne.TeacherUnavailableError, match="connection refused"):
        teacher.describe_apart()
