-- What an operator does from the machine itself (`rollcall accounts`) is by nobody's account.
ALTER TABLE audit_entries ALTER COLUMN account_id DROP NOT NULL;
