-- How long do loads take, per table: median, 95th percentile, longest, and the rate over all of them?
-- days: how far back, 30 where it isn't given.
SELECT
    target_table,
    count(*) AS loads,
    round(percentile_cont(0.5) WITHIN GROUP (ORDER BY processing_duration_seconds)::numeric, 2) AS median_seconds,
    round(percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_duration_seconds)::numeric, 2) AS p95_seconds,
    max(processing_duration_seconds) AS longest_seconds,
    round(sum(file_size_bytes) / 1e6 / NULLIF(sum(processing_duration_seconds), 0), 2) AS mb_per_second,
    round(sum(rows_loaded) / NULLIF(sum(processing_duration_seconds), 0)) AS rows_per_second
FROM file_latest
WHERE ingestion_status = 'success'
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 30))
GROUP BY target_table
ORDER BY target_table;
