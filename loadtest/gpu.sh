#!/usr/bin/env bash
# Everything that docs/gpu.md asks of a GPU, in one command: does it work, are its rows right, how fast is each part.
#   loadtest/gpu.sh [--device cuda:0] [--out DIR] [--peer-python ENV]
# Writes a JSON file for each question into DIR (default gpu-out) and report.md with all of them. Asked again, it goes on where it was
# stopped: a question that has its file is not asked twice. Under ten minutes on a GPU. --peer-python: an environment with torch and
# transformers, for the comparison with them; `--device cpu` tries the command itself where there is no GPU.
# Exit 1 where a question has no answer, or where rows are further from the CPU's than their precision explains.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() {
  echo "gpu.sh: $*" >&2
  exit 1
}

device=cuda:0
out=gpu-out
python=""
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1: no value (expected: --device NAME, --out DIR or --peer-python ENV)"
  case $1 in
    --device) device=$2 ;;
    --out) out=$2 ;;
    --peer-python) python=$2 ;;
    *) fail "$1 (expected: --device NAME, --out DIR or --peer-python ENV)" ;;
  esac
  shift 2
done
mkdir -p "$out"
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
about="device $device, commit $commit"
if [ -f "$out/about.txt" ] && [ "$(cat "$out/about.txt")" != "$about" ]; then
  fail "$out holds figures of $(cat "$out/about.txt") (expected: of $about, or another --out)"
fi
echo "$about" >"$out/about.txt"

failed=()
names=()

# ask NAME COMMAND…: COMMAND writes $out/NAME.json, by way of a file aside that is there only when it succeeded.
ask() {
  local name=$1 status=0
  shift
  names+=("$name")
  if [ -s "$out/$name.json" ]; then
    echo "== $name: there already" >&2
    return
  fi
  echo "== $name ($(date -u +%T)): $*" >&2
  "$@" --json "$out/$name.part" </dev/null >&2 || status=$?
  if [ "$status" -eq 0 ]; then
    mv "$out/$name.part" "$out/$name.json"
  else
    failed+=("$name (exit $status)")
  fi
}

bfloat16=bfloat16
[ "$device" = cpu ] && ! grep -qw avx512_bf16 /proc/cpuinfo && bfloat16=float32 # emulated: it would take minutes

./lyne doctor | tee "$out/doctor.txt" >&2 || failed+=("doctor")
ask parity ./lyne bench parity --device "$device" --precisions "float32,bfloat16"
ask forward ./lyne bench forward --device "$device" --rounds 3
if [ -n "$python" ]; then
  ask against ./lyne bench forward --device "$device" --against transformers --peer-python "$python" \
    --shapes demo,135m --precisions "float32,$bfloat16" --rounds 3
fi
ask serve ./lyne bench serve --device "$device" --precision "$bfloat16" --rounds 3
ask selections ./lyne bench selections --device "$device" --sequences 2 --rounds 3
ask loss ./lyne bench loss --device "$device" --loss forward_kl --pairs 5 --stream-pairs 6
ask student ./lyne train --device "$device" --alpha 0 --steps 60 --samples 0 --from-start --out "$out/student" \
  --student examples/state-of-the-union/student.config.json --tokenizer examples/state-of-the-union/teacher \
  --corpus examples/state-of-the-union/train.jsonl.gz --cache "$out/tokens"

{
  printf '# Figures of %s, %s\n' "$about" "$(date -u +%F)"
  for name in "${names[@]}"; do
    [ -s "$out/$name.json" ] || continue
    printf '\n## %s\n\n<!-- bench %s -->\n<!-- end of bench %s -->\n' "$name" "$name" "$name"
  done
  printf '\n## doctor\n\n```\n%s\n```\n' "$(cat "$out/doctor.txt")"
} >"$out/report.md"
for name in "${names[@]}"; do
  [ -s "$out/$name.json" ] || continue
  ./lyne bench write --name "$name" --figures "$out/$name.json" --into "$out/report.md"
done
echo "report: $out/report.md" >&2
[ ${#failed[@]} -eq 0 ] || fail "no answer: ${failed[*]}"
