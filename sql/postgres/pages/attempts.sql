-- All attempts at a file, the latest first.
SELECT
    id, attempt, run_id, ingestion_status, ingestion_timestamp, row_count, rows_loaded, rows_rejected,
    file_size_bytes, processing_duration_seconds::double precision AS seconds, error_code,
    left(error_message, 600) AS error_message
FROM file_metadata
WHERE ingest_file_id = %(file_id)s::uuid
ORDER BY attempt DESC
LIMIT %(limit)s::integer;
