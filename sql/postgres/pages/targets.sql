-- The tables (and feeds) that files of the last days went to, the busiest lately first.
SELECT
    f.target_table, f.feed, count(*) AS files,
    count(*) FILTER (WHERE f.ingestion_status IN ('failed', 'held')) AS failed,
    COALESCE(sum(f.rows_loaded), 0)::bigint AS rows_loaded, max(f.ingestion_timestamp) AS latest
FROM file_metadata f
WHERE f.ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => %(days)s::integer)
GROUP BY f.target_table, f.feed
ORDER BY max(f.ingestion_timestamp) DESC, f.target_table, f.feed
LIMIT %(limit)s::integer;
