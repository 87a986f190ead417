// @generated automatically by Diesel CLI.

diesel::table! {
    access_entries (id) {
        id -> Int8,
        at -> Timestamp,
        account_id -> Nullable<Int8>,
        api_key_id -> Nullable<Int8>,
        outcome -> Text,
        type_name -> Text,
        field_name -> Text,
        row_count -> Int4,
        request_id -> Text,
    }
}

diesel::table! {
    access_subjects (entry_id, subject_id) {
        entry_id -> Int8,
        subject_id -> Int8,
    }
}

diesel::table! {
    accounts (id) {
        id -> Int8,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        active -> Bool,
        last_sign_in_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        second_factor_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Int8,
        name -> Text,
        prefix -> Text,
        key_hash -> Bytea,
        scope -> Text,
        created_by -> Int8,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        last_used_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        version -> Int4,
    }
}

diesel::table! {
    attendance_corrections (id) {
        id -> Int8,
        session_id -> Int8,
        student_id -> Int8,
        from_status -> Text,
        to_status -> Text,
        reason -> Nullable<Text>,
        corrected_by -> Int8,
        corrected_at -> Timestamp,
    }
}

diesel::table! {
    attendance_excuses (session_id, student_id) {
        session_id -> Int8,
        student_id -> Int8,
        leave_request_id -> Int8,
        marked_status -> Nullable<Text>,
    }
}

diesel::table! {
    attendance_months (student_id, month) {
        student_id -> Int8,
        month -> Date,
        present -> Int4,
        absent -> Int4,
        late -> Int4,
        excused -> Int4,
    }
}

diesel::table! {
    attendance_records (id) {
        id -> Int8,
        session_id -> Int8,
        student_id -> Int8,
        status -> Text,
        date -> Date,
        subject_id -> Int8,
        held -> Bool,
    }
}

diesel::table! {
    attendance_sessions (id) {
        id -> Int8,
        routine_id -> Int8,
        subject_id -> Int8,
        date -> Date,
        teacher_id -> Int8,
        held -> Bool,
        teacher_attended -> Bool,
        marked_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    attendance_totals (student_id, subject_id) {
        student_id -> Int8,
        subject_id -> Int8,
        present -> Int4,
        absent -> Int4,
        late -> Int4,
        excused -> Int4,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> Int8,
        at -> Timestamp,
        account_id -> Nullable<Int8>,
        action -> Text,
        subject_type -> Text,
        subject_id -> Int8,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        request_id -> Text,
    }
}

diesel::table! {
    batch_courses (batch_id, course_id) {
        batch_id -> Int8,
        course_id -> Int8,
    }
}

diesel::table! {
    batch_students (batch_id, student_id) {
        batch_id -> Int8,
        student_id -> Int8,
    }
}

diesel::table! {
    batches (id) {
        id -> Int8,
        name -> Text,
        start_date -> Nullable<Date>,
        active -> Bool,
        version -> Int4,
    }
}

diesel::table! {
    client_mutations (account_id, key) {
        account_id -> Int8,
        key -> Text,
        mutation -> Text,
        input_digest -> Bytea,
        result -> Text,
        at -> Timestamp,
    }
}

diesel::table! {
    course_periods (course_id, period) {
        course_id -> Int8,
        period -> Int4,
    }
}

diesel::table! {
    course_trackings (id) {
        id -> Int8,
        student_id -> Int8,
        course_id -> Int8,
        enrolled_on -> Date,
        started_on -> Date,
        expected_end -> Date,
        actual_end -> Nullable<Date>,
        status -> Text,
        completion -> Float8,
        current_period -> Int4,
        period_started_on -> Date,
        period_ends_on -> Date,
        notes -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    courses (id) {
        id -> Int8,
        code -> Text,
        name -> Text,
        description -> Nullable<Text>,
        duration_years -> Int4,
        duration_type -> Text,
        active -> Bool,
        hod_id -> Nullable<Int8>,
        version -> Int4,
    }
}

diesel::table! {
    devices (id) {
        id -> Int8,
        account_id -> Int8,
        token -> Text,
        platform -> Text,
        active -> Bool,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    event_topics (topic, event_id) {
        topic -> Text,
        event_id -> Int8,
    }
}

diesel::table! {
    events (id) {
        id -> Int8,
        kind -> Text,
        subject_id -> Int8,
        student_id -> Nullable<Int8>,
        actor_account_id -> Nullable<Int8>,
        at -> Timestamp,
        told_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    exports (id) {
        id -> Int8,
        account_id -> Int8,
        course_id -> Int8,
        first_day -> Date,
        last_day -> Date,
        state -> Text,
        content -> Nullable<Text>,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    identities (id) {
        id -> Int8,
        account_id -> Int8,
        issuer -> Text,
        subject -> Text,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
    }
}

diesel::table! {
    institute (id) {
        id -> Int4,
        name -> Text,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        registration_number -> Nullable<Text>,
        tax_number -> Nullable<Text>,
        logo_url -> Nullable<Text>,
        description -> Nullable<Text>,
        time_zone -> Text,
        version -> Int4,
    }
}

diesel::table! {
    institute_feedback (id) {
        id -> Int8,
        account_id -> Int8,
        #[sql_name = "type"]
        type_ -> Text,
        half_stars -> Int4,
        message -> Nullable<Text>,
        anonymous -> Bool,
        public -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    jobs (id) {
        id -> Int8,
        key -> Text,
        kind -> Text,
        priority -> Int4,
        payload -> Text,
        batch -> Nullable<Text>,
        state -> Text,
        due_at -> Timestamp,
        attempts -> Int4,
        lease -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        last_error -> Nullable<Text>,
        created_at -> Timestamp,
        finished_at -> Nullable<Timestamp>,
        lane -> Text,
    }
}

diesel::table! {
    leave_requests (id) {
        id -> Int8,
        student_id -> Nullable<Int8>,
        staff_id -> Nullable<Int8>,
        requested_by -> Int8,
        first_day -> Date,
        last_day -> Date,
        message -> Text,
        status -> Text,
        decided_by -> Nullable<Int8>,
        decided_at -> Nullable<Timestamp>,
        remark -> Nullable<Text>,
        created_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    meeting_parents (meeting_id, parent_id) {
        meeting_id -> Int8,
        parent_id -> Int8,
        starts_at -> Timestamp,
        ends_at -> Timestamp,
        open -> Bool,
    }
}

diesel::table! {
    meeting_students (meeting_id, student_id) {
        meeting_id -> Int8,
        student_id -> Int8,
    }
}

diesel::table! {
    meetings (id) {
        id -> Int8,
        staff_id -> Int8,
        starts_at -> Timestamp,
        ends_at -> Timestamp,
        status -> Text,
        open -> Bool,
        agenda -> Nullable<Text>,
        notes -> Nullable<Text>,
        cancellation_reason -> Nullable<Text>,
        online -> Bool,
        link -> Nullable<Text>,
        created_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    notice_audiences (id) {
        id -> Int8,
        notice_id -> Int8,
        kind -> Text,
        role -> Nullable<Text>,
        course_id -> Nullable<Int8>,
        batch_id -> Nullable<Int8>,
    }
}

diesel::table! {
    notice_reads (account_id, notice_id) {
        notice_id -> Int8,
        account_id -> Int8,
        read_at -> Timestamp,
    }
}

diesel::table! {
    notices (id) {
        id -> Int8,
        title -> Text,
        message -> Text,
        image_url -> Nullable<Text>,
        file_url -> Nullable<Text>,
        published_by -> Nullable<Int8>,
        published_at -> Timestamp,
        version -> Int4,
        withdrawn_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    notification_choices (account_id, category, channel) {
        account_id -> Int8,
        category -> Text,
        channel -> Text,
        wanted -> Bool,
    }
}

diesel::table! {
    notification_jobs (job_id, notification_id) {
        job_id -> Int8,
        notification_id -> Int8,
    }
}

diesel::table! {
    notification_settings (account_id) {
        account_id -> Int8,
        language -> Text,
        digest -> Bool,
        quiet_from -> Nullable<Time>,
        quiet_to -> Nullable<Time>,
    }
}

diesel::table! {
    notifications (id) {
        id -> Int8,
        account_id -> Int8,
        event_id -> Int8,
        at -> Timestamp,
        read_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    one_time_codes (account_id, purpose) {
        account_id -> Int8,
        purpose -> Text,
        code_hash -> Bytea,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        attempts -> Int4,
        used_at -> Nullable<Timestamp>,
        hour_began_at -> Timestamp,
        issued -> Int4,
    }
}

diesel::table! {
    parent_students (parent_id, student_id) {
        parent_id -> Int8,
        student_id -> Int8,
    }
}

diesel::table! {
    parents (id) {
        id -> Int8,
        account_id -> Int8,
        name -> Text,
        address -> Nullable<Text>,
        photo_url -> Nullable<Text>,
        archived_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    recovery_codes (account_id, code_hash) {
        account_id -> Int8,
        code_hash -> Bytea,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    routines (id) {
        id -> Int8,
        course_id -> Int8,
        period -> Int4,
        subject_id -> Int8,
        teacher_id -> Int8,
        weekdays -> Int4,
        starts_at -> Time,
        ends_at -> Time,
        room -> Nullable<Text>,
        active -> Bool,
        version -> Int4,
    }
}

diesel::table! {
    schedules (name) {
        name -> Text,
        next_at -> Timestamp,
    }
}

diesel::table! {
    second_factor_roles (role) {
        role -> Text,
    }
}

diesel::table! {
    second_factors (account_id) {
        account_id -> Int8,
        secret -> Bytea,
        created_at -> Timestamp,
        last_step -> Int8,
        uses -> Int4,
        failures -> Int4,
        paused_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Int8,
        account_id -> Int8,
        token_hash -> Bytea,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
        expires_at -> Timestamp,
        device -> Nullable<Text>,
    }
}

diesel::table! {
    staff (id) {
        id -> Int8,
        account_id -> Int8,
        name -> Text,
        designation -> Nullable<Text>,
        gender -> Nullable<Text>,
        birth_date -> Nullable<Date>,
        temporary_address -> Nullable<Text>,
        permanent_address -> Nullable<Text>,
        marital_status -> Nullable<Text>,
        citizenship_number -> Nullable<Text>,
        passport_number -> Nullable<Text>,
        next_of_kin -> Nullable<Text>,
        photo_url -> Nullable<Text>,
        joining_date -> Nullable<Date>,
        archived_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    staff_roles (staff_id, role) {
        staff_id -> Int8,
        role -> Text,
    }
}

diesel::table! {
    students (id) {
        id -> Int8,
        account_id -> Int8,
        name -> Text,
        status -> Text,
        gender -> Nullable<Text>,
        birth_date -> Nullable<Date>,
        temporary_address -> Nullable<Text>,
        permanent_address -> Nullable<Text>,
        marital_status -> Nullable<Text>,
        citizenship_number -> Nullable<Text>,
        photo_url -> Nullable<Text>,
        course_id -> Nullable<Int8>,
        current_period -> Nullable<Int4>,
        joining_date -> Nullable<Date>,
        archived_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        version -> Int4,
    }
}

diesel::table! {
    study_files (id) {
        id -> Int8,
        subject_id -> Int8,
        title -> Text,
        description -> Nullable<Text>,
        file_url -> Text,
        uploaded_by -> Nullable<Int8>,
        uploaded_at -> Timestamp,
    }
}

diesel::table! {
    subject_progress (id) {
        id -> Int8,
        student_id -> Int8,
        subject_id -> Int8,
        status -> Text,
        completion -> Float8,
        notes -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    subjects (id) {
        id -> Int8,
        course_id -> Int8,
        period -> Int4,
        code -> Text,
        name -> Text,
        syllabus_url -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    teacher_feedback (id) {
        id -> Int8,
        teacher_id -> Int8,
        student_id -> Int8,
        parent_id -> Nullable<Int8>,
        half_stars -> Int4,
        message -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::joinable!(access_entries -> accounts (account_id));
diesel::joinable!(access_entries -> api_keys (api_key_id));
diesel::joinable!(access_subjects -> access_entries (entry_id));
diesel::joinable!(api_keys -> accounts (created_by));
diesel::joinable!(attendance_corrections -> accounts (corrected_by));
diesel::joinable!(attendance_excuses -> leave_requests (leave_request_id));
diesel::joinable!(attendance_months -> students (student_id));
diesel::joinable!(attendance_records -> students (student_id));
diesel::joinable!(attendance_sessions -> staff (teacher_id));
diesel::joinable!(attendance_totals -> students (student_id));
diesel::joinable!(attendance_totals -> subjects (subject_id));
diesel::joinable!(audit_entries -> accounts (account_id));
diesel::joinable!(batch_courses -> batches (batch_id));
diesel::joinable!(batch_courses -> courses (course_id));
diesel::joinable!(batch_students -> batches (batch_id));
diesel::joinable!(batch_students -> students (student_id));
diesel::joinable!(client_mutations -> accounts (account_id));
diesel::joinable!(course_periods -> courses (course_id));
diesel::joinable!(course_trackings -> courses (course_id));
diesel::joinable!(course_trackings -> students (student_id));
diesel::joinable!(courses -> staff (hod_id));
diesel::joinable!(devices -> accounts (account_id));
diesel::joinable!(event_topics -> events (event_id));
diesel::joinable!(events -> students (student_id));
diesel::joinable!(exports -> accounts (account_id));
diesel::joinable!(exports -> courses (course_id));
diesel::joinable!(identities -> accounts (account_id));
diesel::joinable!(institute_feedback -> accounts (account_id));
diesel::joinable!(leave_requests -> staff (staff_id));
diesel::joinable!(leave_requests -> students (student_id));
diesel::joinable!(meeting_parents -> parents (parent_id));
diesel::joinable!(meeting_students -> meetings (meeting_id));
diesel::joinable!(meeting_students -> students (student_id));
diesel::joinable!(meetings -> staff (staff_id));
diesel::joinable!(notice_audiences -> batches (batch_id));
diesel::joinable!(notice_audiences -> courses (course_id));
diesel::joinable!(notice_audiences -> notices (notice_id));
diesel::joinable!(notice_reads -> accounts (account_id));
diesel::joinable!(notice_reads -> notices (notice_id));
diesel::joinable!(notices -> staff (published_by));
diesel::joinable!(notification_choices -> accounts (account_id));
diesel::joinable!(notification_jobs -> jobs (job_id));
diesel::joinable!(notification_jobs -> notifications (notification_id));
diesel::joinable!(notification_settings -> accounts (account_id));
diesel::joinable!(notifications -> accounts (account_id));
diesel::joinable!(notifications -> events (event_id));
diesel::joinable!(one_time_codes -> accounts (account_id));
diesel::joinable!(parent_students -> parents (parent_id));
diesel::joinable!(parent_students -> students (student_id));
diesel::joinable!(parents -> accounts (account_id));
diesel::joinable!(recovery_codes -> second_factors (account_id));
diesel::joinable!(routines -> courses (course_id));
diesel::joinable!(routines -> staff (teacher_id));
diesel::joinable!(second_factors -> accounts (account_id));
diesel::joinable!(sessions -> accounts (account_id));
diesel::joinable!(staff -> accounts (account_id));
diesel::joinable!(staff_roles -> staff (staff_id));
diesel::joinable!(students -> accounts (account_id));
diesel::joinable!(students -> courses (course_id));
diesel::joinable!(study_files -> staff (uploaded_by));
diesel::joinable!(study_files -> subjects (subject_id));
diesel::joinable!(subject_progress -> students (student_id));
diesel::joinable!(subject_progress -> subjects (subject_id));
diesel::joinable!(subjects -> courses (course_id));
diesel::joinable!(teacher_feedback -> parents (parent_id));
diesel::joinable!(teacher_feedback -> staff (teacher_id));
diesel::joinable!(teacher_feedback -> students (student_id));

diesel::allow_tables_to_appear_in_same_query!(
    access_entries,
    access_subjects,
    accounts,
    api_keys,
    attendance_corrections,
    attendance_excuses,
    attendance_months,
    attendance_records,
    attendance_sessions,
    attendance_totals,
    audit_entries,
    batch_courses,
    batch_students,
    batches,
    client_mutations,
    course_periods,
    course_trackings,
    courses,
    devices,
    event_topics,
    events,
    exports,
    identities,
    institute,
    institute_feedback,
    jobs,
    leave_requests,
    meeting_parents,
    meeting_students,
    meetings,
    notice_audiences,
    notice_reads,
    notices,
    notification_choices,
    notification_jobs,
    notification_settings,
    notifications,
    one_time_codes,
    parent_students,
    parents,
    recovery_codes,
    routines,
    schedules,
    second_factor_roles,
    second_factors,
    sessions,
    staff,
    staff_roles,
    students,
    study_files,
    subject_progress,
    subjects,
    teacher_feedback,
);
