# The peer of `lyne bench decode --peer-python`: `generate` of transformers, which keeps keys and values. Reads one job as a line of JSON, says
# who it is once it is warm, and then answers each further line with the seconds of one batch of texts. Standard output carries nothing else.
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

torch.set_num_threads(job["threads"])
torch.manual_seed(0)
ids = torch.tensor(job["ids"], device=job["device"])
# Drawn from the whole distribution, and no token ends a text.
drawing = transformers.GenerationConfig(
    do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=job["tokens"], eos_token_id=None, pad_token_id=0
)


def load(attention):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        job["model"], dtype=getattr(torch, job["precision"]), attn_implementation=attention
    )
    model.generation_config = drawing
    return model.eval().to(job["device"])


def seconds(model):
    start = time.perf_counter()
    with torch.inference_mode():
        texts = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=drawing)
    assert texts.shape == (ids.shape[0], ids.shape[1] + job["tokens"]), texts.shape
    return time.perf_counter() - start


fastest, chosen = None, None
for attention in ("eager", "sdpa"):
    model = load(attention)
    taken = min(seconds(model) for _ in range(2))
    if fastest is None or taken < fastest[0]:
        fastest, chosen = (taken, attention), model
    del model
answer({"version": f"transformers {transformers.__version__}, torch {torch.__version__}", "attention": fastest[1]})
for _ in sys.stdin:
    answer({"seconds": seconds(chosen)})
