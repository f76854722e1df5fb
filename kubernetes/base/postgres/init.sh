#!/bin/sh
# Runs once, in a new database: makes the account that authz-service has. It owns its database and is nobody elsewhere.
# The image's own script reads this one into itself, so nothing is set here that would change how that goes on.
psql --no-psqlrc -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set password `cat "${SECRETS:-/run/secrets/postgres}/authz-password"`
CREATE ROLE authz LOGIN PASSWORD :'password';
CREATE DATABASE authz OWNER authz;
REVOKE CONNECT ON DATABASE authz FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
SQL
