#!/usr/bin/env bash
# Builds the Linux wheel of the Python package and installs it into a fresh virtual environment, where the native decoder must load.
#   build.sh            the wheel, in python/dist
#   build.sh --inplace  the native decoder alone, into the source tree, for pip install -e
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
python=${PYTHON:-python3}

if [ "${1:-}" = --inplace ]; then
  (cd "$here/native" && cargo build --release)
  cp "$here/native/target/release/lib_native.so" "$here/lyne/_native.abi3.so"
  exit 0
fi
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$here/dist" "$here"
wheel=$(ls -t "$here"/dist/lyne-*.whl | head -1)
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$python" -m venv --system-site-packages "$environment"
"$environment/bin/pip" install --quiet --no-deps --force-reinstall "$wheel"
(cd "$environment" && bin/python -c 'import lyne.wire as w; assert w.is_native(), "no native decoder"')
echo "$wheel"
