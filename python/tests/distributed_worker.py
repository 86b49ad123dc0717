"""One process of a training run under torchrun: DDP or FSDP2 on gloo, or alone; prints losses, and saves, also half way, and resumes.

torchrun --nproc-per-node 2 distributed_worker.py MODE ADDRESS OUT STEPS [CHECKPOINT]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import rows
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from students import tiny
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

import lyne
from lyne.huggingface import distil

BATCH = 4


class Corpus(list):
    """This process's part of each batch, with a state."""

    def __init__(self, rank: int, world: int, steps: int):
        random = np.random.default_rng(9)
        two = [torch.from_numpy(random.integers(0, rows.VOCABULARY, (BATCH, 10))) for _ in range(2)]
        super().__init__({"input_ids": two[step % 2][rank::world]} for step in range(steps))


def main() -> None:
    mode, address, out, steps, *checkpoint = sys.argv[1:]
    torch.manual_seed(0)
    torch.set_num_threads(1)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    if world > 1:
        dist.init_process_group("gloo")
    model = distil(tiny(), lyne.DistillationLoss(), alpha=0.9)
    wrapped: torch.nn.Module = model
    if mode == "ddp":
        wrapped = DistributedDataParallel(model)
    elif mode == "fsdp2":
        for layer in model.model.layers:
            fully_shard(layer)
        wrapped = fully_shard(model)
    optimizer = torch.optim.AdamW(wrapped.parameters(), lr=5e-3)
    teacher = lyne.Teacher(address, lyne.TopK(4), precision="exact")
    loader = teacher.attach(Corpus(rank, world, 8))
    if checkpoint:
        restore(Path(checkpoint[0]), rank, wrapped, optimizer, loader)
    losses = []
    for batch in loader:
        loss = wrapped(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        mean = loss.detach().clone()
        if world > 1:
            dist.all_reduce(mean)
        losses.append(mean.item() / world)
        if len(losses) == int(steps) // 2 and not checkpoint:
            save(Path(out) / "half", rank, wrapped, optimizer, loader)
        if len(losses) == int(steps):
            break
    save(Path(out), rank, wrapped, optimizer, loader)
    if rank == 0:
        print(json.dumps(losses))
    teacher.close()
    if world > 1:
        dist.destroy_process_group()


def save(directory: Path, rank: int, model, optimizer, loader) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    weights, state = get_state_dict(model, optimizer)
    dcp.save({"model": weights, "optimizer": state}, checkpoint_id=directory / "torch")
    torch.save(loader.state_dict(), directory / f"loader-{rank}.pt")


def restore(directory: Path, rank: int, model, optimizer, loader) -> None:
    weights, state = get_state_dict(model, optimizer)
    dcp.load({"model": weights, "optimizer": state}, checkpoint_id=directory / "torch")
    set_state_dict(model, optimizer, model_state_dict=weights, optim_state_dict=state)
    loader.load_state_dict(torch.load(directory / f"loader-{rank}.pt"))


if __name__ == "__main__":
    main()
