-- The catalog has the report.
UPDATE _ingest_file SET cataloged = 1 WHERE file_id = %s
