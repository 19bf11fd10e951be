-- Attempts that count as running, whether or not anybody is at them.
SELECT ingest_file_id::text AS file_id, attempt, target_table
FROM file_metadata
WHERE ingestion_status = 'running' AND ingest_file_id IS NOT NULL
ORDER BY id;
