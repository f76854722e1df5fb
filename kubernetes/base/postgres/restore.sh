#!/bin/sh
# Puts a dump back: the newest, or the one that BACKUP_FILE names. In one transaction, so that the database is the old one or
# the restored one. The store gets a new name in it, because filters never go back to an older version of a store that they
# know (docs/authz-service/stores.md).
set -eu
BACKUPS=${BACKUPS:-/backup}
TMPDIR=${TMPDIR:-/tmp}
file=${BACKUP_FILE:-$(ls -1 "$BACKUPS" | grep '^authz-.*\.dump$' | sort | tail -n 1)}
[ -n "$file" ] && [ -f "$BACKUPS/$file" ] || { echo "no backup '$file' in $BACKUPS; there are:" >&2; ls -1 "$BACKUPS" >&2; exit 1; }
others=$(psql --no-psqlrc --no-password -Atc "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'")
if [ "$others" != 0 ]; then
  echo "$others connections are open: kubectl scale deployment/authz-service --replicas=0, then try again" >&2
  exit 1
fi
sql="$TMPDIR/restore.sql"
trap 'rm -f "$sql"' EXIT
pg_restore --clean --if-exists --no-owner --no-acl --file="$sql" "$BACKUPS/$file"
echo "UPDATE public.meta SET store_id = replace(gen_random_uuid()::text, '-', '');" >> "$sql"
psql --no-psqlrc --no-password --quiet --single-transaction -v ON_ERROR_STOP=1 --output=/dev/null --file="$sql"
echo "restored $file"
