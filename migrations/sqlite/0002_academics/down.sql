DROP TABLE routines;
DROP TABLE study_files;
DROP TABLE subjects;
