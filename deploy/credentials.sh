#!/usr/bin/env bash
# Makes what a teacher and its students need to trust each other, by openssl, for a year:
#   DIR/ca.pem      the authority's certificate, which students believe (--tls-ca)
#   DIR/server.pem  the teacher's certificate, for the names given; DIR/server.key its key (--tls-cert, --tls-key)
#   DIR/tokens      hashes of tokens that the teacher knows (--token-file of serve); DIR/token one of them, for students (their --token-file)
# usage: deploy/credentials.sh DIR NAME|ADDRESS…
# The authority's key is thrown away: run it again for other names. Where there is an authority already, use that instead.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: deploy/credentials.sh DIR NAME|ADDRESS…" >&2; exit 2; }
umask 077
mkdir -p "$1"
cd "$1"
shift
names=
for name; do
  case $name in
    *[!0-9.]*) names+=",DNS:$name" ;;
    *) names+=",IP:$name" ;;
  esac
done
key=$(mktemp)
trap 'rm -f "$key" request.pem' EXIT
new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj)
openssl req -x509 -days 365 "${new[@]}" "/CN=authority of $1" -keyout "$key" -out ca.pem 2>/dev/null
openssl req "${new[@]}" "/CN=$1" -keyout server.key -out request.pem 2>/dev/null
openssl x509 -req -days 365 -in request.pem -CA ca.pem -CAkey "$key" -CAcreateserial -CAserial "$key.serial" \
  -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "${names#,}") -out server.pem 2>/dev/null
rm -f "$key.serial"
chmod 644 ca.pem server.pem
openssl rand -hex 32 >token
printf 'lyne-access 1\ntoken students sha256:%s class=interactive\n' "$(printf %s "$(cat token)" | sha256sum | cut -d" " -f1)" >tokens
