#!/usr/bin/env bash
# Tests the Python package in a virtual environment of its own, python/.venv, into which it installs what they need: PyTorch among it,
# some five gigabytes. Builds the native decoder. Needs Python 3.10 or newer with its venv, Rust, and ./lyne or what builds it.
# usage: python/check.sh [--all | --needs]
#   --all    also the tests that are marked slow
#   --needs  only whether Python and Rust are there
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
python=${PYTHON:-python3}
marks=(-m "not slow")
needs=
for argument; do
  case $argument in
    --all) marks=() ;;
    --needs) needs=1 ;;
    *) echo "python/check.sh: $argument (expected: --all or --needs)" >&2; exit 2 ;;
  esac
done

fail() {
  echo "python/check.sh: $*" >&2
  exit 1
}
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
  fail "no Python 3.10 or newer with venv as '$python' (expected: one; PYTHON names another)"
for command in cargo rustc; do
  "$command" --version >/dev/null 2>&1 || fail "no $command (expected: Rust, which builds the native decoder)"
done
[ -z "$needs" ] || exit 0

environment=$here/.venv
[ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
# Nothing is kept outside: neither wheels nor crates.
export CARGO_HOME="$environment/cargo"
"$environment/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check uv
"$environment/bin/uv" pip install --quiet --no-cache --python "$environment/bin/python" -e "${here}[test]"
"$environment/bin/python" -c 'import lyne.wire; assert lyne.wire.is_native(), "no native decoder (expected: Rust builds it)"'

cd "$here"
"$environment/bin/ruff" check .
"$environment/bin/ruff" format --check .
types=$(mktemp)
trap 'rm -f "$types"' EXIT
"$environment/bin/mypy" >"$types" 2>&1 & # a minute, which the tests leave a core for
typing=$!
# They wait for other processes most of the time: three at a time, each file's in one worker, since they share what it starts.
OMP_NUM_THREADS=1 "$environment/bin/python" -m pytest -n 3 --dist loadscope --no-loadscope-reorder --durations=10 "${marks[@]}"
wait "$typing" || { cat "$types" >&2; fail "the type checker found faults"; }
(cd native && cargo test --quiet --release --no-default-features) # a million mutated blocks: a quarter of a minute
