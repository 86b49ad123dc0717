#!/usr/bin/env bash
# TRL's own teacher client and server distillation trainer, unmodified, against `serve --http`; against vLLM, too, where it is installed.
#
#   loadtest/trainers.sh install DIR          TRL 1.16, axolotl 0.19 and ms-swift 4.2 into DIR, beside the engine of loadtest/engines.sh (ENGINE_HOME)
#   loadtest/trainers.sh --json FILE          measures; TRAINER_HOME and ENGINE_HOME say where they are
#                                             (default: ~/.cache/lyne/trainer and ~/.cache/lyne/engine)
#
# The report: max_target_difference and max_loss_difference (to vLLM), second_pass_positions_scored and second_epoch_positions_scored
# (0: what was scored once is not scored again), max_axolotl_difference and max_swift_difference (of their own targets, to those of TRL's client), steps_as_it_ships, max_first_step_difference (its targets of the first step as it ships, to vLLM's), not_installed. Exit code 1 where a figure misses its aim. The servers listen on loopback and end with the script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
engine_home=${ENGINE_HOME:-$HOME/.cache/lyne/engine}
fail() { echo "trainers: $*" >&2; exit 1; }

install() {
  mkdir -p "$1"
  cd "$1"
  [ -x "$engine_home/venv/bin/python" ] || fail "no engine in $engine_home (expected: one, by loadtest/engines.sh install $engine_home; TRL's client asks for vLLM)"
  "$engine_home/venv/bin/python" -m venv venv
  local packages='import sysconfig; print(sysconfig.get_paths()["purelib"])'
  "$engine_home/venv/bin/python" -c "$packages" > "$(venv/bin/python -c "$packages")/engine.pth" # torch and vLLM are there
  venv/bin/pip install -q trl==1.16.0
  # axolotl's client of a teacher, and what it imports; all that it asks for beside would take PyTorch's place.
  venv/bin/pip install -q --no-deps axolotl==0.19.0 peft addict orjson colorama posthog distro zstandard==0.22.0 backports.zstd
  # ms-swift, for its client of a teacher: the last version whose distillation asks other servers than its own. trainers.py runs its
  # functions alone, not its imports.
  venv/bin/pip install -q --no-deps ms-swift==4.2.0
  echo "trainers: TRL and the clients of axolotl and ms-swift are in $1" >&2
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

measure() {
  local report=$1 home=${TRAINER_HOME:-$HOME/.cache/lyne/trainer} teacher=$here/examples/state-of-the-union/teacher
  [ -x "$home/venv/bin/python" ] || fail "no TRL in $home (expected: it, by loadtest/trainers.sh install $home, or TRAINER_HOME)"
  scratch=$(mktemp -d)
  trap 'rc=$?; for pid in ${lyne_pid:-} ${engine_pid:-}; do kill "$pid" 2>/dev/null || true; done; [ $rc = 0 ] && rm -rf "$scratch" || echo "trainers: logs are in $scratch" >&2; exit $rc' EXIT
  local door metrics engine=0
  door=$(free_port)
  metrics=$(free_port)
  "${LYNE:-$here/lyne}" serve --teacher "$teacher" --name demo --listen 127.0.0.1:0 --http "127.0.0.1:$door" --metrics "127.0.0.1:$metrics" \
    > "$scratch/ready" 2> "$scratch/lyne.log" &
  lyne_pid=$!
  if [ -x "$engine_home/venv/bin/vllm" ]; then
    engine=$(free_port)
    VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 VLLM_CPU_OMP_THREADS_BIND=0-$(($(nproc) - 1)) \
      "$engine_home/venv/bin/vllm" serve "$teacher" --host 127.0.0.1 --port "$engine" --dtype float32 --max-logprobs 100 \
      --max-model-len 512 --enforce-eager --served-model-name demo > "$scratch/vllm.log" 2>&1 &
    engine_pid=$!
    for _ in $(seq 600); do
      python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$engine/health', timeout=5)" 2> /dev/null && break
      kill -0 "$engine_pid" 2> /dev/null || fail "vLLM did not start: $(tail -n 3 "$scratch/vllm.log")"
      sleep 1
    done
  fi
  for _ in $(seq 600); do
    grep -q listening "$scratch/ready" && break
    kill -0 "$lyne_pid" 2> /dev/null || fail "Lyne did not start: $(tail -n 3 "$scratch/lyne.log")"
    sleep 0.5
  done
  "$home/venv/bin/python" "$here/loadtest/trainers.py" --teacher "$teacher" --scratch "$scratch" --json "$report" --door "$door" \
    --metrics "$metrics" --engine "$engine"
}

case "${1:-}" in
  install) [ $# = 2 ] || fail "install (expected: a directory)"; install "$2" ;;
  --json) [ $# = 2 ] || fail "--json (expected: a file, or - for stdout)"; measure "$2" ;;
  *) fail "${1:-no argument} (expected: install DIR, or --json FILE)" ;;
esac
