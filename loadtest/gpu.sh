#!/usr/bin/env bash
# Everything that docs/gpu.md asks of a GPU, in one command: does it work, are its rows right, how fast is each part.
#   loadtest/gpu.sh [--device cuda:0] [--out DIR] [--peer-python ENV] [--torch DIR [--jni FILE]]
# Writes a JSON file for each question into DIR (default gpu-out) and report.md with all of them. Asked again, it goes on where it was
# stopped: a question that has its file is not asked twice. Under ten minutes on a GPU. --peer-python: an environment with torch and
# transformers, for the comparison with them; `--device cpu` tries the command itself where there is no GPU.
# --torch: the libtorch that Lyne computes with, as it was unpacked, or the folder `torch` of a Python environment; default: the one that
# PYTORCH_LIBRARY_PATH names, or Lyne's own. Of another version than Lyne's, it wants --jni: a libdjl_torch.so that was built against it from
# the sources of Lyne's version of DJL.
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
torch=""
jni=""
options="--device NAME, --out DIR, --peer-python ENV, --torch DIR or --jni FILE"
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "$1: no value (expected: $options)"
  case $1 in
    --device) device=$2 ;;
    --out) out=$2 ;;
    --peer-python) python=$2 ;;
    --torch) torch=$2 ;;
    --jni) jni=$2 ;;
    *) fail "$1 (expected: $options)" ;;
  esac
  shift 2
done
[ -z "$jni" ] || [ -n "$torch" ] || fail "--jni $jni without --torch (expected: the libtorch that it was built against)"

# Version of a libtorch with its build, such as 2.7.1+cu128: what was unpacked says it in a file, a Python package in a module.
version_of() {
  if [ -f "$1/build-version" ]; then
    cat "$1/build-version"
  elif [ -f "$1/version.py" ]; then
    sed -n "s/^__version__ = '\(.*\)'$/\1/p" "$1/version.py"
  fi
}

# own NAME: a version that Lyne's pom.xml states.
own() {
  sed -n "s|.*<$1>\(.*\)</$1>.*|\1|p" pom.xml
}

mkdir -p "$out"
out=$(realpath "$out")
of=""
if [ -n "$torch" ]; then
  [ -f "$torch/lib/libtorch.so" ] ||
    fail "--torch $torch: no lib/libtorch.so (expected: an unpacked libtorch, or the folder torch of a Python environment)"
  torch=$(realpath "$torch")
  of=$(version_of "$torch")
  [[ $of =~ ^[0-9]+\.[0-9]+\.[0-9]+\+(cpu|cu[0-9]+)$ ]] ||
    fail "--torch $torch: version '$of' (expected: such as 2.7.1+cu128 in its build-version or version.py)"
  [ "$device" = cpu ] || [ -f "$torch/lib/libtorch_cuda.so" ] ||
    fail "--torch $torch: no lib/libtorch_cuda.so (expected: a build for CUDA, for --device $device)"
  export PYTORCH_LIBRARY_PATH=$torch/lib PYTORCH_VERSION=${of%+*} PYTORCH_FLAVOR=${of#*+}
  export LD_LIBRARY_PATH=$torch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  djl=$(own djl.version)
  for there in "$torch/lib/libdjl_torch.so" "$torch/lib/$djl-libdjl_torch.so"; do
    [ ! -e "$there" ] || fail "$there (expected: none, which DJL would take before that of --jni or its own)"
  done
  if [ -n "$jni" ]; then
    [ -f "$jni" ] || fail "--jni $jni: no such file (expected: a libdjl_torch.so)"
    # DJL looks here before it unpacks its own; what it unpacks besides comes here, too.
    export ENGINE_CACHE_DIR=$out/native
    place=$ENGINE_CACHE_DIR/pytorch/$PYTORCH_VERSION-$PYTORCH_FLAVOR-linux-$(uname -m)
    mkdir -p "$place"
    cp "$jni" "$place/$djl-libdjl_torch.so"
  elif [ "$PYTORCH_VERSION" != "$(own pytorch.version)" ]; then
    fail "--torch $torch is $of, without --jni (expected: $(own pytorch.version), or a libdjl_torch.so built against it from DJL $djl)"
  fi
fi
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
about="device $device, commit $commit${of:+, libtorch $of}"
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
