-- What happened that somebody is to be told of, written in the transaction that made it true (a transactional outbox).
CREATE TABLE events (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ATTENDANCE_MARKED', 'STUDENT_ABSENT', 'MEETING_REQUESTED', 'MEETING_SCHEDULED',
        'MEETING_MOVED', 'MEETING_CANCELLED', 'MEETING_COMPLETED', 'LEAVE_REQUESTED', 'LEAVE_DECIDED',
        'NOTICE_PUBLISHED', 'EXPORT_READY')),
    subject_id bigint NOT NULL, -- the row it is about, of the table that the kind says; it may be gone by now
    student_id bigint REFERENCES students ON DELETE CASCADE, -- the student it is about, where it is about one
    actor_account_id bigint, -- who did it: they are not told
    at timestamp NOT NULL
);
CREATE INDEX events_at ON events (at); -- what is old is removed
CREATE INDEX events_student ON events (student_id);

-- Whom an event concerns: what live subscriptions are matched by, and what they catch up by.
CREATE TABLE event_topics (
    topic text NOT NULL CHECK (topic <> ''),
    event_id bigint NOT NULL REFERENCES events ON DELETE CASCADE,
    PRIMARY KEY (topic, event_id)
);
CREATE INDEX event_topics_event ON event_topics (event_id);

-- Work to be done, once each: the queue's truth. The engine that carries it to a worker may lose everything.
CREATE TABLE jobs (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    key text NOT NULL UNIQUE CHECK (key <> ''), -- the idempotency key
    kind text NOT NULL CHECK (kind IN ('TELL', 'DELIVER', 'MESSAGE', 'EXPORT', 'CLEAN_UP', 'RECOMPUTE')),
    priority integer NOT NULL CHECK (priority BETWEEN 0 AND 2), -- 0 first
    payload text NOT NULL, -- JSON; emptied when it is done, for it may carry a sealed secret
    batch text, -- what may be joined to it while it waits
    state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DONE', 'DEAD')),
    due_at timestamp NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    lease text, -- who works on it
    lease_until timestamp, -- until when nobody else does
    last_error text,
    created_at timestamp NOT NULL,
    finished_at timestamp,
    CHECK ((state = 'PENDING') = (finished_at IS NULL))
);
CREATE INDEX jobs_due ON jobs (priority, due_at, id) WHERE state = 'PENDING'; -- what is next
CREATE INDEX jobs_batch ON jobs (batch) WHERE state = 'PENDING'; -- what can be joined
CREATE INDEX jobs_finished ON jobs (state, finished_at); -- dead letters, and what is old

-- Work that comes again and again: when next, for all instances together.
CREATE TABLE schedules (
    name text PRIMARY KEY NOT NULL,
    next_at timestamp NOT NULL
);

-- The inbox: who is told of what.
CREATE TABLE notifications (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    event_id bigint NOT NULL REFERENCES events ON DELETE CASCADE,
    at timestamp NOT NULL,
    read_at timestamp,
    UNIQUE (event_id, account_id) -- told once
);
CREATE INDEX notifications_account ON notifications (account_id, id); -- an inbox

-- Which notifications a delivery tells of: several at once, where they came together.
CREATE TABLE notification_jobs (
    job_id bigint NOT NULL REFERENCES jobs ON DELETE CASCADE,
    notification_id bigint NOT NULL REFERENCES notifications ON DELETE CASCADE,
    PRIMARY KEY (job_id, notification_id)
);
CREATE INDEX notification_jobs_notification ON notification_jobs (notification_id);

-- How the owner of an account is told; who has no row has the defaults.
CREATE TABLE notification_settings (
    account_id bigint PRIMARY KEY NOT NULL REFERENCES accounts ON DELETE CASCADE,
    language text NOT NULL CHECK (language IN ('EN', 'NE')),
    digest boolean NOT NULL, -- mail comes once a day, with all of it
    quiet_from time, -- in the institute's time zone; beyond midnight where it is later than quiet_to
    quiet_to time,
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL)),
    CHECK (quiet_from <> quiet_to)
);

-- By which channels they are told of what, where they chose other than the defaults.
CREATE TABLE notification_choices (
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    category text NOT NULL CHECK (category IN ('ABSENCE', 'MEETING', 'LEAVE', 'NOTICE', 'EXPORT')),
    channel text NOT NULL CHECK (channel IN ('PUSH', 'EMAIL', 'SMS')),
    wanted boolean NOT NULL,
    PRIMARY KEY (account_id, category, channel)
);
