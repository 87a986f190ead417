-- Attendance as it is marked, and the totals that reading it costs nothing more as history grows.

CREATE TABLE attendance_sessions (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    routine_id bigint NOT NULL,
    subject_id bigint NOT NULL,
    date date NOT NULL,
    teacher_id bigint NOT NULL REFERENCES staff ON DELETE RESTRICT,
    held boolean NOT NULL DEFAULT TRUE,
    teacher_attended boolean NOT NULL DEFAULT TRUE,
    marked_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1,
    UNIQUE (routine_id, date),
    UNIQUE (id, date, subject_id, held), -- what a record repeats
    FOREIGN KEY (routine_id, subject_id) REFERENCES routines (id, subject_id) ON DELETE RESTRICT
);
CREATE INDEX attendance_sessions_date ON attendance_sessions (date, id); -- attendanceSessions(orderBy: DATE), today's classes
CREATE INDEX attendance_sessions_teacher ON attendance_sessions (teacher_id); -- attendanceSessions(filter: teacherId), the foreign key

-- A record repeats its session's date, subject and `held`; the foreign key keeps them equal, so that
-- a student's attendance is counted from one index and a session marked as not held counts for nobody.
CREATE TABLE attendance_records (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    session_id bigint NOT NULL,
    student_id bigint NOT NULL REFERENCES students ON DELETE RESTRICT,
    status text NOT NULL CHECK (status IN ('PRESENT', 'ABSENT', 'LATE', 'EXCUSED')),
    date date NOT NULL,
    subject_id bigint NOT NULL,
    held boolean NOT NULL,
    UNIQUE (session_id, student_id), -- also a session's records
    FOREIGN KEY (session_id, date, subject_id, held) REFERENCES attendance_sessions (id, date, subject_id, held)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX attendance_records_student ON attendance_records (student_id, date, id); -- a student's records, a span of days

-- Lifetime totals by subject: as many rows as a student has subjects, however long the history.
CREATE TABLE attendance_totals (
    student_id bigint NOT NULL REFERENCES students ON DELETE CASCADE,
    subject_id bigint NOT NULL REFERENCES subjects ON DELETE CASCADE,
    present integer NOT NULL DEFAULT 0 CHECK (present >= 0),
    absent integer NOT NULL DEFAULT 0 CHECK (absent >= 0),
    late integer NOT NULL DEFAULT 0 CHECK (late >= 0),
    excused integer NOT NULL DEFAULT 0 CHECK (excused >= 0),
    PRIMARY KEY (student_id, subject_id)
);
-- The same by month (its first day).
CREATE TABLE attendance_months (
    student_id bigint NOT NULL REFERENCES students ON DELETE CASCADE,
    month date NOT NULL,
    present integer NOT NULL DEFAULT 0 CHECK (present >= 0),
    absent integer NOT NULL DEFAULT 0 CHECK (absent >= 0),
    late integer NOT NULL DEFAULT 0 CHECK (late >= 0),
    excused integer NOT NULL DEFAULT 0 CHECK (excused >= 0),
    PRIMARY KEY (student_id, month)
);

CREATE TRIGGER attendance_count_insert AFTER INSERT ON attendance_records BEGIN
    INSERT INTO attendance_totals SELECT NEW.student_id, NEW.subject_id,
        NEW.status = 'PRESENT', NEW.status = 'ABSENT', NEW.status = 'LATE', NEW.status = 'EXCUSED' WHERE NEW.held
    ON CONFLICT (student_id, subject_id) DO UPDATE SET present = present + excluded.present,
        absent = absent + excluded.absent, late = late + excluded.late, excused = excused + excluded.excused;
    INSERT INTO attendance_months SELECT NEW.student_id, date(NEW.date, 'start of month'),
        NEW.status = 'PRESENT', NEW.status = 'ABSENT', NEW.status = 'LATE', NEW.status = 'EXCUSED' WHERE NEW.held
    ON CONFLICT (student_id, month) DO UPDATE SET present = present + excluded.present,
        absent = absent + excluded.absent, late = late + excluded.late, excused = excused + excluded.excused;
END;
CREATE TRIGGER attendance_count_delete AFTER DELETE ON attendance_records BEGIN
    UPDATE attendance_totals SET present = present - (OLD.status = 'PRESENT'), absent = absent - (OLD.status = 'ABSENT'),
        late = late - (OLD.status = 'LATE'), excused = excused - (OLD.status = 'EXCUSED')
    WHERE OLD.held AND student_id = OLD.student_id AND subject_id = OLD.subject_id;
    UPDATE attendance_months SET present = present - (OLD.status = 'PRESENT'), absent = absent - (OLD.status = 'ABSENT'),
        late = late - (OLD.status = 'LATE'), excused = excused - (OLD.status = 'EXCUSED')
    WHERE OLD.held AND student_id = OLD.student_id AND month = date(OLD.date, 'start of month');
END;
CREATE TRIGGER attendance_count_update AFTER UPDATE ON attendance_records BEGIN
    UPDATE attendance_totals SET present = present - (OLD.status = 'PRESENT'), absent = absent - (OLD.status = 'ABSENT'),
        late = late - (OLD.status = 'LATE'), excused = excused - (OLD.status = 'EXCUSED')
    WHERE OLD.held AND student_id = OLD.student_id AND subject_id = OLD.subject_id;
    UPDATE attendance_months SET present = present - (OLD.status = 'PRESENT'), absent = absent - (OLD.status = 'ABSENT'),
        late = late - (OLD.status = 'LATE'), excused = excused - (OLD.status = 'EXCUSED')
    WHERE OLD.held AND student_id = OLD.student_id AND month = date(OLD.date, 'start of month');
    INSERT INTO attendance_totals SELECT NEW.student_id, NEW.subject_id,
        NEW.status = 'PRESENT', NEW.status = 'ABSENT', NEW.status = 'LATE', NEW.status = 'EXCUSED' WHERE NEW.held
    ON CONFLICT (student_id, subject_id) DO UPDATE SET present = present + excluded.present,
        absent = absent + excluded.absent, late = late + excluded.late, excused = excused + excluded.excused;
    INSERT INTO attendance_months SELECT NEW.student_id, date(NEW.date, 'start of month'),
        NEW.status = 'PRESENT', NEW.status = 'ABSENT', NEW.status = 'LATE', NEW.status = 'EXCUSED' WHERE NEW.held
    ON CONFLICT (student_id, month) DO UPDATE SET present = present + excluded.present,
        absent = absent + excluded.absent, late = late + excluded.late, excused = excused + excluded.excused;
END;

-- What a mark was before it was corrected.
CREATE TABLE attendance_corrections (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    session_id bigint NOT NULL,
    student_id bigint NOT NULL,
    from_status text NOT NULL CHECK (from_status IN ('PRESENT', 'ABSENT', 'LATE', 'EXCUSED')),
    to_status text NOT NULL CHECK (to_status IN ('PRESENT', 'ABSENT', 'LATE', 'EXCUSED')),
    reason text,
    corrected_by bigint NOT NULL REFERENCES accounts ON DELETE RESTRICT,
    corrected_at timestamp NOT NULL,
    FOREIGN KEY (session_id, student_id) REFERENCES attendance_records (session_id, student_id) ON DELETE CASCADE
);
CREATE INDEX attendance_corrections_record ON attendance_corrections (session_id, student_id); -- a record's corrections
