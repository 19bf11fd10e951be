-- Which migrations this catalog has.
SELECT number FROM schema_migration ORDER BY number;
