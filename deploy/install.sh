#!/usr/bin/env bash
# Lays out an installation of Lyne, as the container images have it:
#   PREFIX/lyne  PREFIX/lib/*.jar  PREFIX/examples/
# usage: deploy/install.sh PREFIX [cpu|cuda]
# cpu brings PyTorch's native libraries along; cuda leaves them to the host, which names them by PYTORCH_LIBRARY_PATH.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: deploy/install.sh PREFIX [cpu|cuda]" >&2; exit 2; }
flavour=${2:-cpu}
case $flavour in
  cpu) exclude=() ;;
  cuda) exclude=(-DexcludeArtifactIds=pytorch-native-cpu) ;;
  *) echo "deploy/install.sh: flavour $flavour (expected: cpu or cuda)" >&2; exit 2 ;;
esac
mkdir -p "$1/lib"
prefix=$(cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mvn -q -B --no-transfer-progress -DskipTests -Dspotless.check.skip -Djacoco.skip \
  package dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$prefix/lib" "${exclude[@]}"
for module in proto language-model teacher-server student-client loadtest cli; do
  cp "$module/target/lyne-$module"-*.jar "$prefix/lib/"
done
cp lyne "$prefix/"
cp -r examples "$prefix/"
