-- What came today (or since a time of your choice), newest first?
-- since: a time with a zone; today, UTC, where it isn't given.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS arrived_utc,
    file_name, target_table, ingestion_status AS status,
    row_count AS rows_read, rows_loaded, rows_rejected,
    round(file_size_bytes / 1e6, 3) AS size_mb,
    processing_duration_seconds AS seconds
FROM file_latest
WHERE ingestion_timestamp >= COALESCE(%(since)s::timestamptz AT TIME ZONE 'UTC', date_trunc('day', now() AT TIME ZONE 'UTC'))
ORDER BY ingestion_timestamp DESC, id DESC;
