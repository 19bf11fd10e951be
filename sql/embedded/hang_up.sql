-- Ends what a program that died has left open, and waits for the end: a transaction of it would keep its locks for good.
SELECT count(pg_catalog.pg_terminate_backend(pid, 5000))
FROM pg_catalog.pg_stat_activity
WHERE datname = pg_catalog.current_database() AND application_name = %s AND pid <> pg_catalog.pg_backend_pid();
