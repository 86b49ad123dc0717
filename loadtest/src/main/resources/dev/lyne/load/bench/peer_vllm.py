# The peer of `lyne bench forward --against vllm`: the engine within this process, no HTTP. Speaks as peer_transformers.py does.
import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what the engine prints


def answer(value):
    print(json.dumps(value), file=answers, flush=True)


def main():
    job = json.loads(sys.stdin.readline())
    # By default it leaves a core idle.
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", f"0-{job['threads'] - 1}")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1")
    import torch
    import vllm

    length = len(job["ids"][0])
    engine = vllm.LLM(
        model=job["model"],
        dtype=job["precision"],
        skip_tokenizer_init=True,
        enforce_eager=True,
        enable_prefix_caching=False,
        max_model_len=length + 1,
        max_num_batched_tokens=length * len(job["ids"]),
        max_logprobs=max(20, job["k"]),
    )
    prompts = [{"prompt_token_ids": ids} for ids in job["ids"]]
    parameters = vllm.SamplingParams(temperature=0.0, max_tokens=1, prompt_logprobs=job["k"], detokenize=False)

    def seconds():
        start = time.perf_counter()
        rows = engine.generate(prompts, parameters, use_tqdm=False)
        taken = time.perf_counter() - start
        assert [len(row.prompt_logprobs) for row in rows] == [length] * len(prompts)
        return taken

    for _ in range(3):
        seconds()
    answer({"version": f"vllm {vllm.__version__}, torch {torch.__version__}", "attention": "paged"})
    for _ in sys.stdin:
        answer({"seconds": seconds()})


if __name__ == "__main__":  # the engine may start processes of its own, which import this file
    main()
