-- A load was held or failed.
UPDATE _ingest_file SET state = %s, ended_at = CURRENT_TIMESTAMP(6) WHERE file_id = %s
