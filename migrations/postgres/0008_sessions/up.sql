-- On what device a session was begun, as far as it says so: for its owner to know it from others.
ALTER TABLE sessions ADD COLUMN device text CHECK (length(device) BETWEEN 1 AND 200);
