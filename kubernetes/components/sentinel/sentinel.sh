#!/bin/sh
# Starts Sentinel. What it learns is written into its configuration, which lives as long as the pod; a new one learns it again
# from the primary. Its id is made of its name, so that others take it for the one that they knew. authz-service may ask it who
# the primary is, and nothing else (docs/authz-service/cache.md).
set -eu
RUN=${RUN:-/run/sentinel}
. "${SENTINEL_SCRIPTS:-/sentinel}/primary.sh"
umask 077
SECRETS=${SECRETS:-/run/secrets/redis}
password=$(cat "$SECRETS/admin-password")
cat > "$RUN/sentinel.conf" <<CONF
port 26379
dir $RUN
requirepass $password
user claimgate on >$(cat "$SECRETS/claimgate-password") -@all +ping +info +client|id +sentinel|get-master-addr-by-name
sentinel sentinel-pass $password
sentinel myid $(echo "$SELF" | sha1sum | cut -c 1-40)
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $SELF
sentinel monitor claimgate $(primary) 6379 2
sentinel auth-user claimgate default
sentinel auth-pass claimgate $password
sentinel down-after-milliseconds claimgate 5000
sentinel failover-timeout claimgate 20000
sentinel parallel-syncs claimgate 1
CONF
exec redis-server "$RUN/sentinel.conf" --sentinel "$@"
