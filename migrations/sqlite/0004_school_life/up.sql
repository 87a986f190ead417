-- Meetings, leave, feedback, notices and progress.

CREATE TABLE meetings (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    staff_id bigint NOT NULL REFERENCES staff ON DELETE RESTRICT,
    starts_at timestamp NOT NULL,
    ends_at timestamp NOT NULL,
    status text NOT NULL DEFAULT 'SCHEDULED' CHECK (status IN ('SCHEDULED', 'COMPLETED', 'CANCELLED', 'RESCHEDULED')),
    open boolean NOT NULL DEFAULT TRUE, -- takes its participants' time
    agenda text,
    notes text,
    cancellation_reason text,
    online boolean NOT NULL DEFAULT FALSE,
    link text,
    created_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CHECK (starts_at < ends_at),
    CHECK (open = (status IN ('SCHEDULED', 'RESCHEDULED'))),
    CHECK (status <> 'CANCELLED' OR cancellation_reason IS NOT NULL),
    CHECK (status <> 'COMPLETED' OR notes IS NOT NULL),
    UNIQUE (id, starts_at, ends_at, open) -- what a participant repeats
);
CREATE INDEX meetings_start ON meetings (starts_at, id); -- meetings(orderBy: STARTS_AT)
CREATE INDEX meetings_staff ON meetings (staff_id, starts_at, id); -- scope of staff, a teacher's meetings

CREATE TABLE meeting_parents (
    meeting_id bigint NOT NULL,
    parent_id bigint NOT NULL REFERENCES parents ON DELETE RESTRICT,
    starts_at timestamp NOT NULL,
    ends_at timestamp NOT NULL,
    open boolean NOT NULL,
    PRIMARY KEY (meeting_id, parent_id),
    FOREIGN KEY (meeting_id, starts_at, ends_at, open) REFERENCES meetings (id, starts_at, ends_at, open)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX meeting_parents_parent ON meeting_parents (parent_id, starts_at, meeting_id); -- scope of a parent

-- No overlap for a teacher or a parent: what an exclusion constraint says on PostgreSQL.
CREATE TRIGGER meetings_staff_busy_insert BEFORE INSERT ON meetings WHEN NEW.open BEGIN
    SELECT RAISE(ABORT, 'meetings_staff_busy') FROM meetings AS m
        WHERE m.open AND m.staff_id = NEW.staff_id AND m.starts_at < NEW.ends_at AND m.ends_at > NEW.starts_at;
END;
CREATE TRIGGER meetings_staff_busy_update BEFORE UPDATE ON meetings WHEN NEW.open BEGIN
    SELECT RAISE(ABORT, 'meetings_staff_busy') FROM meetings AS m
        WHERE m.open AND m.id <> OLD.id AND m.staff_id = NEW.staff_id AND m.starts_at < NEW.ends_at AND m.ends_at > NEW.starts_at;
END;
CREATE TRIGGER meeting_parents_busy_insert BEFORE INSERT ON meeting_parents WHEN NEW.open BEGIN
    SELECT RAISE(ABORT, 'meeting_parents_busy') FROM meeting_parents AS m
        WHERE m.open AND m.parent_id = NEW.parent_id AND m.starts_at < NEW.ends_at AND m.ends_at > NEW.starts_at;
END;
CREATE TRIGGER meeting_parents_busy_update BEFORE UPDATE ON meeting_parents WHEN NEW.open BEGIN
    SELECT RAISE(ABORT, 'meeting_parents_busy') FROM meeting_parents AS m
        WHERE m.open AND m.meeting_id <> OLD.meeting_id AND m.parent_id = NEW.parent_id AND m.starts_at < NEW.ends_at AND m.ends_at > NEW.starts_at;
END;

CREATE TABLE meeting_students (
    meeting_id bigint NOT NULL REFERENCES meetings ON DELETE CASCADE,
    student_id bigint NOT NULL REFERENCES students ON DELETE RESTRICT,
    PRIMARY KEY (meeting_id, student_id)
);
CREATE INDEX meeting_students_student ON meeting_students (student_id, meeting_id); -- scope of student and parent

CREATE TABLE leave_requests (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    student_id bigint REFERENCES students ON DELETE RESTRICT,
    staff_id bigint REFERENCES staff ON DELETE RESTRICT,
    requested_by bigint NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    first_day date NOT NULL,
    last_day date NOT NULL,
    message text NOT NULL CHECK (message <> ''),
    status text NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'APPROVED', 'REJECTED')),
    decided_by bigint REFERENCES accounts ON DELETE RESTRICT,
    decided_at timestamp,
    remark text,
    created_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CHECK ((student_id IS NULL) <> (staff_id IS NULL)),
    CHECK (first_day <= last_day),
    CHECK ((status = 'PENDING') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CHECK (decided_by <> requested_by)
);
CREATE INDEX leave_requests_student ON leave_requests (student_id, first_day, id); -- a student's leave, approved on a day
CREATE INDEX leave_requests_staff ON leave_requests (staff_id, first_day, id); -- a staff member's leave
CREATE INDEX leave_requests_day ON leave_requests (first_day, id); -- leaveRequests(orderBy: FIRST_DAY)

-- Ratings are kept in halves: 2 is 1.0, 10 is 5.0.
CREATE TABLE teacher_feedback (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    teacher_id bigint NOT NULL REFERENCES staff ON DELETE RESTRICT,
    student_id bigint NOT NULL REFERENCES students ON DELETE RESTRICT, -- the author, or the author's child
    parent_id bigint REFERENCES parents ON DELETE RESTRICT, -- the author, where a parent wrote it
    half_stars integer NOT NULL CHECK (half_stars BETWEEN 2 AND 10),
    message text,
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL
);
CREATE UNIQUE INDEX teacher_feedback_by_student ON teacher_feedback (student_id, teacher_id) WHERE parent_id IS NULL;
CREATE UNIQUE INDEX teacher_feedback_by_parent ON teacher_feedback (parent_id, student_id, teacher_id) WHERE parent_id IS NOT NULL;
CREATE INDEX teacher_feedback_teacher ON teacher_feedback (teacher_id, id); -- a teacher's feedback, scope of staff and HOD

CREATE TABLE institute_feedback (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    type text NOT NULL CHECK (type IN ('GENERAL', 'FACILITIES', 'TEACHING', 'INFRASTRUCTURE', 'ADMINISTRATION')),
    half_stars integer NOT NULL CHECK (half_stars BETWEEN 2 AND 10),
    message text,
    anonymous boolean NOT NULL,
    public boolean NOT NULL,
    created_at timestamp NOT NULL,
    updated_at timestamp NOT NULL,
    UNIQUE (account_id, type)
);
CREATE INDEX institute_feedback_public ON institute_feedback (public, id); -- what everybody may read

CREATE TABLE notices (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    title text NOT NULL CHECK (title <> ''),
    message text NOT NULL,
    image_url text,
    file_url text,
    published_by bigint REFERENCES staff ON DELETE SET NULL,
    published_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX notices_published ON notices (published_at, id); -- notices(orderBy: PUBLISHED_AT)
CREATE INDEX notices_publisher ON notices (published_by); -- scope of the publisher

-- A notice has one row for each group it is for; a viewer in any of them is in its audience.
CREATE TABLE notice_audiences (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    notice_id bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('EVERYBODY', 'ROLE', 'COURSE', 'BATCH')),
    role text CHECK (role IN ('ADMIN', 'HOD', 'ADMISSION', 'STAFF', 'STUDENT', 'PARENT')),
    course_id bigint REFERENCES courses ON DELETE CASCADE,
    batch_id bigint REFERENCES batches ON DELETE CASCADE,
    CHECK ((kind = 'ROLE') = (role IS NOT NULL)),
    CHECK ((kind = 'COURSE') = (course_id IS NOT NULL)),
    CHECK ((kind = 'BATCH') = (batch_id IS NOT NULL))
);
CREATE INDEX notice_audiences_notice ON notice_audiences (notice_id, kind); -- scope of a notice, its audience
CREATE TABLE notice_reads (
    notice_id bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    read_at timestamp NOT NULL,
    PRIMARY KEY (account_id, notice_id) -- what a viewer has read
);

CREATE TABLE course_trackings (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    student_id bigint NOT NULL REFERENCES students ON DELETE RESTRICT,
    course_id bigint NOT NULL REFERENCES courses ON DELETE RESTRICT,
    enrolled_on date NOT NULL,
    started_on date NOT NULL,
    expected_end date NOT NULL,
    actual_end date,
    status text NOT NULL DEFAULT 'NOT_STARTED' CHECK (status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'DROPPED')),
    completion double NOT NULL DEFAULT 0 CHECK (completion BETWEEN 0 AND 100), -- per cent
    current_period integer NOT NULL,
    period_started_on date NOT NULL,
    period_ends_on date NOT NULL,
    notes text,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (student_id, course_id),
    FOREIGN KEY (course_id, current_period) REFERENCES course_periods ON DELETE RESTRICT,
    CHECK (started_on < expected_end),
    CHECK (started_on <= actual_end),
    CHECK (period_started_on < period_ends_on),
    CHECK ((status = 'COMPLETED') = (actual_end IS NOT NULL) OR status = 'DROPPED')
);
CREATE INDEX course_trackings_course ON course_trackings (course_id, completion, id); -- a course's progress figures

CREATE TABLE subject_progress (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    student_id bigint NOT NULL REFERENCES students ON DELETE RESTRICT,
    subject_id bigint NOT NULL REFERENCES subjects ON DELETE RESTRICT,
    status text NOT NULL DEFAULT 'NOT_STARTED' CHECK (status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED', 'DROPPED')),
    completion double NOT NULL DEFAULT 0 CHECK (completion BETWEEN 0 AND 100), -- per cent
    notes text,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (student_id, subject_id)
);
CREATE INDEX subject_progress_subject ON subject_progress (subject_id); -- scope of an HOD, the foreign key
