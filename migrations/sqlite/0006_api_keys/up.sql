-- Keys by which reporting tools and integrations read: what each may read, until when, and who made it.
CREATE TABLE api_keys (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    prefix text NOT NULL CHECK (length(prefix) = 8), -- how the key begins: to tell it by, not to use it
    key_hash blob NOT NULL UNIQUE, -- SHA-256; the key itself is never stored
    scope text NOT NULL CHECK (scope IN ('AGGREGATES', 'ADMISSION_READ', 'ADMIN_READ')),
    created_by bigint NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    created_at timestamp NOT NULL,
    expires_at timestamp NOT NULL,
    last_used_at timestamp, -- to the minute
    revoked_at timestamp,
    version integer NOT NULL DEFAULT 1,
    CHECK (created_at < expires_at)
);
CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_at IS NULL;
