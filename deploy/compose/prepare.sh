#!/bin/sh
# Makes what compose.yaml needs and nobody should share: certificates, tokens and passwords, each a
# file in secrets/ that its owner alone can read, and .env, which says as whom the containers run.
# What is there already stays. Needs a clone and any Node from 18 on; no container is started.
#   deploy/compose/prepare.sh [folder]     beside this file, unless a folder is named
set -eu
umask 077
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${1:-$here}
folder=$target/secrets
penstock() { node "$here/../../services/penstock/bin/penstock.mjs" "$@"; }

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
# keep <name> <text>
keep() { [ -s "$folder/$1" ] || printf '%s\n' "$2" >"$folder/$1"; }
# bus_password <user>
bus_password() { sed -n 's/^[^:]*://p' "$folder/bus-$1"; }

mkdir -p "$folder"

if [ ! -s "$folder/ca.crt" ]; then
  # Good under the names of the containers, and for this machine, where their ports are published.
  penstock certificates init --dir "$folder" --names router,policy,quota,telemetry,nats,postgres
fi

keep service-token "pst_$(random)"
keep admin-token "pat_$(random)"
keep database-password "$(random)"
keep database-url "postgres://penstock:$(cat "$folder/database-password")@postgres:5432/penstock?sslmode=verify-full&sslrootcert=/run/secrets/ca.crt"
# The p keeps the server from reading a password as a number.
for user in router policy quota telemetry; do keep "bus-$user" "$user:p$(random)"; done

if [ ! -s "$folder/nats.env" ]; then
  {
    for user in router policy quota telemetry; do
      name=$(echo "$user" | tr '[:lower:]' '[:upper:]')
      echo "PENSTOCK_NATS_${name}_PASSWORD=$(bus_password "$user")"
    done
    echo "PENSTOCK_NATS_OPERATOR_PASSWORD=p$(random)"
  } >"$folder/nats.env"
fi

# Containers must not run as root, not even for who is root here.
user=$(id -u)
group=$(id -g)
if [ "$user" -eq 0 ]; then
  user=10001
  group=10001
  chown -R "$user:$group" "$folder"
fi
printf 'PENSTOCK_UID=%s\nPENSTOCK_GID=%s\n' "$user" "$group" >"$target/.env"

echo "ready: secrets/ and .env are in $target. Move secrets/ca.key to where nobody serves from."
