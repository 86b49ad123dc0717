#!/usr/bin/env bash
# Lints the contract with buf (needs Node). google.rpc.Status comes from the same Maven artefact as in the build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mvn -q -B --no-transfer-progress -f ../pom.xml -N dependency:unpack \
  -Dartifact=com.google.api.grpc:proto-google-common-protos:2.80.0 \
  -Dmdep.unpack.includes=google/rpc/status.proto,google/rpc/error_details.proto -DoutputDirectory="$PWD/target/google-protos"
npx --yes @bufbuild/buf@1.75.0 lint
