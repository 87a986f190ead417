//! What the catalogue of PostgreSQL says of the tables.

/// The columns of the tables, with their place in the primary key.
pub const COLUMNS: &str = "
    SELECT t.relname::text AS table_name, c.attname::text AS name, format_type(c.atttypid, NULL) AS declared,
        coalesce(array_position(k.conkey, c.attnum), 0) AS place
    FROM pg_class t
    JOIN pg_attribute c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped
    LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind IN ('r', 'p')
        AND t.relname <> '__diesel_schema_migrations'";

/// Which tables refer to which.
pub const REFERENCES: &str = "
    SELECT DISTINCT t.relname::text AS referring, r.relname::text AS referred FROM pg_constraint k
    JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class r ON r.oid = k.confrelid
    WHERE k.contype = 'f' AND t.relnamespace = current_schema()::regnamespace";

/// The last numbers that were given, of the tables that give them.
pub const COUNTERS: &str = "
    SELECT c.table_name::text AS table_name, coalesce(s.last_value, 0) AS last
    FROM information_schema.columns c
    JOIN pg_sequences s ON format('%I.%I', s.schemaname, s.sequencename)
        = pg_get_serial_sequence(quote_ident(c.table_name), c.column_name)
    WHERE c.table_schema = current_schema() AND c.is_identity = 'YES'";

/// Lets the numbers of a table go on after one.
pub const GO_ON: [&str; 1] = ["
    SELECT setval(pg_get_serial_sequence(quote_ident(table_name), column_name), $2)
    FROM information_schema.columns
    WHERE table_schema = current_schema() AND is_identity = 'YES' AND table_name = $1 AND $2 > 0"];

/// Which database this is: two that say the same are one. A server starts once at any microsecond.
pub const IDENTITY: &str = "
    SELECT concat_ws(' ', pg_postmaster_start_time(), current_setting('port'), current_database()) AS identity";
