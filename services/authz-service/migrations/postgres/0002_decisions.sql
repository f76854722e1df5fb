-- The version of the last change that decisions can depend on: one that is neither a revocation,
-- an epoch nor a quota.
ALTER TABLE meta ADD COLUMN decisions BIGINT NOT NULL DEFAULT 0;
UPDATE meta SET decisions = version;
