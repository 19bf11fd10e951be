-- The row of one attempt as it starts. The same attempt again starts afresh; what it had described stays until then.
-- Under the target's lock nobody else can be at this file: an attempt at it that still counts as running has died, and
-- one that waits for its turn never comes to it. A file that is queued again takes the place of its earlier queueing.
WITH died AS (
    UPDATE file_metadata SET
        ingestion_status = 'failed',
        error_code = 'run.interrupted',
        error_message = 'the process died before the file was done; a later attempt took over',
        error_retryable = TRUE,
        updated_at = now()
    WHERE (ingestion_status IN ('queued', 'retry') OR (%(status)s = 'running' AND ingestion_status = 'running'))
      AND file_path = %(file_path)s AND target_table = %(table)s
      AND (ingest_file_id, attempt) IS DISTINCT FROM (%(file_id)s::uuid, %(attempt)s::integer)
)
INSERT INTO file_metadata (
    ingest_file_id, attempt, run_id, file_name, file_path, file_size_bytes, mtime, target_table, mode, feed,
    started_at, ingestion_timestamp, ingestion_status, replays
) VALUES (
    %(file_id)s::uuid, %(attempt)s, %(run_id)s, %(file_name)s, %(file_path)s, %(size_bytes)s, %(mtime)s::timestamptz,
    %(table)s, %(mode)s, %(feed)s, %(started_at)s::timestamptz, %(started_at)s::timestamptz AT TIME ZONE 'UTC',
    %(status)s, %(replays)s::uuid
)
ON CONFLICT (ingest_file_id, attempt) DO UPDATE SET
    run_id = EXCLUDED.run_id,
    file_name = EXCLUDED.file_name,
    file_path = EXCLUDED.file_path,
    file_size_bytes = EXCLUDED.file_size_bytes,
    mtime = EXCLUDED.mtime,
    target_table = EXCLUDED.target_table,
    mode = EXCLUDED.mode,
    replays = EXCLUDED.replays,
    feed = EXCLUDED.feed,
    started_at = EXCLUDED.started_at,
    ingestion_timestamp = EXCLUDED.ingestion_timestamp,
    ingestion_status = EXCLUDED.ingestion_status,
    finished_at = NULL,
    processing_duration_seconds = NULL,
    error_code = NULL,
    error_message = NULL,
    error_retryable = NULL,
    updated_at = now()
RETURNING id;
