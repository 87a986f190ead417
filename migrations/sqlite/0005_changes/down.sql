DROP INDEX teacher_feedback_updated;
DELETE FROM meetings WHERE status = 'REQUESTED';
DROP TABLE attendance_excuses;
DELETE FROM leave_requests WHERE status = 'WITHDRAWN';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql,
    'status IN (''REQUESTED'', ''SCHEDULED'', ''COMPLETED''', 'status IN (''SCHEDULED'', ''COMPLETED''')
    WHERE type = 'table' AND name = 'meetings';
UPDATE sqlite_schema SET sql = replace(replace(sql,
    '(status IN (''PENDING'', ''WITHDRAWN'')) = (decided_by', '(status = ''PENDING'') = (decided_by'),
    'status IN (''PENDING'', ''APPROVED'', ''REJECTED'', ''WITHDRAWN'')', 'status IN (''PENDING'', ''APPROVED'', ''REJECTED'')')
    WHERE type = 'table' AND name = 'leave_requests';
PRAGMA writable_schema = RESET;
ALTER TABLE notices DROP COLUMN withdrawn_at;
DROP TABLE client_mutations;
DROP TABLE audit_entries;
