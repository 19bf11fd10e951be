-- Every load in the order of its id, some at a time, without its report.
SELECT file_id, attempt, state, target, mode, path, size_bytes, content_hash, rows_read, rows_loaded, rows_rejected, replays,
  claimed_at, COALESCE(ended_at, claimed_at), cataloged
FROM _ingest_file
WHERE file_id > %s
ORDER BY file_id
LIMIT %s
