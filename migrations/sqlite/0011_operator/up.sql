-- What an operator does from the machine itself (`rollcall accounts`) is by nobody's account.
-- SQLite has no statement to drop a NOT NULL: this is the way its documentation gives
-- (https://www.sqlite.org/lang_altertable.html, section 8), fit for changes that leave the rows as they are.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'account_id bigint NOT NULL REFERENCES', 'account_id bigint REFERENCES')
    WHERE type = 'table' AND name = 'audit_entries';
PRAGMA writable_schema = RESET;
