#!/bin/sh
# Writes a dump of authz-service's database to the backup's own claim, reads it back, and removes the oldest. Where it goes
# wrong nothing is removed, and the Job has failed.
set -eu
BACKUPS=${BACKUPS:-/backup}
KEEP=${KEEP:-14}
name="authz-$(date -u +%Y%m%dT%H%M%SZ).dump"
partial="$BACKUPS/.$name.partial"
trap 'rm -f "$partial"' EXIT
pg_dump --no-password --format=custom --no-owner --no-acl --file="$partial"
pg_restore --list "$partial" | grep -q 'TABLE DATA public meta' || { echo "the dump has no table meta: not kept" >&2; exit 1; }
sync
mv "$partial" "$BACKUPS/$name"
echo "wrote $BACKUPS/$name ($(wc -c < "$BACKUPS/$name") bytes)"
ls -1 "$BACKUPS" | grep '^authz-.*\.dump$' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
  rm -f "$BACKUPS/$old"
  echo "removed $old"
done
