DROP TABLE access_subjects, access_entries;
DROP FUNCTION access_entries_keep;
