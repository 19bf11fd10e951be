-- One attempt at a file, with everything about it but columns and metrics. JSON as text: its numbers stay exact.
SELECT
    id, ingest_file_id::text AS file_id, attempt, run_id, file_name, file_path, file_size_bytes, mtime, sha256, feed,
    target_table, mode, ingestion_status, ingestion_timestamp, started_at, finished_at, row_count, rows_loaded,
    rows_rejected, rejects_by_class::text AS rejects_by_class, rejects_path, archived_to, blank_lines, repaired_rows,
    restarts, batches, seconds_by_step::text AS seconds_by_step,
    processing_duration_seconds::double precision AS seconds, column_count, error_code, error_message,
    error_retryable, replays::text AS replays, receipt::text AS receipt, report::text AS report
FROM file_metadata
WHERE id = %(id)s::integer;
