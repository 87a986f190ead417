-- A second factor at sign-in: codes that an authenticator makes (TOTP, RFC 6238), and recovery codes for when it is lost.

-- The secret that an authenticator shares with the service, from when its owner asks for it.
CREATE TABLE second_factors (
    account_id bigint PRIMARY KEY NOT NULL REFERENCES accounts ON DELETE CASCADE,
    secret blob NOT NULL, -- sealed for this account with a key made from SECRET_KEY
    created_at timestamp NOT NULL,
    last_step bigint NOT NULL DEFAULT 0, -- of the last code, in steps of 30 s since 1970: none that is as old is taken again
    uses integer NOT NULL DEFAULT 0, -- codes taken: what is begun before one does not go on after it
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0), -- wrong codes since the last right one, or the last pause
    paused_until timestamp -- until when no code is taken
);

CREATE TABLE recovery_codes (
    account_id bigint NOT NULL REFERENCES second_factors ON DELETE CASCADE,
    code_hash blob NOT NULL, -- SHA-256 of 120 random bits; the code itself is never stored
    used_at timestamp,
    PRIMARY KEY (account_id, code_hash)
);

-- Since when signing in takes a code. It stands here, so that the row that a sign-in writes to says it.
ALTER TABLE accounts ADD COLUMN second_factor_at timestamp;

-- The roles that are withheld from whoever has no second factor.
CREATE TABLE second_factor_roles (
    role text PRIMARY KEY NOT NULL CHECK (role IN ('ADMIN', 'HOD', 'ADMISSION'))
);
