"""A Hugging Face student of a text of one's own, that learns from a teacher's stream.

./lyne serve --teacher demo --listen 127.0.0.1:50051
python python/examples/own_corpus.py --teacher 127.0.0.1:50051 --student DIR --tokenizer DIR --corpus text.txt --steps 50 --out run
"""

import argparse
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM

import lyne
from lyne.huggingface import distil

parser = argparse.ArgumentParser()
for name in ("teacher", "student", "tokenizer", "corpus", "out"):
    parser.add_argument(f"--{name}", required=True)
for name, default in (("steps", 50), ("batch", 8), ("context", 128)):
    parser.add_argument(f"--{name}", type=int, default=default)
options = parser.parse_args()

# Windows of the text overlap by one token, so that every token but the first is predicted once; the last ones are held out.
tokenizer = Tokenizer.from_file(f"{options.tokenizer}/tokenizer.json")
tokenizer.no_truncation()
tokens = tokenizer.encode(Path(options.corpus).read_text(encoding="utf-8-sig")).ids
starts = range(0, len(tokens) - options.context, options.context - 1)
windows = torch.tensor([tokens[start : start + options.context] for start in starts])
held_out, windows = windows[-4:], windows[:-4]

# A student is a checkpoint, or a configuration to start afresh from.
torch.manual_seed(0)
trained = any(Path(options.student).glob("*.safetensors*"))
config = AutoConfig.from_pretrained(options.student)
model = AutoModelForCausalLM.from_pretrained(options.student) if trained else AutoModelForCausalLM.from_config(config)
student = distil(model, lyne.DistillationLoss("forward_kl"), alpha=0.9)
optimizer = torch.optim.AdamW(student.parameters(), lr=3e-3)

loader = ({"input_ids": windows[torch.randint(len(windows), (options.batch,))]} for _ in range(options.steps))
with lyne.Teacher(options.teacher, lyne.TopK(64)) as teacher:
    for step, batch in enumerate(teacher.attach(loader), 1):
        terms = student(**batch)
        terms.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0 or step == options.steps:
            with torch.no_grad():
                nll = student(input_ids=held_out, labels=held_out).loss
            print(f"step {step}/{options.steps} loss {terms.loss:.3f} divergence {terms.divergence:.3f} held-out {nll:.3f}")
student.save_pretrained(options.out)
