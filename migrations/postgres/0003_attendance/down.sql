DROP TABLE attendance_corrections, attendance_months, attendance_totals;
DROP FUNCTION attendance_add, attendance_subtract;
DROP TABLE attendance_records, attendance_sessions;
DROP FUNCTION attendance_count;
