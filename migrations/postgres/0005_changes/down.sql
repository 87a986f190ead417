DROP INDEX teacher_feedback_updated;
ALTER TABLE notices DROP COLUMN withdrawn_at;
DELETE FROM meetings WHERE status = 'REQUESTED';
ALTER TABLE meetings DROP CONSTRAINT meetings_status_check;
ALTER TABLE meetings ADD CONSTRAINT meetings_status_check
    CHECK (status IN ('SCHEDULED', 'COMPLETED', 'CANCELLED', 'RESCHEDULED'));
DROP TABLE attendance_excuses;
DELETE FROM leave_requests WHERE status = 'WITHDRAWN';
ALTER TABLE leave_requests DROP CONSTRAINT leave_requests_status_check, DROP CONSTRAINT leave_requests_check2;
ALTER TABLE leave_requests
    ADD CONSTRAINT leave_requests_status_check CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
    ADD CONSTRAINT leave_requests_check2
        CHECK ((status = 'PENDING') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL));
DROP TABLE client_mutations, audit_entries;
DROP FUNCTION audit_entries_keep;
