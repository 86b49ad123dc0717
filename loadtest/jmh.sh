#!/usr/bin/env bash
# Runs the project's JMH benchmarks; arguments are JMH's own:  loadtest/jmh.sh BlockCodec -p precision=COMPACT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mvn -q -B --no-transfer-progress -pl loadtest -am -DskipTests -Dspotless.check.skip \
  test-compile dependency:build-classpath -DincludeScope=test -Dmdep.outputFile=target/test.classpath >&2
java=java
[ -n "${JAVA_HOME:-}" ] && java="$JAVA_HOME/bin/java"
exec "$java" -cp "loadtest/target/test-classes:loadtest/target/classes:$(cat loadtest/target/test.classpath)" org.openjdk.jmh.Main "$@"
