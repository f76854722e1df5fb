-- Everything that changes gets the version of its last change; every version has one audit entry.
-- Times are whole seconds since 1970. JSON texts are checked by the service before they are written.

-- One row. Its update is the first statement of every change.
CREATE TABLE meta (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    store_id    TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    state_floor INTEGER NOT NULL -- version of the newest removal that is no longer remembered
) STRICT;
INSERT INTO meta (id, store_id, version, state_floor) VALUES (1, lower(hex(randomblob(16))), 0, 0);

-- subjects.roles holds grants: a name, or {"role", "expires_at"}. Names alone read as before.
ALTER TABLE subjects ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE resources ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

CREATE TABLE roles (
    name    TEXT    NOT NULL PRIMARY KEY,
    parents TEXT    NOT NULL,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_sets (
    version      INTEGER NOT NULL PRIMARY KEY, -- the highest one is active
    cedar_schema TEXT    NOT NULL,
    documents    TEXT    NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE quotas (
    name        TEXT    NOT NULL PRIMARY KEY,
    key_kind    TEXT    NOT NULL,
    requests    INTEGER NOT NULL,
    per_seconds INTEGER NOT NULL,
    burst       INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

-- Revocations and epochs, by what they are about.
CREATE TABLE state (
    key        TEXT    NOT NULL PRIMARY KEY,
    body       TEXT    NOT NULL,
    expires_at INTEGER, -- NULL for an epoch
    removed_at INTEGER, -- set when it was taken back; the row then tells readers so
    version    INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX state_expires_at ON state (expires_at);
CREATE INDEX state_removed_at ON state (removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE idempotency (
    actor      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    request    TEXT    NOT NULL, -- digest
    version    INTEGER NOT NULL,
    etag       INTEGER,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE audit (
    version     INTEGER NOT NULL PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    target_kind TEXT    NOT NULL,
    target_id   TEXT    NOT NULL,
    detail      TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_actor ON audit (actor, version);
CREATE INDEX audit_target ON audit (target_kind, target_id, version);
CREATE INDEX audit_at ON audit (at);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
-- REPLACE deletes without asking the trigger above.
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
