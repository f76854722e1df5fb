-- What the decision point knows about subjects, resources and actions.
-- properties and roles are JSON texts, checked by the service before they are written.
CREATE TABLE subjects (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    email      TEXT UNIQUE, -- ASCII-lower-cased; NULL for a subject without one
    properties TEXT NOT NULL,
    roles      TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE resources (
    kind       TEXT NOT NULL,
    id         TEXT NOT NULL,
    properties TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE actions (
    name       TEXT NOT NULL PRIMARY KEY,
    properties TEXT NOT NULL
) STRICT;

-- A seed is applied once, so that a subject deleted later does not come back on restart.
CREATE TABLE seeds (
    name      TEXT NOT NULL PRIMARY KEY,
    seeded_at TEXT NOT NULL DEFAULT (datetime('now'))
) STRICT;
