DROP TABLE devices, batch_students, batch_courses, batches, parent_students, parents, students,
    course_periods, courses, staff_roles, staff, sessions, accounts, institute;
DROP FUNCTION course_periods_keep;
