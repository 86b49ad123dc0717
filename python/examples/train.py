"""The Java student's run again, in PyTorch: its initial weights, windows, order and schedules, against the same teacher.

./lyne serve --teacher demo --listen 127.0.0.1:50051
./lyne train --teacher 127.0.0.1:50051 --export-initial initial --steps 100 ... --out java
python python/examples/train.py --teacher 127.0.0.1:50051 --initial initial --out run
"""

import argparse

import torch
from transformers import AutoModelForCausalLM

import lyne
from lyne.huggingface import distil
from lyne.plans import TrainingPlan

parser = argparse.ArgumentParser()
for name in ("teacher", "initial", "out"):
    parser.add_argument(f"--{name}", required=True)
options = parser.parse_args()

plan = TrainingPlan(options.initial)
student = distil(AutoModelForCausalLM.from_pretrained(options.initial, dtype=torch.float32), plan.loss)
optimizer = plan.optimizer(student)


@torch.no_grad()
def held_out_loss() -> float:
    """Nats a token."""
    total = count = 0
    for batch in plan.held_out():
        labels = int((batch["labels"][:, 1:] >= 0).sum())
        total, count = total + float(student(**batch).loss) * labels, count + labels
    return total / max(1, count)


print(f"step 0 held-out {held_out_loss():.5f}", flush=True)
with lyne.Teacher(options.teacher, plan.selection, precision=plan.settings["row_precision"], temperature=plan.temperature) as teacher:
    for step, batch in zip(plan.steps, teacher.attach(plan.batches()), strict=True):
        student.get_output_embeddings().alpha = step.alpha
        terms = student(**batch)
        terms.loss.backward()
        if plan.number("clip_norm") > 0:
            torch.nn.utils.clip_grad_norm_(student.parameters(), plan.number("clip_norm"))
        for group in optimizer.param_groups:
            group["lr"] = step.learning_rate
        optimizer.step()
        optimizer.zero_grad()
        print(f"step {step.number} loss {terms.loss:.5f} nll {terms.nll:.5f} divergence {terms.divergence:.5f}", flush=True)
print(f"step {len(plan.steps)} held-out {held_out_loss():.5f}")
student.save_pretrained(options.out)
