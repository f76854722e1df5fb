-- Secrets that a local command made for administration: bootstrap and break-glass. Only digests.
CREATE TABLE admin_secrets (
    digest     TEXT   NOT NULL PRIMARY KEY, -- SHA-256, hexadecimal
    holder     TEXT   NOT NULL,             -- who asked for it; the actor of what is done with it
    expires_at BIGINT NOT NULL,
    version    BIGINT NOT NULL
);
