#!/usr/bin/env bash
# Runs the project's JMH benchmarks; arguments are JMH's own:  loadtest/jmh.sh BlockCodec -p precision=COMPACT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mvn -q -B --no-transfer-progress -pl loadtest -am -DskipTests -Dspotless.check.skip -Djacoco.skip test-compile >&2
mvn -q -B --no-transfer-progress -pl loadtest dependency:build-classpath -DincludeScope=test -Dmdep.outputFile=target/test.classpath >&2
java=java
[ -n "${JAVA_HOME:-}" ] && java="$JAVA_HOME/bin/java"
modules=$(printf '%s/target/classes:' loadtest proto language-model teacher-server student-client)
exec "$java" -cp "loadtest/target/test-classes:$modules$(cat loadtest/target/test.classpath)" org.openjdk.jmh.Main "$@"
