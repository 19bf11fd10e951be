-- The loads that may be of this very file into this target, newest first.
SELECT file_id, target, mode, quick_hash, content_hash, contract_hash, generation, batch_rows, batch_bytes, state, shadow, attempt,
  path, rows_loaded, rows_rejected, replays
FROM _ingest_file
WHERE target = %s AND quick_hash = %s AND size_bytes = %s
ORDER BY claimed_at DESC, generation DESC
