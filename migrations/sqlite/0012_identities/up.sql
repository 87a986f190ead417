-- Who somebody is at an OpenID provider: by issuer and subject, which never change, and not by an e-mail, which does.
CREATE TABLE identities (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    issuer text NOT NULL CHECK (issuer <> ''), -- URL
    subject text NOT NULL CHECK (subject <> ''), -- case-sensitive
    created_at timestamp NOT NULL,
    last_used_at timestamp NOT NULL,
    UNIQUE (issuer, subject), -- one account each
    UNIQUE (account_id, issuer) -- and of an account one with each provider
);
