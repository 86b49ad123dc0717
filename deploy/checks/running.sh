# shellcheck shell=bash disable=SC2154
# The checks of deploy/check.sh that start something. Uses check, not_checked, need, work, root and the counters of it.

running() {
  local what="settings, live, slurm, drain" kind line
  need "$what" mvn openssl python3 unshare prometheus || return 0
  check "live: an installation is laid out" deploy/install.sh "$work/lyne" cpu
  [ -x "$work/lyne/lyne" ] || { not_checked "$what" "no installation"; return 0; }
  printf '             sizes, MiB: installation %s, of it PyTorch %s, jars %s, examples %s\n' \
    "$(mebibytes "$work/lyne")" "$(mebibytes "$work/lyne/libtorch")" "$(mebibytes "$work/lyne/lib")" "$(mebibytes "$work/lyne/examples")"

  # A mount and a network namespace: what listens there on 0.0.0.0 is heard there alone.
  local enter=(unshare --mount --net)
  if ! "${enter[@]}" true 2>/dev/null; then
    enter=(unshare --map-root-user --mount --net)
    "${enter[@]}" true 2>/dev/null || { not_checked "$what" "no namespaces (expected: root, or user namespaces)"; return 0; }
  fi
  helm template check deploy/helm/lyne --kube-version 1.31.0 --set insecure=true,students.count=2,diskCache.enabled=true,tracing.endpoint=http://collector:4318 >"$work/chart.yaml" 2>/dev/null || rm -f "$work/chart.yaml"
  helm template check deploy/helm/lyne --kube-version 1.31.0 -f deploy/helm/examples/teachers.yaml >"$work/teachers.yaml" 2>/dev/null || rm -f "$work/teachers.yaml"
  compose-spec -format json deploy/compose.yaml deploy/compose.tls.yaml >"$work/compose.json" 2>/dev/null || rm -f "$work/compose.json"
  deploy/credentials.sh "$work/credentials" teacher localhost 127.0.0.1 || { not_checked "$what" "no credentials"; return 0; }
  while IFS=$'\t' read -r kind line; do
    case $kind in
      ok) passed=$((passed + 1)); printf 'ok           %s\n' "$line" ;;
      FAILED) failed=$((failed + 1)); printf 'FAILED       %s\n' "$line" ;;
      NOT) not_checked "${line%%: *}" "${line#*: }" ;;
      *) printf '             %s\n' "$kind $line" ;;
    esac
  done < <("${enter[@]}" python3 -B deploy/checks/live.py "$root" "$work" "$tools" 2>&1 || printf 'FAILED\tlive: the checks ended early\n')
}

mebibytes() {
  du -sm "$1" | cut -f1
}
