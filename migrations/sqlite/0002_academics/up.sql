-- What is taught, by whom, and when.

CREATE TABLE subjects (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    course_id bigint NOT NULL REFERENCES courses ON DELETE RESTRICT,
    period integer NOT NULL,
    code text NOT NULL CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    syllabus_url text,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (course_id, period, name), -- also a course's subjects in order
    UNIQUE (course_id, code),
    UNIQUE (id, course_id, period), -- what a routine refers to
    FOREIGN KEY (course_id, period) REFERENCES course_periods ON DELETE RESTRICT
);
CREATE INDEX subjects_name ON subjects (name, id); -- subjects(orderBy: NAME)

CREATE TABLE study_files (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    subject_id bigint NOT NULL REFERENCES subjects ON DELETE CASCADE,
    title text NOT NULL CHECK (title <> ''),
    description text,
    file_url text NOT NULL CHECK (file_url <> ''),
    uploaded_by bigint REFERENCES staff ON DELETE SET NULL,
    uploaded_at timestamp NOT NULL
);
CREATE INDEX study_files_subject ON study_files (subject_id, id); -- a subject's files

-- The least bit of `weekdays` is Monday.
CREATE TABLE routines (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    course_id bigint NOT NULL REFERENCES courses ON DELETE RESTRICT,
    period integer NOT NULL,
    subject_id bigint NOT NULL,
    teacher_id bigint NOT NULL REFERENCES staff ON DELETE RESTRICT,
    weekdays integer NOT NULL CHECK (weekdays BETWEEN 1 AND 127),
    starts_at time NOT NULL,
    ends_at time NOT NULL,
    room text CHECK (room <> ''),
    active boolean NOT NULL DEFAULT TRUE,
    version integer NOT NULL DEFAULT 1,
    CHECK (starts_at < ends_at),
    UNIQUE (id, subject_id), -- what an attendance session refers to
    FOREIGN KEY (subject_id, course_id, period) REFERENCES subjects (id, course_id, period) ON DELETE RESTRICT
);
CREATE INDEX routines_teacher ON routines (teacher_id, course_id, period); -- scope of a teacher
CREATE INDEX routines_class ON routines (course_id, period, starts_at, id); -- scope of HOD and class, a class's timetable
CREATE INDEX routines_subject ON routines (subject_id, course_id, period); -- a subject's slots; the foreign key

-- No teacher, room or class is in two active slots at once: what an exclusion constraint says on PostgreSQL.
CREATE TRIGGER routines_busy_insert BEFORE INSERT ON routines WHEN NEW.active BEGIN
    SELECT RAISE(ABORT, 'routines_teacher_busy') FROM routines AS r
        WHERE r.active AND r.teacher_id = NEW.teacher_id AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
    SELECT RAISE(ABORT, 'routines_room_busy') FROM routines AS r
        WHERE r.active AND r.room = NEW.room AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
    SELECT RAISE(ABORT, 'routines_class_busy') FROM routines AS r
        WHERE r.active AND r.course_id = NEW.course_id AND r.period = NEW.period AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
END;
CREATE TRIGGER routines_busy_update BEFORE UPDATE ON routines WHEN NEW.active BEGIN
    SELECT RAISE(ABORT, 'routines_teacher_busy') FROM routines AS r
        WHERE r.active AND r.id <> OLD.id AND r.teacher_id = NEW.teacher_id AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
    SELECT RAISE(ABORT, 'routines_room_busy') FROM routines AS r
        WHERE r.active AND r.id <> OLD.id AND r.room = NEW.room AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
    SELECT RAISE(ABORT, 'routines_class_busy') FROM routines AS r
        WHERE r.active AND r.id <> OLD.id AND r.course_id = NEW.course_id AND r.period = NEW.period AND r.weekdays & NEW.weekdays <> 0
            AND r.starts_at < NEW.ends_at AND r.ends_at > NEW.starts_at;
END;
