-- Reports that are made in the background for who asked for them, and kept for a while.
CREATE TABLE exports (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    course_id bigint NOT NULL REFERENCES courses ON DELETE CASCADE,
    first_day date NOT NULL,
    last_day date NOT NULL,
    state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'READY', 'FAILED')),
    content text, -- CSV
    created_at timestamp NOT NULL,
    finished_at timestamp,
    CHECK (first_day <= last_day),
    CHECK ((state = 'READY') = (content IS NOT NULL)),
    CHECK ((state = 'PENDING') = (finished_at IS NULL))
);
CREATE INDEX exports_account ON exports (account_id, id); -- one's own
CREATE INDEX exports_course ON exports (course_id);
CREATE INDEX exports_created ON exports (created_at); -- what is old is removed
