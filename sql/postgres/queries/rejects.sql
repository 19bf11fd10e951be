-- Which files had rejected rows, of which classes, and where are the reject files?
-- days: how far back, 30 where it isn't given.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS arrived_utc,
    file_name, target_table, ingestion_status AS status,
    row_count AS rows_read, rows_rejected,
    round(100.0 * rows_rejected / NULLIF(row_count, 0), 3) AS percent,
    rejects_by_class, rejects_path
FROM file_latest
WHERE rows_rejected > 0
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 30))
ORDER BY ingestion_timestamp DESC, id DESC;
