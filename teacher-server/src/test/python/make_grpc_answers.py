"""Messages of the engines' shared gRPC protocol: requests as its contracts encode them; vLLM's answers, recorded from a real one; and SGLang's,
made by its own servicer's functions of the rows that were recorded from a real vLLM over HTTP.

    pip install grpcio protobuf smg-grpc-proto==0.4.28 pybase64 numpy
    pip download smg-grpc-servicer==0.14.1 --no-deps --dest DIR && unzip -d DIR DIR/smg_grpc_servicer-*.whl
    python -m vllm.entrypoints.launchers.grpc_server --model examples/state-of-the-union/teacher --port 50991 --dtype float32
        --max-logprobs 20 --max-model-len 512 --enforce-eager           # with smg-grpc-servicer, grpcio-health-checking, grpcio-reflection
    python teacher-server/src/test/python/make_grpc_answers.py DIR 127.0.0.1:50991

SGLang itself runs on no CPU of this kind; only the functions that turn rows into messages are taken out of the servicer's source, and run as
they are. Writes grpc-ENGINE-*.binpb beside the recorded answers.
"""

import sys
import typing
from pathlib import Path
from types import SimpleNamespace

import grpc
from make_sglang_answers import RESOURCES, TOKENS, functions, recorded
from smg_grpc_proto import sglang_scheduler_pb2, vllm_engine_pb2, vllm_engine_pb2_grpc

K = 4


def write(name, message):
    (RESOURCES / f"grpc-{name}.binpb").write_bytes(message.SerializeToString(deterministic=True))


def vllm(address):
    """What a real vLLM says of itself and of a sequence, and the request that it was asked with."""
    engine = vllm_engine_pb2_grpc.VllmEngineStub(grpc.insecure_channel(address))
    server = engine.GetServerInfo(vllm_engine_pb2.GetServerInfoRequest())
    server.shm_namespace_id = ""  # of the machine
    write("vllm-server", server)
    model = engine.GetModelInfo(vllm_engine_pb2.GetModelInfoRequest())
    model.model_path = model.tokenizer_path = "/models/demo"
    model.served_model_name = "demo"
    write("vllm-model", model)
    write("vllm-health", engine.HealthCheck(vllm_engine_pb2.HealthCheckRequest()))
    for name, logprobs in (("top4", {"logprobs": K + 1, "prompt_logprobs": K + 1}), ("label", {"prompt_logprobs": 0})):
        sampling = vllm_engine_pb2.SamplingParams(temperature=0.0, max_tokens=1, **logprobs)
        request = vllm_engine_pb2.GenerateRequest(
            request_id="r", tokenized=vllm_engine_pb2.TokenizedInput(input_ids=TOKENS), sampling_params=sampling
        )
        (answer,) = engine.Generate(request)
        write(f"vllm-{name}", answer)
        if name == "top4":
            write("vllm-request", request)


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
    vllm(sys.argv[2])
    sglang(packages / "sglang/servicer.py", *rows)


if __name__ == "__main__":
    main()
