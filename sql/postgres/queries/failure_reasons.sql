-- Which errors come most often, all attempts counted, with the latest message of each?
-- days: how far back, 7 where it isn't given.
SELECT
    COALESCE(error_code, 'unknown') AS error_code,
    count(*) AS attempts,
    count(DISTINCT ingest_file_id) AS files,
    to_char(max(ingestion_timestamp), 'YYYY-MM-DD HH24:MI:SS') AS latest_utc,
    (array_agg(error_message ORDER BY ingestion_timestamp DESC, id DESC))[1] AS latest_message
FROM file_metadata
WHERE ingestion_status IN ('failed', 'retry')
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 7))
GROUP BY 1
ORDER BY attempts DESC, 1;
