DROP TABLE subject_progress, course_trackings, notice_reads, notice_audiences, notices, institute_feedback,
    teacher_feedback, leave_requests, meeting_students, meeting_parents, meetings;
