#!/usr/bin/env bash
# Builds a wheel of the Python package into python/dist.
#   build.sh            for Linux; installs it into a fresh virtual environment, where the native decoder must load
#   build.sh --macos    for macOS, on a Mac with cibuildwheel, as pyproject.toml configures it. UNTESTED: none has ever been built
#   build.sh --inplace  the native decoder alone, into the source tree, for pip install -e
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
python=${PYTHON:-python3}

case "$*" in
  "") ;;
  --inplace)
    (cd "$here/native" && cargo build --release)
    cp "$here/native/target/release/lib_native.so" "$here/lyne/_native.abi3.so"
    exit 0
    ;;
  --macos)
    [ "$(uname -s)" = Darwin ] || { echo "python/build.sh: --macos on $(uname -s) (expected: on a Mac)" >&2; exit 1; }
    "$python" -m cibuildwheel --platform macos --output-dir "$here/dist" "$here"
    exit 0
    ;;
  *) echo "python/build.sh: $* (expected: nothing, --macos or --inplace)" >&2; exit 2 ;;
esac
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$here/dist" "$here"
wheel=$(ls -t "$here"/dist/lyne-*.whl | head -1)
environment=$(mktemp -d)
trap 'rm -rf "$environment"' EXIT
"$python" -m venv --system-site-packages "$environment"
"$environment/bin/pip" install --quiet --no-deps --force-reinstall "$wheel"
(cd "$environment" && bin/python -c 'import lyne.wire as w; assert w.is_native(), "no native decoder"')
echo "$wheel"
