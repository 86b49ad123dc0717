"""Training whose DataLoader workers are forked, in a process that has not used gRPC before, against a server of another process.

forking.py ADDRESS OUT trainer | attach

`trainer`: a LyneTrainer over two epochs, each with an evaluation, leaves its weights in OUT. `attach`: two epochs of an attached loader.
"""

from __future__ import annotations

import os
import sys

import grpc
import torch
from fake_teacher import FakeTeacher
from students import tiny
from test_batches import require_rows, teacher_of
from test_huggingface import arguments, collate, examples

import lyne
from lyne.huggingface import LyneTrainer, distil

EPOCHS = 2


def trained(teacher: lyne.Teacher, directory: str, workers: int) -> torch.nn.Module:
    """A student after two epochs."""
    changes = {"max_steps": -1, "num_train_epochs": EPOCHS, "eval_strategy": "epoch", "save_strategy": "no"}
    settings = arguments(directory, dataloader_num_workers=workers, **changes)
    student = distil(tiny(), alpha=0.9)
    trainer = LyneTrainer(teacher, student, collate, args=settings, train_dataset=examples(), eval_dataset=examples(8))
    trainer.train()
    assert trainer.state.global_step == EPOCHS * 6
    return trainer.model


def refuse_grpc_here() -> None:
    """No channel may be made in this process; in those that it forks, any."""
    parent, own = os.getpid(), grpc.insecure_channel

    def channel(*given: object) -> grpc.Channel:
        assert os.getpid() != parent, "gRPC in the parent of forked workers, where it does not survive"
        return own(*given)

    grpc.insecure_channel = channel


def main() -> None:
    address, out, mode = sys.argv[1:]
    torch.set_num_threads(1)
    named = FakeTeacher()
    named.address = address
    if mode == "trainer":
        refuse_grpc_here()
        torch.save(trained(teacher_of(named), out, workers=2).state_dict(), f"{out}/weights.pt")
        return
    loader = torch.utils.data.DataLoader(examples(), batch_size=4, collate_fn=collate, num_workers=2, multiprocessing_context="fork")
    with teacher_of(named) as teacher:
        attached = teacher.attach(loader)
        for _ in range(EPOCHS):
            batches = list(attached)
            assert len(batches) == 6
            for batch in batches:
                require_rows(batch)


if __name__ == "__main__":
    main()
