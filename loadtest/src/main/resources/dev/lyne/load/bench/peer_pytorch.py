# The peer of `lyne bench step` and `lyne bench distill --against pytorch`: the same step by `transformers` and autograd, whole logits,
# AdamW fused where PyTorch has it; the second with the teacher in this process. Reads one job as a line of JSON, says who it is and the loss of its first step once it is warm, and then answers each further
# line with the seconds of one step; or, where the memory is asked for, answers with the bytes of one step at its peak. Standard output
# carries nothing else.
import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what libraries print


def answer(value):
    print(json.dumps(value), file=answers, flush=True)


job = json.loads(sys.stdin.readline())
import torch
import transformers
from torch.nn import functional

torch.set_num_threads(job["threads"])
device = job["device"]
ids = torch.tensor(job["ids"], device=device)
labels = ids[:, 1:].reshape(-1)
taught = job["loss"] == "forward_kl"
alpha = job.get("alpha")  # the teacher's part of the loss, where the teacher is in this process
if taught and alpha is None:
    teacher_ids = torch.tensor(job["teacher_ids"], device=device)
    teacher = torch.tensor(job["teacher_log_probs"], device=device)
    tail = torch.tensor(job["teacher_log_tail"], device=device)


class Student:
    def __init__(self, attention):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            job["model"], dtype=torch.float32, attn_implementation=attention
        ).to(device)
        self.model.train()
        if alpha is not None:
            self.teacher = transformers.AutoModelForCausalLM.from_pretrained(
                job["teacher"], dtype=torch.float32, attn_implementation=attention
            ).to(device)
            self.teacher.eval()
        arguments = dict(lr=job["learning_rate"], betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
        try:
            self.optimizer = torch.optim.AdamW(self.model.parameters(), fused=True, **arguments)
        except (RuntimeError, ValueError):
            self.optimizer = torch.optim.AdamW(self.model.parameters(), **arguments)

    def loss(self):
        logits = self.model(input_ids=ids, use_cache=False).logits[:, :-1].float().flatten(0, 1)
        if not taught:
            return functional.cross_entropy(logits, labels)
        if alpha is not None:
            log_s = logits.log_softmax(-1)
            with torch.no_grad():
                log_t = self.teacher(input_ids=ids, use_cache=False).logits[:, :-1].float().flatten(0, 1).log_softmax(-1)
            divergence = functional.kl_div(log_s, log_t, reduction="batchmean", log_target=True)
            return alpha * divergence + (1 - alpha) * functional.nll_loss(log_s, labels)
        log_s = logits.log_softmax(-1).gather(-1, teacher_ids)
        log_rest = torch.log1p(-log_s.exp().sum(-1).clamp(max=1 - 1e-6))
        kept = (teacher.exp() * (teacher - log_s)).sum(-1)
        return (kept + tail.exp() * (tail - log_rest)).mean()

    def step(self):
        start = time.perf_counter()
        loss = self.loss()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        found = float(loss.detach())
        return found, time.perf_counter() - start


def kibibytes(field):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(field):
                return int(line.split()[1])
    raise OSError(f"/proc/self/status: no {field}")


def peak(student):
    # Weights and moments, and what a step adds to them at its peak.
    student.step()
    state = 12 * sum(parameter.numel() for parameter in student.model.parameters())
    with open("/proc/self/clear_refs", "w") as reset:
        reset.write("5")
    before = kibibytes("VmRSS:")
    student.step()
    return state + (kibibytes("VmHWM:") - before) * 1024


version = f"transformers {transformers.__version__}, torch {torch.__version__}"
if job["memory"]:
    answer({"version": version, "bytes": peak(Student(job["attention"]))})
    sys.exit()
fastest = None
for attention in ("eager", "sdpa"):
    student = Student(attention)
    first, _ = student.step()
    taken = min(student.step()[1] for _ in range(2))
    if fastest is None or taken < fastest[0]:
        fastest = (taken, attention, first, student)
    del student
_, attention, first, student = fastest
del fastest
answer({"version": version, "attention": attention, "loss": first})
for _ in sys.stdin:
    answer({"seconds": student.step()[1]})
