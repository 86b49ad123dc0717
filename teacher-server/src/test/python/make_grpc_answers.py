"""Messages of the engines' shared gRPC protocol: requests as its contracts encode them, and answers that its own servicers' functions make of
the rows that were recorded from a real vLLM.

    pip install grpcio protobuf smg-grpc-proto==0.4.28
    pip download smg-grpc-servicer==0.14.1 --no-deps --dest DIR && unzip -d DIR DIR/smg_grpc_servicer-*.whl
    python teacher-server/src/test/python/make_grpc_answers.py DIR

The servicers import the engines, which are not here; only the functions that turn rows into messages are taken out of their source, and run as
they are. Writes grpc-ENGINE-*.binpb beside the recorded answers.
"""

import itertools
import sys
import typing
from pathlib import Path
from types import SimpleNamespace

from make_sglang_answers import RESOURCES, TOKENS, functions, recorded
from smg_grpc_proto import sglang_scheduler_pb2, vllm_engine_pb2

K = 4


def write(name, message):
    (RESOURCES / f"grpc-{name}.binpb").write_bytes(message.SerializeToString(deterministic=True))


def vllm(servicer, labels, best, last):
    known = {**vars(typing), "itertools": itertools, "vllm_engine_pb2": vllm_engine_pb2}
    known |= {name: object for name in ("SampleLogprobs", "PromptLogprobs")}
    names = ("_build_top_logprobs", "_build_output_logprobs", "_build_input_logprobs")
    functions(servicer, names, known)
    known["VllmEngineServicer"] = SimpleNamespace(**{name: known[name] for name in names})

    def entry(actual, logprob, row):
        """As vLLM has it: the actual token first, then by rank."""
        return {actual: SimpleNamespace(logprob=logprob), **{token: SimpleNamespace(logprob=lp) for token, lp in row if token != actual}}

    prompt = [None, *(entry(TOKENS[i + 1], labels[i], best[i]) for i in range(len(best)))]
    # One more than is kept is asked for: the recorded rows have none of rank 5, so that all of them are cut to what is there.
    complete = vllm_engine_pb2.GenerateComplete(
        output_ids=[last[0][0]],
        finish_reason="length",
        prompt_tokens=len(TOKENS),
        completion_tokens=1,
        input_logprobs=known["_build_input_logprobs"](prompt, TOKENS, K + 1),
        output_logprobs=known["_build_output_logprobs"]([entry(*last[0], last)], [last[0][0]], K + 1),
    )
    write("vllm-top4", vllm_engine_pb2.GenerateResponse(complete=complete))
    bare = vllm_engine_pb2.GenerateComplete(input_logprobs=known["_build_input_logprobs"](prompt, TOKENS, 0))
    write("vllm-label", vllm_engine_pb2.GenerateResponse(complete=bare))
    sampling = vllm_engine_pb2.SamplingParams(temperature=0.0, max_tokens=1, logprobs=K + 1, prompt_logprobs=K + 1)
    write(
        "vllm-request",
        vllm_engine_pb2.GenerateRequest(
            request_id="r", tokenized=vllm_engine_pb2.TokenizedInput(input_ids=TOKENS), sampling_params=sampling
        ),
    )
    write("vllm-server", vllm_engine_pb2.GetServerInfoResponse(server_type="vllm-grpc", uptime_seconds=3.5))
    write(
        "vllm-model",
        vllm_engine_pb2.GetModelInfoResponse(model_path="/models/demo", served_model_name="demo", max_context_length=512, vocab_size=4096),
    )
    write("vllm-health", vllm_engine_pb2.HealthCheckResponse(healthy=True, message="OK"))


def sglang(servicer, labels, best, last):
    known = {**vars(typing), "sglang_scheduler_pb2": sglang_scheduler_pb2}
    names = ("_convert_output_logprobs_to_proto", "_convert_input_logprobs_to_proto")
    functions(servicer.with_name("request_manager.py"), ("_validate_token_ids_logprobs",), known)
    functions(servicer, names, known)
    said = SimpleNamespace()
    inputs = {
        "token_logprobs_val": [None, *labels],
        "token_logprobs_idx": TOKENS,
        "top_logprobs_val": [None, *([logprob for _, logprob in row] for row in best)],
        "top_logprobs_idx": [None, *([token for token, _ in row] for row in best)],
    }
    outputs = {
        "token_logprobs_val": [last[0][1]],
        "token_logprobs_idx": [last[0][0]],
        "top_logprobs_val": [[logprob for _, logprob in last]],
        "top_logprobs_idx": [[token for token, _ in last]],
    }
    complete = sglang_scheduler_pb2.GenerateComplete(
        output_ids=[last[0][0]],
        finish_reason="length",
        prompt_tokens=len(TOKENS),
        completion_tokens=1,
        input_logprobs=known["_convert_input_logprobs_to_proto"](said, inputs),
        output_logprobs=known["_convert_output_logprobs_to_proto"](said, outputs),
    )
    write("sglang-top4", sglang_scheduler_pb2.GenerateResponse(request_id="r", complete=complete))
    bare = {**inputs, "top_logprobs_val": [], "top_logprobs_idx": []}
    complete = sglang_scheduler_pb2.GenerateComplete(input_logprobs=known["_convert_input_logprobs_to_proto"](said, bare))
    write("sglang-label", sglang_scheduler_pb2.GenerateResponse(request_id="r", complete=complete))
    sampling = sglang_scheduler_pb2.SamplingParams(temperature=0.0, top_p=1.0, top_k=-1, repetition_penalty=1.0, max_new_tokens=1, n=1)
    write(
        "sglang-request",
        sglang_scheduler_pb2.GenerateRequest(
            request_id="r",
            tokenized=sglang_scheduler_pb2.TokenizedInput(input_ids=TOKENS),
            sampling_params=sampling,
            return_logprob=True,
            logprob_start_len=0,
            top_logprobs_num=K,
        ),
    )
    write("sglang-server", sglang_scheduler_pb2.GetServerInfoResponse(sglang_version="0.5.23", server_type="grpc"))
    write(
        "sglang-model",
        sglang_scheduler_pb2.GetModelInfoResponse(model_path="/models/demo", max_context_length=512, vocab_size=4096),
    )
    write("sglang-health", sglang_scheduler_pb2.HealthCheckResponse(healthy=True))


def main():
    packages = Path(sys.argv[1]) / "smg_grpc_servicer"
    rows = recorded("rows-top4.json")
    vllm(packages / "vllm/servicer.py", *rows)
    sglang(packages / "sglang/servicer.py", *rows)


if __name__ == "__main__":
    main()
