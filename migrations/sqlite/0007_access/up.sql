-- Who read what is sensitive, and who was denied what. Never changed.

CREATE TABLE access_entries (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    at timestamp NOT NULL,
    account_id bigint REFERENCES accounts ON DELETE RESTRICT,
    api_key_id bigint REFERENCES api_keys ON DELETE RESTRICT,
    outcome text NOT NULL CHECK (outcome IN ('READ', 'DENIED')),
    type_name text NOT NULL CHECK (type_name <> ''), -- in the schema
    field_name text NOT NULL CHECK (field_name <> ''),
    row_count integer NOT NULL CHECK (row_count > 0), -- so often in the request
    request_id text NOT NULL,
    CHECK ((account_id IS NULL) <> (api_key_id IS NULL)) -- a person or a key
);
CREATE INDEX access_entries_account ON access_entries (account_id, id); -- accessEntries(filter: actorId)
CREATE INDEX access_entries_key ON access_entries (api_key_id, id); -- the foreign key
CREATE INDEX access_entries_field ON access_entries (type_name, field_name, id); -- accessEntries(filter: coordinate)

-- The rows that were read: the first hundred of a request.
CREATE TABLE access_subjects (
    entry_id bigint NOT NULL REFERENCES access_entries ON DELETE RESTRICT,
    subject_id bigint NOT NULL,
    PRIMARY KEY (entry_id, subject_id)
);
CREATE INDEX access_subjects_subject ON access_subjects (subject_id, entry_id); -- accessEntries(filter: subjectId)

CREATE TRIGGER access_entries_update BEFORE UPDATE ON access_entries BEGIN
    SELECT RAISE(ABORT, 'an access entry is never changed');
END;
CREATE TRIGGER access_entries_delete BEFORE DELETE ON access_entries BEGIN
    SELECT RAISE(ABORT, 'an access entry is never changed');
END;
CREATE TRIGGER access_subjects_update BEFORE UPDATE ON access_subjects BEGIN
    SELECT RAISE(ABORT, 'an access entry is never changed');
END;
CREATE TRIGGER access_subjects_delete BEFORE DELETE ON access_subjects BEGIN
    SELECT RAISE(ABORT, 'an access entry is never changed');
END;
