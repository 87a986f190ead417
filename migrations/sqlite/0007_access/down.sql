DROP TABLE access_subjects;
DROP TABLE access_entries;
