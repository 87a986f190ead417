-- The institute, everybody who signs in, and the people behind the accounts.
-- Times are UTC; dates are the institute's. Every table states what deleting a referenced row does.

CREATE TABLE institute (
    id integer PRIMARY KEY NOT NULL CHECK (id = 1), -- one row a deployment
    name text NOT NULL CHECK (name <> ''),
    phone text,
    email text,
    address text,
    registration_number text,
    tax_number text,
    logo_url text,
    description text,
    time_zone text NOT NULL, -- IANA name
    version integer NOT NULL DEFAULT 1
);

-- One table for everybody who signs in, so that a credential can belong to one person only.
CREATE TABLE accounts (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    email text UNIQUE CHECK (email = lower(email) AND email LIKE '%_@_%' AND length(email) <= 254),
    phone text UNIQUE CHECK (phone GLOB '+[1-9]*' AND substr(phone, 2) NOT GLOB '*[^0-9]*' AND length(phone) BETWEEN 8 AND 16), -- E.164
    password_hash text, -- PHC string; NULL until the account is activated
    active boolean NOT NULL DEFAULT TRUE,
    last_sign_in_at timestamp,
    created_at timestamp NOT NULL,
    CHECK (password_hash IS NULL OR email IS NOT NULL OR phone IS NOT NULL)
);

CREATE TABLE sessions (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    token_hash blob NOT NULL UNIQUE, -- SHA-256; the token itself is never stored
    created_at timestamp NOT NULL,
    last_used_at timestamp NOT NULL,
    expires_at timestamp NOT NULL,
    CHECK (created_at <= expires_at)
);
CREATE INDEX sessions_account ON sessions (account_id); -- ending all sessions of an account
CREATE INDEX sessions_expiry ON sessions (expires_at); -- removing the expired

CREATE TABLE staff (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL UNIQUE REFERENCES accounts ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    designation text,
    gender text CHECK (gender IN ('FEMALE', 'MALE', 'OTHER')),
    birth_date date,
    temporary_address text,
    permanent_address text,
    marital_status text CHECK (marital_status IN ('SINGLE', 'MARRIED', 'DIVORCED', 'WIDOWED')),
    citizenship_number text,
    passport_number text,
    next_of_kin text,
    photo_url text,
    joining_date date,
    archived_at timestamp,
    created_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CHECK (birth_date < joining_date)
);
CREATE INDEX staff_name ON staff (name, id); -- staff(orderBy: NAME)

CREATE TABLE staff_roles (
    staff_id bigint NOT NULL REFERENCES staff ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('TEACHER', 'HOD', 'ADMISSION', 'ADMIN')),
    PRIMARY KEY (staff_id, role)
);

CREATE TABLE courses (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    code text NOT NULL UNIQUE CHECK (code <> ''),
    name text NOT NULL CHECK (name <> ''),
    description text,
    duration_years integer NOT NULL CHECK (duration_years BETWEEN 1 AND 10),
    duration_type text NOT NULL CHECK (duration_type IN ('YEAR', 'SEMESTER')),
    active boolean NOT NULL DEFAULT TRUE,
    hod_id bigint REFERENCES staff ON DELETE SET NULL,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX courses_hod ON courses (hod_id); -- row scope of an HOD
CREATE INDEX courses_name ON courses (name, id); -- courses(orderBy: NAME)

-- The periods a course has (one a year, or two), kept by the triggers below, so that a foreign key
-- can say "a period of that course" and a course cannot shrink under what was planned in it.
CREATE TABLE course_periods (
    course_id bigint NOT NULL REFERENCES courses ON DELETE CASCADE,
    period integer NOT NULL CHECK (period >= 1),
    PRIMARY KEY (course_id, period)
);
CREATE TRIGGER course_periods_insert AFTER INSERT ON courses BEGIN
    INSERT INTO course_periods SELECT NEW.id, n FROM period_numbers
        WHERE n <= NEW.duration_years * CASE NEW.duration_type WHEN 'SEMESTER' THEN 2 ELSE 1 END;
END;
CREATE TRIGGER course_periods_update AFTER UPDATE OF duration_years, duration_type ON courses BEGIN
    DELETE FROM course_periods WHERE course_id = NEW.id
        AND period > NEW.duration_years * CASE NEW.duration_type WHEN 'SEMESTER' THEN 2 ELSE 1 END;
    INSERT OR IGNORE INTO course_periods SELECT NEW.id, n FROM period_numbers
        WHERE n <= NEW.duration_years * CASE NEW.duration_type WHEN 'SEMESTER' THEN 2 ELSE 1 END;
END;
-- 1 to 20: a trigger may not hold a recursive query itself.
CREATE VIEW period_numbers AS WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 20)
    SELECT n FROM numbers;

CREATE TABLE students (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL UNIQUE REFERENCES accounts ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'LEAVE', 'COMPLETED')),
    gender text CHECK (gender IN ('FEMALE', 'MALE', 'OTHER')),
    birth_date date,
    temporary_address text,
    permanent_address text,
    marital_status text CHECK (marital_status IN ('SINGLE', 'MARRIED', 'DIVORCED', 'WIDOWED')),
    citizenship_number text,
    photo_url text,
    course_id bigint REFERENCES courses ON DELETE RESTRICT,
    current_period integer,
    joining_date date,
    archived_at timestamp,
    created_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1,
    FOREIGN KEY (course_id, current_period) REFERENCES course_periods ON DELETE RESTRICT,
    CHECK ((course_id IS NULL) = (current_period IS NULL)),
    CHECK (birth_date < joining_date)
);
CREATE INDEX students_name ON students (name, id); -- students(orderBy: NAME)
CREATE INDEX students_class ON students (course_id, current_period, id); -- scope of HOD and teacher, a course's students

CREATE TABLE parents (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL UNIQUE REFERENCES accounts ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    address text,
    photo_url text,
    archived_at timestamp,
    created_at timestamp NOT NULL,
    version integer NOT NULL DEFAULT 1
);
CREATE INDEX parents_name ON parents (name, id); -- parents(orderBy: NAME)

CREATE TABLE parent_students (
    parent_id bigint NOT NULL REFERENCES parents ON DELETE CASCADE,
    student_id bigint NOT NULL REFERENCES students ON DELETE CASCADE,
    PRIMARY KEY (parent_id, student_id) -- scope of a parent
);
CREATE INDEX parent_students_student ON parent_students (student_id, parent_id); -- a student's parents

CREATE TABLE batches (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    name text NOT NULL UNIQUE CHECK (name <> ''),
    start_date date,
    active boolean NOT NULL DEFAULT TRUE,
    version integer NOT NULL DEFAULT 1
);
CREATE TABLE batch_courses (
    batch_id bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    course_id bigint NOT NULL REFERENCES courses ON DELETE CASCADE,
    PRIMARY KEY (batch_id, course_id)
);
CREATE INDEX batch_courses_course ON batch_courses (course_id, batch_id); -- a course's batches
CREATE TABLE batch_students (
    batch_id bigint NOT NULL REFERENCES batches ON DELETE CASCADE,
    student_id bigint NOT NULL REFERENCES students ON DELETE CASCADE,
    PRIMARY KEY (batch_id, student_id) -- a batch's students
);
CREATE INDEX batch_students_student ON batch_students (student_id, batch_id); -- a student's batches

CREATE TABLE devices (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    token text NOT NULL UNIQUE CHECK (token <> ''),
    platform text NOT NULL CHECK (platform IN ('ANDROID', 'IOS', 'WEB')),
    active boolean NOT NULL DEFAULT TRUE,
    last_error text,
    created_at timestamp NOT NULL
);
CREATE INDEX devices_account ON devices (account_id); -- an account's devices
