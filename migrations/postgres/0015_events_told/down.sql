DROP INDEX events_told;
ALTER TABLE events DROP COLUMN told_at;
