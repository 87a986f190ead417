-- Events are told of in another order than they happen: a job that tells of one may be late. What subscribers missed is read by
-- when they were told of it.
ALTER TABLE events ADD COLUMN told_at timestamp; -- null until then
UPDATE events SET told_at = at
    WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.key = 'tell:' || events.id AND jobs.state = 'PENDING');
CREATE INDEX events_told ON events (told_at, id);
