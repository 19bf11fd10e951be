-- Rows loaded, files loaded and files that failed or are held, for each day (UTC) that has any.
SELECT
    f.ingestion_timestamp::date AS day,
    count(*) FILTER (WHERE f.ingestion_status = 'success') AS loaded,
    count(*) FILTER (WHERE f.ingestion_status IN ('failed', 'held')) AS failed,
    COALESCE(sum(f.rows_loaded), 0)::bigint AS rows_loaded
FROM file_metadata f
WHERE f.ingestion_timestamp >= (now() AT TIME ZONE 'UTC')::date - (%(days)s::integer - 1)
    AND (%(table)s::text IS NULL OR f.target_table = %(table)s::text)
    AND (%(feed)s::text IS NULL OR f.feed = %(feed)s::text)
GROUP BY 1
ORDER BY 1;
