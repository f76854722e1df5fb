#!/bin/sh
# Starts Redis with two users: `claimgate`, who may do what authz-service does (docs/authz-service/cache.md), and `default`
# for probes, replication and administrators. Passwords come from files, and stand in memory only.
set -eu
SECRETS=${SECRETS:-/run/secrets/redis}
RUN=${RUN:-/run/redis}
umask 077
cat > "$RUN/users.acl" <<ACL
user default on >$(cat "$SECRETS/admin-password") ~* &* +@all
user claimgate on >$(cat "$SECRETS/claimgate-password") resetkeys ~user:platform-roles:* ~claimgate:* resetchannels &claimgate:* -@all +ping +info +cluster|slots +cluster|info +client|id +getrange +get +pttl +set +del +eval +publish +subscribe
ACL
exec redis-server "${CONFIG:-/etc/redis/redis.conf}" "$@"
