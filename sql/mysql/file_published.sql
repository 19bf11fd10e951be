-- The file is in. The catalog is about to be told (cataloged IS NULL) by whoever holds the target's lock.
UPDATE _ingest_file
SET state = 'published', content_hash = %s, rows_read = %s, rows_loaded = %s, rows_rejected = %s, report = %s,
  cataloged = NULL, ended_at = CURRENT_TIMESTAMP(6)
WHERE file_id = %s
