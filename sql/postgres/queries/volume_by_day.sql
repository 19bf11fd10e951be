-- How much came into each table on each day (UTC): files, rows, megabytes, and the rows so far?
-- days: how far back, 30 where it isn't given; the rows so far count from then.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD') AS day,
    target_table,
    count(*) AS files,
    sum(rows_loaded)::bigint AS rows_loaded,
    round(sum(file_size_bytes) / 1e6, 3) AS size_mb,
    (sum(sum(rows_loaded)) OVER (
        PARTITION BY target_table ORDER BY to_char(ingestion_timestamp, 'YYYY-MM-DD')
    ))::bigint AS rows_so_far
FROM file_latest
WHERE ingestion_status = 'success'
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 30))
GROUP BY 1, target_table
ORDER BY 1 DESC, target_table;
