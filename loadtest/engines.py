"""What engines.sh measures: a real engine, asked directly and through Lyne. Runs in the engine's own Python.

Every consumer sends the request that trainers send (POST /v1/completions with prompt_logprobs), decodes the answer and discards it; the
same code asks the engine and Lyne's HTTP door. Lyne's own teacher of the same model is asked as its students do, over gRPC.

Exit code 1, after the report is written, where a figure misses its aim.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import signal
import struct
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request

import msgspec
from aims import report_and_judge

#: Aims of the figures.
AT_MOST = {"max_difference_nats": 1e-3, "rows_after_other_weights": 0}
AT_LEAST = {"engine_with_lyne_over_engine": 3.5, "coverage": 1.0}

TOKENS = 256
K = 64

#: Of a piece of text: below what the door takes of a prompt.
CHARACTERS = 8_000


def say(line):
    print("engines: " + line, file=sys.stderr, flush=True)


def windows(corpus, tokenizer_port, count, skip=0):
    """Token sequences of the example's held-out text, cut to one length."""
    import gzip

    ids = []
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        for line in lines:
            for part in textwrap.wrap(json.loads(line)["text"], CHARACTERS):
                ids += post(tokenizer_port, "/tokenize", {"prompt": part, "add_special_tokens": False})["tokens"]
            if len(ids) >= (count + skip) * TOKENS:
                break
    sequences = [ids[i * TOKENS : (i + 1) * TOKENS] for i in range(skip, skip + count)]
    if len(sequences[-1]) < TOKENS:
        raise SystemExit(f"engines: {corpus} has too few tokens for {count} sequences of {TOKENS}")
    return sequences


def post(port, path, body, timeout=600):
    return json.loads(post_bytes(port, path, body, timeout))


def post_bytes(port, path, body, timeout=600):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        data = response.read()
        if response.status != 200:
            raise OSError(f"{path} answers {response.status}: {data[:300]!r}")
        return data
    finally:
        connection.close()


def rows_request(tokens, k=K):
    return {"model": "demo", "prompt": tokens, "max_tokens": 1, "temperature": 0, "prompt_logprobs": k}


def consumer(port, sequences, start, results, in_flight=8):
    """Asks for every sequence, several at a time, decodes and discards."""
    positions = 0
    received = 0
    lock = threading.Lock()
    todo = iter(sequences)

    def work():
        nonlocal positions, received
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        while True:
            with lock:
                tokens = next(todo, None)
            if tokens is None:
                return
            connection.request("POST", "/v1/completions", json.dumps(rows_request(tokens)), {"content-type": "application/json"})
            response = connection.getresponse()
            data = response.read()
            if response.status != 200:
                raise OSError(f"answers {response.status}: {data[:300]!r}")
            rows = msgspec.json.decode(data)["choices"][0]["prompt_logprobs"]
            with lock:
                positions += len(rows) - 1
                received += len(data)

    start.wait()
    threads = [threading.Thread(target=work) for _ in range(in_flight)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((positions, received))


def together(port, sequences, consumers):
    """Positions a second over all consumers, which start together, and bytes a position."""
    start = multiprocessing.Event()
    results = multiprocessing.Queue()
    processes = [
        multiprocessing.Process(target=consumer, args=(port, sequences, start, results)) for _ in range(consumers)
    ]
    for process in processes:
        process.start()
    time.sleep(2)
    begun = time.monotonic()
    start.set()
    outcomes = [results.get(timeout=1200) for _ in processes]
    seconds = time.monotonic() - begun
    for process in processes:
        process.join()
    positions = sum(outcome[0] for outcome in outcomes)
    if positions != consumers * sum(len(tokens) - 1 for tokens in sequences):
        raise SystemExit(f"engines: {positions} positions (expected: all of them)")
    return positions / seconds, sum(outcome[1] for outcome in outcomes) / positions


def served(address, seconds):
    """Positions a second of Lyne's own teacher over gRPC, compact rows that nobody asked for before, a few sequences in flight, which keep
    the device busy. Each block is checked and decoded."""
    command = [
        os.environ["LYNE"], "load", "--teacher", address, "--students", "4", "--in-flight", "2", "--tokens", str(TOKENS),
        "--selection", f"top_k={K}", "--decode", "--warm-up", "10", "--duration", str(seconds), "--json", "-",
    ]  # fmt: skip
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(f"engines: {' '.join(command)} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    result = json.loads(done.stdout)
    step = result["steps"][0]
    if step["failed"] or step["hit_ratio"] > 0.01:
        raise SystemExit(f"engines: {step['failed']} sequences failed, {step['hit_ratio']} of the rows were hits (expected: 0)")
    return step["positions_per_second"]


def difference(one, other, sequences):
    """Greatest difference of log-probabilities that both name, over labels and entries, and the number of positions."""
    greatest = 0.0
    positions = 0
    for tokens in sequences:
        rows, others = (
            post(port, "/v1/completions", rows_request(tokens))["choices"][0]["prompt_logprobs"] for port in (one, other)
        )
        for token, row, expected in zip(tokens[1:], rows[1:], others[1:]):
            positions += 1
            if str(token) not in row or str(token) not in expected:
                raise SystemExit("engines: a row without its label")
            shared = row.keys() & expected.keys()
            if len(shared) < K - 2:
                raise SystemExit(f"engines: {len(shared)} entries in common (expected: {K}, but for ties)")
            greatest = max(greatest, max(abs(row[id]["logprob"] - expected[id]["logprob"]) for id in shared))
    return greatest, positions


class Engine:
    def __init__(self, directory, home, port, log):
        self.home, self.port, self.log, self.process = home, port, log, None
        self.directory = directory

    def start(self, model):
        environment = dict(
            os.environ,
            VLLM_CPU_KVCACHE_SPACE="1",
            HF_HUB_OFFLINE="1",
            VLLM_NO_USAGE_STATS="1",
            DO_NOT_TRACK="1",
            VLLM_CPU_OMP_THREADS_BIND=f"0-{os.cpu_count() - 1}",
        )
        command = [
            os.path.join(self.home, "venv/bin/vllm"), "serve", model, "--host", "127.0.0.1", "--port", str(self.port),
            "--dtype", "float32", "--max-logprobs", "100", "--max-model-len", "512", "--enforce-eager",
            "--served-model-name", "demo",
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=self.log, start_new_session=True, cwd=self.home
        )
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit("engines: the engine ended at its start; its log says why")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5)
                break
            except OSError:
                time.sleep(1)
        post(self.port, "/v1/completions", rows_request([1, 2, 3]))  # the first request compiles
        say(f"the engine is up with {model}")

    def kill(self):
        """As a crash: the whole process group at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def other_weights(source, directory):
    """The same model with its output moved a little: each weight of a tensor times 1.05."""
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(source):
        if name != "model.safetensors" and os.path.isfile(os.path.join(source, name)):
            with open(os.path.join(source, name), "rb") as read, open(os.path.join(directory, name), "wb") as written:
                written.write(read.read())
    with open(os.path.join(source, "model.safetensors"), "rb") as read:
        data = bytearray(read.read())
    header_bytes = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + header_bytes])
    name = next(name for name in header if name.endswith("norm.weight") and ".layers." not in name)
    tensor = header[name]
    begin, end = (8 + header_bytes + offset for offset in tensor["data_offsets"])
    if tensor["dtype"] == "F32":
        values = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
        data[begin:end] = struct.pack(f"<{len(values)}f", *(value * 1.05 for value in values))
    else:  # 16 bits: the exponent and the upper bits of the fraction
        values = struct.unpack(f"<{(end - begin) // 2}H", data[begin:end])
        data[begin:end] = struct.pack(f"<{len(values)}H", *(value ^ 0x0008 for value in values))
    with open(os.path.join(directory, "model.safetensors"), "wb") as written:
        written.write(data)
    return directory


def metric(port, name):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(name))


def under_load(door, sequences, disturb):
    """Share of the positions that were asked for and answered while something is done to the engine."""
    answered = []
    failures = []
    lock = threading.Lock()
    todo = iter(sequences)

    def work():
        while True:
            with lock:
                tokens = next(todo, None)
            if tokens is None:
                return
            try:
                rows = post(door, "/v1/completions", rows_request(tokens))["choices"][0]["prompt_logprobs"]
                with lock:
                    answered.append(len(rows) - 1)
            except OSError as e:
                with lock:
                    failures.append(str(e))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(answered) < 8 and any(thread.is_alive() for thread in threads):
        time.sleep(0.05)
    disturb()
    for thread in threads:
        thread.join()
    for failure in failures[:3]:
        say("not answered: " + failure)
    return sum(answered) / sum(len(tokens) - 1 for tokens in sequences)


def rows_after_other_weights(door, own, metrics, fresh, swap):
    """Rows that differ from the model's own, of all that are answered while the engine is killed, started with other weights, found out, and
    for a while after; and how many there were. Sequences that nobody asked for before are in flight all the time."""
    answered = []
    lock = threading.Lock()
    over = threading.Event()

    def work():
        while not over.is_set():
            with lock:
                tokens = next(fresh)
            try:
                rows = post(door, "/v1/completions", rows_request(tokens), timeout=20)["choices"][0]["prompt_logprobs"]
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)  # not answered, as it should be once the engine is another
                continue
            with lock:
                answered.append((tokens, rows))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        while len(answered) < 8:
            time.sleep(0.05)
        before = len(answered)
        swap()
        for _ in range(240):
            if metric(metrics, "lyne_teacher_engine_other_weights") == 1:
                break
            time.sleep(0.5)
        else:
            raise SystemExit("engines: the other weights were not found out")
        time.sleep(10)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    say(f"{before} sequences were answered before the engine was killed, {len(answered) - before} since")
    others = 0
    for tokens, rows in answered:
        expected = post(own, "/v1/completions", rows_request(tokens))["choices"][0]["prompt_logprobs"]
        others += sum(differ(*pair) for pair in zip(rows[1:], expected[1:]))
    return others, sum(len(rows) - 1 for _, rows in answered)


def differ(row, expected):
    """Whether a row is another model's: both engines' arithmetic stays within a tenth of this."""
    return any(abs(row[id]["logprob"] - expected[id]["logprob"]) > 0.01 for id in row.keys() & expected.keys())


def require_tells(engine_port, own, tokens):
    """Rows of the other weights are seen to be others, or to count them would show nothing."""
    rows, expected = (post(port, "/v1/completions", rows_request(tokens))["choices"][0]["prompt_logprobs"] for port in (engine_port, own))
    told = sum(differ(*pair) for pair in zip(rows[1:], expected[1:]))
    if told < len(tokens) // 2:
        raise SystemExit(f"engines: {told} of {len(tokens) - 1} rows of other weights told from the model's (expected: most)")


def main():
    arguments = argparse.ArgumentParser()
    for name in ("engine-home", "teacher", "corpus", "scratch", "json"):
        arguments.add_argument("--" + name, required=True)
    for name in ("engine-port", "door", "metrics", "own-door"):
        arguments.add_argument("--" + name, type=int, required=True)
    arguments.add_argument("--own", required=True)
    arguments.add_argument("--positions", type=int, default=20_000)
    arguments.add_argument("--sequences", type=int, default=96)
    arguments.add_argument("--log", required=True)
    given = arguments.parse_args()

    with open(given.log, "a") as log:
        engine = Engine(given.scratch, given.engine_home, given.engine_port, log)
        lyne = None
        report = {"tokens": TOKENS, "k": K}
        try:
            engine.start(given.teacher)
            lyne = subprocess.Popen(
                [
                    os.environ["LYNE"], "serve", "--teacher", f"vllm:http://127.0.0.1:{given.engine_port}",
                    "--model", given.teacher, "--identity", os.path.join(given.scratch, "identity.json"), "--name", "demo",
                    "--listen", "127.0.0.1:0", "--http", f"127.0.0.1:{given.door}", "--metrics", f"127.0.0.1:{given.metrics}",
                    "--probe-seconds", "5", "--engine-in-flight", "32",
                ],
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
            say("Lyne: " + lyne.stdout.readline().decode().strip())
            count = -(-given.positions // (TOKENS - 1))
            sequences = windows(given.corpus, given.own_door, max(count, 3 * given.sequences + 64))
            greatest, positions = difference(given.door, given.own_door, sequences[:count])
            report["max_difference_nats"] = greatest
            report["compared_positions"] = positions
            say(f"rows differ by at most {greatest:.2e} nats over {positions} positions")

            fresh = sequences[count:] if len(sequences) - count >= given.sequences else sequences
            corpus = [tokens[::-1] for tokens in fresh[: given.sequences]]  # that nobody asked for yet
            before = served(given.own, 30)
            alone, engine_bytes = together(given.engine_port, corpus, 4)
            own = (before + served(given.own, 30)) / 2
            say(f"Lyne's own teacher over gRPC: {own:.0f} positions/s, before and after the engine")
            say(f"engine alone: {alone:.0f} positions/s for four consumers, {engine_bytes:.0f} bytes a position")
            with_lyne, door_bytes = together(given.door, corpus, 4)
            say(f"engine and Lyne: {with_lyne:.0f} positions/s, {door_bytes:.0f} bytes a position")
            blocks = post(given.door, "/v1/completions", dict(rows_request(corpus[0]), format="lyne.block"))
            block_bytes = sum(3 * len(block) // 4 for block in blocks["choices"][0]["blocks"]) / TOKENS
            report["served_positions_per_second"] = own
            report["served_over_engine"] = own / alone
            report["engine_positions_per_second"] = alone
            report["engine_with_lyne_positions_per_second"] = with_lyne
            report["engine_with_lyne_over_engine"] = with_lyne / alone
            report["bytes_per_position"] = {"engine": engine_bytes, "http": door_bytes, "exact_block": block_bytes}

            def crash():
                engine.kill()
                engine.start(given.teacher)

            with open(os.path.join(given.teacher, "config.json")) as configuration:
                vocabulary = json.load(configuration)["vocab_size"]
            moved = [[(id + 1) % vocabulary for id in tokens] for tokens in fresh[: given.sequences]]
            report["coverage"] = under_load(given.door, moved, crash)
            say(f"coverage over a crash of the engine: {report['coverage']}")

            other = other_weights(given.teacher, os.path.join(given.scratch, "other-weights"))

            def swap():
                engine.kill()
                engine.start(other)

            never = ([(id + shift) % vocabulary for id in tokens] for shift in range(2, vocabulary) for tokens in fresh)
            found, compared = rows_after_other_weights(given.door, given.own_door, given.metrics, never, swap)
            require_tells(given.engine_port, given.own_door, fresh[0])
            report["rows_after_other_weights"] = found
            report["rows_compared_over_other_weights"] = compared
            say(f"rows of other weights that were served: {found} of {compared}")
        finally:
            if lyne is not None:
                lyne.terminate()
                lyne.wait()
            if engine.process is not None and engine.process.poll() is None:
                engine.kill()
    report_and_judge(report, given.json, AT_MOST, AT_LEAST)


if __name__ == "__main__":
    main()
