-- Which files were held back, or recognised as duplicates and not loaded?
-- days: how far back, 30 where it isn't given.
SELECT
    to_char(f.ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS arrived_utc,
    f.file_name, f.target_table, f.ingestion_status AS status, f.error_code, f.error_message,
    original.file_name AS loaded_before_as,
    f.file_path
FROM file_latest f
LEFT JOIN LATERAL (
    SELECT o.file_name
    FROM file_metadata o
    WHERE f.ingestion_status = 'duplicate' AND o.ingestion_status = 'success'
        AND o.sha256 = f.sha256 AND o.target_table = f.target_table AND o.id <> f.id
    ORDER BY o.ingestion_timestamp DESC, o.id DESC
    LIMIT 1
) original ON true
WHERE f.ingestion_status IN ('held', 'duplicate')
    AND f.ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 30))
ORDER BY f.ingestion_timestamp DESC, f.id DESC;
