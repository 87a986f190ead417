DROP TABLE routines, study_files, subjects;
DROP FUNCTION weekly_slots;
DROP EXTENSION btree_gist;
