-- By which way a job goes: what is slow on one of them holds up nothing on another.
ALTER TABLE jobs ADD COLUMN lane text NOT NULL DEFAULT 'UPKEEP'
    CHECK (lane IN ('CODES', 'EVENTS', 'PUSH', 'MAIL', 'TEXT', 'UPKEEP'));
UPDATE jobs SET lane = CASE
    WHEN kind = 'TELL' THEN 'EVENTS'
    WHEN kind = 'MESSAGE' AND priority = 0 THEN 'CODES'
    WHEN kind = 'MESSAGE' THEN 'MAIL'
    WHEN payload LIKE '%"PUSH"%' THEN 'PUSH'
    WHEN payload LIKE '%"SMS"%' THEN 'TEXT'
    ELSE 'MAIL'
END WHERE state = 'PENDING' AND kind IN ('TELL', 'MESSAGE', 'DELIVER');
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (lane, priority, due_at, id) WHERE state = 'PENDING'; -- what is next
