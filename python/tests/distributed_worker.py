"""Training runs in two processes: DDP, FSDP2 or an Accelerator on gloo; prints the losses of each, and saves, half way and at the end.

torchrun --nproc-per-node 2 distributed_worker.py ADDRESS OUT RESUMED MODE...

OUT/MODE is where a run saves. RESUMED is the OUT of runs that are to be gone on with from half way, or `-`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import rows
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration
from students import tiny
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict, get_state_dict, set_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import lyne
from lyne.huggingface import distil

BATCH = 4
STEPS = 8


def corpus() -> list[torch.Tensor]:
    """Each step's batch."""
    random = np.random.default_rng(9)
    two = [torch.from_numpy(random.integers(0, rows.VOCABULARY, (BATCH, 10))) for _ in range(2)]
    return [two[step % 2] for step in range(STEPS)]


class Run:
    """A student in this process, and how it is saved."""

    def __init__(self, mode: str, rank: int, world: int):
        torch.manual_seed(0)
        if world > 1 and mode != "accelerate" and not dist.is_initialized():
            dist.init_process_group("gloo")
        self.rank = rank
        model = distil(tiny(), lyne.DistillationLoss(), alpha=0.9)
        self.model: torch.nn.Module = model
        if mode == "ddp":
            self.model = DistributedDataParallel(model)
        elif mode == "fsdp2":
            for layer in model.model.layers:
                fully_shard(layer)
            self.model = fully_shard(model)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=5e-3)
        # This process's part of each batch.
        self.batches: Iterable[dict] = [{"input_ids": batch[rank::world]} for batch in corpus()]

    def attach(self, teacher: lyne.Teacher) -> None:
        self.loader = teacher.attach(self.batches)

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()

    def save(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        weights, state = get_state_dict(self.model, self.optimizer)
        dcp.save({"model": weights, "optimizer": state}, checkpoint_id=directory / "torch")
        torch.save(self.loader.state_dict(), directory / f"loader-{self.rank}.pt")

    def restore(self, directory: Path) -> None:
        weights, state = get_state_dict(self.model, self.optimizer)
        dcp.load({"model": weights, "optimizer": state}, checkpoint_id=directory / "torch")
        set_state_dict(self.model, self.optimizer, model_state_dict=weights, optim_state_dict=state)
        self.loader.load_state_dict(torch.load(directory / f"loader-{self.rank}.pt"))


class AcceleratedRun(Run):
    """The same by accelerate: it wraps the student, parts the loader's batches, and saves both."""

    def __init__(self, mode: str, rank: int, world: int):
        super().__init__(mode, rank, world)
        self.accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(split_batches=True))
        examples = [{"input_ids": window} for batch in corpus() for window in batch]
        loader = torch.utils.data.DataLoader(examples, batch_size=BATCH)
        self.model, self.optimizer, self.batches = self.accelerator.prepare(self.model, self.optimizer, loader)
        assert self.accelerator.num_processes == world

    def attach(self, teacher: lyne.Teacher) -> None:
        super().attach(teacher)
        self.accelerator.register_for_checkpointing(self.loader)

    def backward(self, loss: torch.Tensor) -> None:
        self.accelerator.backward(loss)

    def save(self, directory: Path) -> None:
        self.accelerator.save_state(str(directory))

    def restore(self, directory: Path) -> None:
        self.accelerator.load_state(str(directory))


def train(mode: str, address: str, out: Path | None = None, resumed: Path | None = None, rank: int = 0, world: int = 1) -> list[float]:
    """The losses of a run's steps, over all processes: of all of them, or of those after half way where it is gone on with."""
    run = (AcceleratedRun if mode == "accelerate" else Run)(mode, rank, world)
    losses = []
    with lyne.Teacher(address, lyne.TopK(4), precision="exact") as teacher:
        run.attach(teacher)
        if resumed is not None:
            run.restore(resumed / "half")
        for batch in run.loader:
            loss = run.model(**batch).loss
            run.backward(loss)
            run.optimizer.step()
            run.optimizer.zero_grad()
            mean = loss.detach().clone()
            if world > 1:
                dist.all_reduce(mean)
            losses.append(mean.item() / world)
            if out is not None and resumed is None and len(losses) == STEPS // 2:
                run.save(out / "half")
    if out is not None:
        weights = get_model_state_dict(run.model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
        if rank == 0:
            out.mkdir(parents=True, exist_ok=True)
            torch.save(weights, out / "weights.pt")
    return losses


def main() -> None:
    address, out, resumed, *modes = sys.argv[1:]
    torch.set_num_threads(1)
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    before = None if resumed == "-" else Path(resumed)
    losses = {mode: train(mode, address, Path(out) / mode, before and before / mode, rank, world) for mode in modes}
    if rank == 0:
        print(json.dumps(losses))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
