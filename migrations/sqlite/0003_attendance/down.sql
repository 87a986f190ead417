DROP TABLE attendance_corrections;
DROP TABLE attendance_months;
DROP TABLE attendance_totals;
DROP TABLE attendance_records;
DROP TABLE attendance_sessions;
