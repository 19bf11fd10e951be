-- What an operator looks at first.

-- The latest attempt at each file.
CREATE VIEW file_latest AS
SELECT DISTINCT ON (COALESCE(ingest_file_id::text, id::text))
    id, ingest_file_id, attempt, run_id, file_name, file_path, file_size_bytes, feed, target_table, mode,
    ingestion_status, ingestion_timestamp, started_at, finished_at, processing_duration_seconds,
    row_count, rows_loaded, rows_rejected, rejects_by_class, rejects_path, archived_to, column_count, batches,
    error_code, error_message, error_retryable, sha256, updated_at
FROM file_metadata
ORDER BY COALESCE(ingest_file_id::text, id::text), attempt DESC NULLS LAST, id DESC;

-- How complete each column of each loaded file is: the share of rows that hold a value, 0 to 1.
CREATE VIEW column_completeness AS
SELECT
    f.id AS file_metadata_id, f.target_table, f.file_name, f.ingestion_timestamp,
    c.position, c.column_name, c.rows, c.null_count,
    (c.rows - c.null_count)::numeric / c.rows AS completeness
FROM file_latest f
JOIN column_metadata c ON c.file_metadata_id = f.id
WHERE f.ingestion_status = 'success' AND c.rows > 0;

COMMENT ON VIEW file_latest IS 'The latest attempt at each file.';
COMMENT ON VIEW column_completeness IS 'Share of rows that hold a value, per column of each loaded file.';
