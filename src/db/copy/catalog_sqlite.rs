//! What the catalogue of SQLite says of the tables.

/// The columns of the tables, with their place in the primary key.
pub const COLUMNS: &str = "
    SELECT t.name AS table_name, c.name AS name, c.type AS declared, c.pk AS place
    FROM sqlite_master t, pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '__diesel_schema_migrations'";

/// Which tables refer to which.
pub const REFERENCES: &str = "
    SELECT DISTINCT t.name AS referring, r.\"table\" AS referred
    FROM sqlite_master t, pragma_foreign_key_list(t.name) r WHERE t.type = 'table'";

/// The last numbers that were given, of the tables that have given any.
pub const COUNTERS: &str = "SELECT name AS table_name, seq AS last FROM sqlite_sequence";

/// Lets the numbers of a table go on after one. SQLite keeps no row for a table that has had none.
pub const GO_ON: [&str; 2] = [
    "INSERT INTO sqlite_sequence (name, seq)
        SELECT ?1, 0 WHERE ?2 > 0 AND NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
    "UPDATE sqlite_sequence SET seq = ?2 WHERE name = ?1 AND ?2 > 0",
];

/// Which database this is: two that say the same are one.
pub const IDENTITY: &str = "SELECT file AS identity FROM pragma_database_list WHERE name = 'main'";
