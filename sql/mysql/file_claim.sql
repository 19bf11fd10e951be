-- A load begins.
INSERT INTO _ingest_file (file_id, target, mode, path, size_bytes, quick_hash, content_hash, contract_hash, generation,
  batch_rows, batch_bytes, state, shadow, owner, attempt, replays)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'loading', %s, %s, %s, %s)
