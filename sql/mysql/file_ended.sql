-- A load was held or failed, unless another worker has taken it over and perhaps published it.
UPDATE _ingest_file SET state = %s, ended_at = CURRENT_TIMESTAMP(6)
WHERE file_id = %s AND attempt = %s AND state NOT IN ('published', 'superseded')
