DROP TABLE second_factor_roles;
ALTER TABLE accounts DROP COLUMN second_factor_at;
DROP TABLE recovery_codes, second_factors;
