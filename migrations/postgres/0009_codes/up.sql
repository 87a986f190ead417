-- One-time codes: the last one of each account and purpose. A new one takes the place of the old.
CREATE TABLE one_time_codes (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('ACTIVATION', 'RESET')),
    code_hash bytea NOT NULL, -- HMAC-SHA-256; the code itself is never stored
    created_at timestamp NOT NULL,
    expires_at timestamp NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 5),
    used_at timestamp,
    hour_began_at timestamp NOT NULL, -- what `issued` counts from
    issued integer NOT NULL CHECK (issued BETWEEN 1 AND 5), -- codes in that hour
    PRIMARY KEY (account_id, purpose),
    CHECK (created_at < expires_at)
);
