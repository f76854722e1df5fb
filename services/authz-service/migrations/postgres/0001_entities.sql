-- The tables of migrations/sqlite, both steps in one. COLLATE "C" orders names by their bytes, as
-- SQLite does, whatever the database's locale: pages of a list must not depend on it.
CREATE TABLE meta (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    store_id    TEXT    NOT NULL,
    version     BIGINT  NOT NULL,
    state_floor BIGINT  NOT NULL
);
INSERT INTO meta (id, store_id, version, state_floor)
VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0, 0);

CREATE TABLE subjects (
    kind       TEXT   COLLATE "C" NOT NULL,
    id         TEXT   COLLATE "C" NOT NULL,
    email      TEXT   COLLATE "C" UNIQUE,
    properties TEXT   NOT NULL,
    roles      TEXT   NOT NULL,
    version    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
);

CREATE TABLE resources (
    kind       TEXT   COLLATE "C" NOT NULL,
    id         TEXT   COLLATE "C" NOT NULL,
    properties TEXT   NOT NULL,
    version    BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (kind, id)
);

CREATE TABLE actions (
    name       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    properties TEXT NOT NULL
);

CREATE TABLE seeds (
    name      TEXT        NOT NULL PRIMARY KEY,
    seeded_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE roles (
    name    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    parents TEXT   NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE policy_sets (
    version      BIGINT NOT NULL PRIMARY KEY,
    cedar_schema TEXT   NOT NULL,
    documents    TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE quotas (
    name        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    key_kind    TEXT   NOT NULL,
    requests    BIGINT NOT NULL,
    per_seconds BIGINT NOT NULL,
    burst       BIGINT NOT NULL,
    version     BIGINT NOT NULL
);

CREATE TABLE state (
    key        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    body       TEXT   NOT NULL,
    expires_at BIGINT,
    removed_at BIGINT,
    version    BIGINT NOT NULL UNIQUE
);
CREATE INDEX state_expires_at ON state (expires_at);
CREATE INDEX state_removed_at ON state (removed_at) WHERE removed_at IS NOT NULL;

CREATE TABLE idempotency (
    actor      TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    request    TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    etag       BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

CREATE TABLE audit (
    version     BIGINT NOT NULL PRIMARY KEY,
    at          BIGINT NOT NULL,
    actor       TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    target_kind TEXT   NOT NULL,
    target_id   TEXT   NOT NULL,
    detail      TEXT   NOT NULL
);
CREATE INDEX audit_actor ON audit (actor, version);
CREATE INDEX audit_target ON audit (target_kind, target_id, version);
CREATE INDEX audit_at ON audit (at);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
