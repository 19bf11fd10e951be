-- What the target held before is gone: the files may come again.
UPDATE _ingest_file SET state = 'superseded' WHERE target = %s AND state = 'published' AND file_id <> %s
