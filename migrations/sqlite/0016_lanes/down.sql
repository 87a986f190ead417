DROP INDEX jobs_due;
ALTER TABLE jobs DROP COLUMN lane;
CREATE INDEX jobs_due ON jobs (priority, due_at, id) WHERE state = 'PENDING';
