-- What began and has not ended: is it still running, waiting, or did its process die?
-- minutes: only what began at least so long ago, 0 where it isn't given.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS began_utc,
    file_name, target_table, ingestion_status AS status, attempt,
    round(extract(epoch FROM now() AT TIME ZONE 'UTC' - ingestion_timestamp)::numeric / 60, 1) AS minutes,
    row_count AS rows_read, run_id
FROM file_latest
WHERE ingestion_status IN ('queued', 'running', 'retry')
    AND ingestion_timestamp
        <= now() AT TIME ZONE 'UTC' - make_interval(mins => COALESCE(%(minutes)s::integer, 0))
ORDER BY ingestion_timestamp, id;
