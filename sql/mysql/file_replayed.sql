-- The load that brought the corrected rejects of another one in.
SELECT file_id, target, mode, quick_hash, content_hash, contract_hash, generation, batch_rows, batch_bytes, state, shadow, attempt,
  path, rows_loaded, rows_rejected, replays
FROM _ingest_file
WHERE replays = %s AND state = 'published'
