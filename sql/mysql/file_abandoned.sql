-- Unfinished loads of what was at this path before this file.
SELECT file_id, target, mode, quick_hash, content_hash, contract_hash, generation, batch_rows, batch_bytes, state, shadow, attempt,
  path, rows_loaded, rows_rejected, replays
FROM _ingest_file
WHERE target = %s AND path = %s AND state IN ('loading', 'publishing', 'failed')
  AND (quick_hash <> %s OR size_bytes <> %s)
