-- What changing things needs: who changed what, requests that are sent again, and the states that only operations reach.

-- Who changed what, when, from what to what. Never changed itself.
CREATE TABLE audit_entries (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    at timestamp NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    action text NOT NULL CHECK (action <> ''), -- the mutation
    subject_type text NOT NULL CHECK (subject_type <> ''), -- the type in the schema
    subject_id bigint NOT NULL,
    before text, -- JSON object of what changed; NULL where the row was made
    after text, -- NULL where the row was removed
    request_id text NOT NULL
);
CREATE INDEX audit_entries_subject ON audit_entries (subject_type, subject_id, id); -- auditEntries(filter: subjectId)
CREATE INDEX audit_entries_account ON audit_entries (account_id, id); -- auditEntries(filter: actorId), scope of everybody
CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'an audit entry is never changed');
END;
CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'an audit entry is never changed');
END;

-- Mutations that carried a key, with what they did: the same key again gives the same answer and no second effect.
CREATE TABLE client_mutations (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    key text NOT NULL CHECK (key <> ''),
    mutation text NOT NULL,
    input_digest blob NOT NULL, -- SHA-256 of the arguments
    result text NOT NULL, -- JSON
    at timestamp NOT NULL,
    PRIMARY KEY (account_id, key)
);
CREATE INDEX client_mutations_at ON client_mutations (at); -- removing the old

-- What approved leave did to a mark: undone when the approval is withdrawn.
CREATE TABLE attendance_excuses (
    session_id bigint NOT NULL,
    student_id bigint NOT NULL,
    leave_request_id bigint NOT NULL REFERENCES leave_requests ON DELETE RESTRICT,
    marked_status text CHECK (marked_status = 'ABSENT'), -- the mark before; NULL where there was none
    PRIMARY KEY (session_id, student_id),
    FOREIGN KEY (session_id, student_id) REFERENCES attendance_records (session_id, student_id) ON DELETE CASCADE
);
CREATE INDEX attendance_excuses_leave ON attendance_excuses (leave_request_id); -- undoing a leave

-- A notice that was taken back.
ALTER TABLE notices ADD COLUMN withdrawn_at timestamp;

-- The ids of feedback tell its month and no more, so what was written last needs an index of its own.
CREATE INDEX teacher_feedback_updated ON teacher_feedback (updated_at, id); -- teacherFeedback(orderBy: UPDATED_AT)

-- A request can be taken back by who made it, and a parent asks for a meeting, which takes nobody's time until it is
-- accepted. SQLite has no statement to change a CHECK: this is the way its documentation gives
-- (https://www.sqlite.org/lang_altertable.html, section 8), fit for changes that leave the rows as they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'status IN (''PENDING'', ''APPROVED'', ''REJECTED'')', 'status IN (''PENDING'', ''APPROVED'', ''REJECTED'', ''WITHDRAWN'')'),
    '(status = ''PENDING'') = (decided_by', '(status IN (''PENDING'', ''WITHDRAWN'')) = (decided_by')
    WHERE type = 'table' AND name = 'leave_requests';
UPDATE sqlite_schema SET sql = replace(sql,
    'status IN (''SCHEDULED'', ''COMPLETED''', 'status IN (''REQUESTED'', ''SCHEDULED'', ''COMPLETED''')
    WHERE type = 'table' AND name = 'meetings';
PRAGMA writable_schema = RESET;
