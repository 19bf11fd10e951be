-- Rejects that were corrected and loaded: which load they belong to.

ALTER TABLE file_metadata ADD COLUMN IF NOT EXISTS replays UUID;

CREATE INDEX IF NOT EXISTS idx_file_metadata_replays ON file_metadata (replays) WHERE replays IS NOT NULL;

COMMENT ON COLUMN file_metadata.replays IS
    'The ingest_file_id of the load whose corrected rejects this file has; NULL for any other file.';

CREATE OR REPLACE VIEW file_latest AS
SELECT DISTINCT ON (COALESCE(ingest_file_id::text, id::text))
    id, ingest_file_id, attempt, run_id, file_name, file_path, file_size_bytes, feed, target_table, mode,
    ingestion_status, ingestion_timestamp, started_at, finished_at, processing_duration_seconds,
    row_count, rows_loaded, rows_rejected, rejects_by_class, rejects_path, archived_to, column_count, batches,
    error_code, error_message, error_retryable, sha256, updated_at, replays
FROM file_metadata
ORDER BY COALESCE(ingest_file_id::text, id::text), attempt DESC NULLS LAST, id DESC;
