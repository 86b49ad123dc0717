"""What trainers.sh measures: TRL's own client and trainer, and the clients of axolotl and ms-swift, unmodified, against vLLM and the HTTP door.

Exit code 1, after the report is written, where a figure misses its aim.
"""

import argparse
import ast
import contextlib
import importlib.util
import json
import logging
import math
import os
import random
import sys
import urllib.request

from aims import report_and_judge

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

#: Aims of the figures, of those that can be measured.
AT_MOST = {
    "max_axolotl_difference": 1e-3,
    "max_swift_difference": 1e-3,
    "max_target_difference": 1e-3,
    "max_loss_difference": 1e-3,
    "max_first_step_difference": 1e-3,
    "second_pass_positions_scored": 0,
    "second_epoch_positions_scored": 0,
}

#: Of ms-swift: the module of its teacher's client, and what that is made of.
SWIFT_CLIENT = "rlhf_trainers/gkd_trainer.py"
SWIFT_FUNCTIONS = ("fetch_teacher_logprobs", "_build_teacher_session", "_parse_prompt_logprobs")

K = 16
COMPLETION = 32
PROMPT = "Fellow citizens of the"


def say(line):
    print("trainers: " + line, file=sys.stderr, flush=True)


def scored(metrics):
    """Positions whose rows the model computed."""
    page = urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=10).read().decode()
    found = [float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith("lyne_teacher_positions_scored_total")]
    if not found:
        raise SystemExit("trainers: no lyne_teacher_positions_scored_total among the metrics (expected: one a teacher)")
    return sum(found)


def targets(url, sequences, prompts):
    from trl.generation.vllm_client import VLLMClient

    client = VLLMClient(base_url=url, connection_timeout=60.0)
    return client.get_sequence_logprobs(sequences, prompts, top_logprobs=K, temperature=1.0, chunk_size=2)


def axolotl_difference(url, teacher, sequences, prompts, expected):
    """Greatest difference of the targets that axolotl's own collator gets, to what TRL's client got of the same completions."""
    from axolotl.integrations.kd.collator_online_teacher import OnlineTeacherCollator
    from transformers import AutoTokenizer

    collator = OnlineTeacherCollator(
        tokenizer=AutoTokenizer.from_pretrained(teacher),
        kd_online_server_base_url=url,
        kd_online_topk=K,
        kd_normalize_topk=False,
    )
    found = collator.fetch_online_logprobs_vllm(sequences, sequences)
    return difference_to_trls("axolotl", found["target_token_ids"], found["target_logprobs"], sequences, prompts, expected)


def swift_difference(url, sequences, prompts, expected):
    """The same of what ms-swift's distillation trainer gets of a teacher's server."""
    logprobs, ids = swift_fetch()(url, sequences, topk=K)[:2]
    return difference_to_trls("ms-swift", ids.tolist(), logprobs.tolist(), sequences, prompts, expected)


def swift_fetch():
    """ms-swift's own function that asks a teacher's server, taken out of its module, which imports all of its trainers."""
    import torch

    package = importlib.util.find_spec("swift")
    if package is None:
        raise ImportError("No module named 'swift'")
    file = os.path.join(os.path.dirname(package.origin), SWIFT_CLIENT)
    if not os.path.isfile(file):
        raise ImportError(f"no {SWIFT_CLIENT} in ms-swift")
    with open(file) as source:
        tree = ast.parse(source.read())
    own = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in SWIFT_FUNCTIONS]
    if not any(node.name == "fetch_teacher_logprobs" for node in own):
        raise ImportError("no fetch_teacher_logprobs in ms-swift")
    known = {"torch": torch, "logger": logging.getLogger("ms-swift"), "_teacher_session": None, "teacher_model_server_model_name": None}
    exec(compile(ast.Module(own, []), file, "exec", dont_inherit=True), known)
    return known["fetch_teacher_logprobs"]


def difference_to_trls(whose, ids, logprobs, sequences, prompts, expected):
    """Greatest difference of rows of all tokens but the first, which padding may follow, to what TRL's client got of the completions."""
    greatest = 0.0
    compared = 0
    for i, (sequence, prompt) in enumerate(zip(sequences, prompts, strict=True)):
        rows = [dict(zip(*row, strict=True)) for row in zip(ids[i], logprobs[i], strict=True)][prompt - 1 : len(sequence) - 1]
        for row, names, values in zip(rows, expected["logprob_token_ids"][i], expected["logprobs"][i], strict=True):
            shared = [(row[id], value) for id, value in zip(names, values, strict=True) if id in row and math.isfinite(value)]
            if len(shared) < K - 2:
                raise SystemExit(f"trainers: {len(shared)} tokens in common with {whose}'s (expected: {K}, but for ties)")
            greatest = max([greatest] + [abs(one - other) for one, other in shared])
            compared += 1
    say(f"{whose}'s targets differ from TRL's by at most {greatest:.2e} over {compared} positions")
    return greatest


def greatest_difference(one, other):
    """Over log-probabilities that both name at a position, and over the actual tokens'."""
    greatest = 0.0
    for key, ids in (("logprobs", "logprob_token_ids"), ("actual_logprobs", "actual_token_ids")):
        for rows, row_ids, others, other_ids in zip(one[key], one[ids], other[key], other[ids], strict=True):
            for values, names, expected, expected_names in zip(rows, row_ids, others, other_ids, strict=True):
                known = dict(zip(expected_names, expected))
                shared = [(value, known[name]) for value, name in zip(values, names) if name in known and math.isfinite(value)]
                if len(shared) < len(values) - 2:
                    raise SystemExit(f"trainers: {len(shared)} tokens in common (expected: {len(values)}, but for ties)")
                greatest = max([greatest] + [abs(value - other) for value, other in shared])
    return greatest


@contextlib.contextmanager
def first_answer():
    """What TRL's client, as it is, was asked first and answered: a list that is filled with both."""
    from trl.generation.vllm_client import VLLMClient

    own = VLLMClient.get_sequence_logprobs
    noted = []

    def get_sequence_logprobs(self, sequences, *given, **named):
        answer = own(self, sequences, *given, **named)
        if not noted:
            noted.extend(([list(sequence) for sequence in sequences], answer))
        return answer

    VLLMClient.get_sequence_logprobs = get_sequence_logprobs
    try:
        yield noted
    finally:
        VLLMClient.get_sequence_logprobs = own


def train(url, teacher, steps, scratch, fixed=True):
    """Losses of TRL's server distillation trainer as it is, but for its completions, which are fixed where that is asked for."""
    import torch
    from datasets import Dataset
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed
    from trl.experimental.server_distillation import ServerDistillationConfig, ServerDistillationTrainer

    set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(teacher)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    configuration = AutoConfig.from_pretrained(teacher)
    configuration.num_hidden_layers = 2
    student = AutoModelForCausalLM.from_config(configuration).float()
    drawn = random.Random(2)
    completions = iter(
        [[drawn.randrange(1, configuration.vocab_size) for _ in range(COMPLETION)] for _ in range(4 * steps)]
    )

    def generate(input_ids, **unused):
        return torch.cat([input_ids, torch.tensor([next(completions) for _ in input_ids])], dim=1)

    if fixed:
        student.generate = generate
    losses = []

    class Recorded(ServerDistillationTrainer):
        """The trainer as it ships; its losses are noted."""

        def compute_loss(self, *given, **named):
            result = super().compute_loss(*given, **named)
            losses.append(float((result[0] if isinstance(result, tuple) else result).detach()))
            return result

    trainer = Recorded(
        model=student,
        args=ServerDistillationConfig(
            output_dir=os.path.join(scratch, "trl"),
            teacher_model_server_url=url,
            max_steps=steps,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=1,
            max_completion_length=COMPLETION,
            temperature=1.0,
            beta=0.0,
            loss_top_k=K,
            learning_rate=1e-4,
            seed=1,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list([{"prompt": PROMPT}] * steps),
        processing_class=tokenizer,
    )
    trainer.train()
    return losses


def main():
    arguments = argparse.ArgumentParser()
    for name in ("teacher", "scratch", "json"):
        arguments.add_argument("--" + name, required=True)
    for name in ("door", "metrics"):
        arguments.add_argument("--" + name, type=int, required=True)
    arguments.add_argument("--engine", type=int, default=0)
    arguments.add_argument("--steps", type=int, default=10)
    given = arguments.parse_args()

    report = {"not_installed": [] if given.engine else ["vllm"]}
    door = f"http://127.0.0.1:{given.door}"
    engine = f"http://127.0.0.1:{given.engine}"
    random.seed(1)
    with open(os.path.join(given.teacher, "config.json")) as configuration:
        vocabulary = json.load(configuration)["vocab_size"]
    sequences = [[random.randrange(1, vocabulary) for _ in range(48)] for _ in range(8)]
    prompts = [8 + i for i in range(8)]

    first = targets(door, sequences, prompts)
    before = scored(given.metrics)
    second = targets(door, sequences, prompts)
    report["second_pass_positions_scored"] = scored(given.metrics) - before
    try:
        report["max_axolotl_difference"] = axolotl_difference(door, given.teacher, sequences, prompts, first)
    except ImportError as e:
        report["not_installed"].append(f"axolotl: {e}")
    try:
        report["max_swift_difference"] = swift_difference(door, sequences, prompts, first)
    except ImportError as e:
        report["not_installed"].append(f"ms-swift: {e}")
    if first != second:
        raise SystemExit("trainers: a second pass with other targets")
    say(f"TRL's client: {sum(len(rows) for rows in first['logprobs'])} rows; positions scored for the second pass: {report['second_pass_positions_scored']:.0f}")
    if given.engine:
        report["max_target_difference"] = greatest_difference(first, targets(engine, sequences, prompts))
        say(f"targets differ from vLLM's by at most {report['max_target_difference']:.2e}")

    try:
        losses = train(door, given.teacher, given.steps, given.scratch)
        report["steps"] = len(losses)
        report["losses"] = losses
        before = scored(given.metrics)
        again = train(door, given.teacher, given.steps, given.scratch)
        report["second_epoch_positions_scored"] = scored(given.metrics) - before
        if again != losses:
            raise SystemExit("trainers: a second run with other losses")
        with first_answer() as shipped:
            report["steps_as_it_ships"] = len(train(door, given.teacher, given.steps, given.scratch, fixed=False))
        if given.engine:
            with first_answer() as beside:
                train(engine, given.teacher, given.steps, given.scratch, fixed=False)
            if shipped[0] != beside[0]:
                raise SystemExit("trainers: the first step as it ships asks for other sequences of vLLM (expected: the same, as its seed is)")
            report["max_first_step_difference"] = greatest_difference(shipped[1], beside[1])
            say(f"targets of the first step as it ships differ by at most {report['max_first_step_difference']:.2e}")
            others = train(engine, given.teacher, given.steps, given.scratch)
            report["max_loss_difference"] = max(abs(a - b) for a, b in zip(losses, others, strict=True))
            say(f"losses of {len(losses)} steps differ from those against vLLM by at most {report['max_loss_difference']:.2e}")
    except ImportError as e:
        report["not_installed"].append(f"trl's trainer: {e}")
    report_and_judge(report, given.json, AT_MOST, dict.fromkeys(("steps", "steps_as_it_ships"), given.steps))


if __name__ == "__main__":
    main()
