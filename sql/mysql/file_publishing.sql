-- The intent to rename, committed before it, with the report of what will be published.
UPDATE _ingest_file SET state = 'publishing', content_hash = %s, report = %s WHERE file_id = %s
