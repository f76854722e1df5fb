#!/bin/sh
# Starts Redis as the primary, or as a replica of whoever is. Sentinel writes into its configuration later, so that is a copy.
set -eu
SCRIPTS=${SCRIPTS:-/scripts}
RUN=${RUN:-/run/redis}
. "${SENTINEL_SCRIPTS:-/sentinel}/primary.sh"
umask 077
password=$(cat "${SECRETS:-/run/secrets/redis}/admin-password")
{
  cat "${BASE_CONFIG:-/etc/redis/redis.conf}"
  echo "replica-announce-ip $SELF"
  echo "masteruser default"
  echo "masterauth $password"
  # A primary that lost its replicas takes no writes, which would be lost with it.
  echo "min-replicas-to-write 1"
  echo "min-replicas-max-lag 10"
  [ "$(primary)" = "$SELF" ] || echo "replicaof $(primary) 6379"
} > "$RUN/redis.conf"
export CONFIG="$RUN/redis.conf"
exec sh "$SCRIPTS/start.sh" "$@"
