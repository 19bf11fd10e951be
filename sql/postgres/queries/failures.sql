-- What failed, and why, and has not succeeded since?
-- days: how far back, 7 where it isn't given.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS failed_utc,
    file_name, target_table, ingestion_status AS status, attempt,
    error_code, error_message, error_retryable AS retryable, file_path
FROM file_latest
WHERE ingestion_status IN ('failed', 'retry')
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 7))
ORDER BY ingestion_timestamp DESC, id DESC;
