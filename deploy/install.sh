#!/usr/bin/env bash
# Lays out an installation of Lyne, as the container images have it:
#   PREFIX/lyne  PREFIX/lib/*.jar  PREFIX/examples/  PREFIX/native/  PREFIX/libtorch/
# usage: deploy/install.sh PREFIX [cpu|cuda]
# cpu brings PyTorch's libraries along, in libtorch/. cuda leaves them to the host, which names them by PYTORCH_LIBRARY_PATH,
# PYTORCH_VERSION and PYTORCH_FLAVOR; there, `DJL_CACHE_DIR=PREFIX/native PREFIX/lyne doctor` fills native/ once.
# Nothing is written below PREFIX afterwards: it may be owned by root and mounted read-only.
set -euo pipefail
[ $# -ge 1 ] || { echo "usage: deploy/install.sh PREFIX [cpu|cuda]" >&2; exit 2; }
flavour=${2:-cpu}
case $flavour in
  cpu | cuda) ;;
  *) echo "deploy/install.sh: flavour $flavour (expected: cpu or cuda)" >&2; exit 2 ;;
esac
mkdir -p "$1"
prefix=$(cd "$1" && pwd)
[ -z "$(ls -A "$prefix")" ] || { echo "deploy/install.sh: $prefix is not empty (expected: a new or empty folder)" >&2; exit 2; }
mkdir "$prefix/lib" "$prefix/examples"
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mvn -q -B --no-transfer-progress -DskipTests -Dspotless.check.skip -pl cli -am \
  package dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$prefix/lib"
rm -f "$prefix"/lib/lyne-*.jar
for module in proto student-client language-model student-trainer teacher-server loadtest cli; do
  cp "$module/target/lyne-$module"-*.jar "$prefix/lib/"
done
cp lyne "$prefix/"
cp -r examples/state-of-the-union "$prefix/examples/"

natives=("$prefix"/lib/pytorch-native-cpu-*.jar)
if [ "$flavour" = cpu ]; then
  jar=jar
  [ -n "${JAVA_HOME:-}" ] && jar="$JAVA_HOME/bin/jar"
  version=${natives[0]##*/pytorch-native-cpu-}
  mkdir "$prefix/libtorch" "$prefix/unpacked"
  (cd "$prefix/unpacked" && "$jar" xf "${natives[0]}")
  find "$prefix/unpacked" -name '*.so*' -exec mv {} "$prefix/libtorch/" \;
  echo "${version%%-*}" >"$prefix/libtorch/version"
  rm -r "$prefix/unpacked"
fi
rm "${natives[@]}"
if [ "$flavour" = cpu ]; then
  DJL_CACHE_DIR="$prefix/native" "$prefix/lyne" doctor >&2
fi
chmod -R a+rX "$prefix"
