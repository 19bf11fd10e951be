-- The report as it was in the end, and whether the catalog has it.
UPDATE _ingest_file SET report = %s, cataloged = %s WHERE file_id = %s AND attempt = %s
