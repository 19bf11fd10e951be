-- Which loads were not confirmed by MySQL, column by column: receipt switched off, missing, or different?
-- days: how far back, 30 where it isn't given.
SELECT
    to_char(ingestion_timestamp, 'YYYY-MM-DD HH24:MI:SS') AS arrived_utc,
    file_name, target_table, rows_loaded,
    (receipt ->> 'rows_mysql')::bigint AS rows_mysql,
    COALESCE(receipt ->> 'note', 'no receipt') AS note,
    ARRAY(
        SELECT c ->> 'column'
        FROM jsonb_array_elements(receipt -> 'columns') AS c
        WHERE NOT (c ->> 'equal')::boolean
    ) AS different_columns
FROM file_metadata
WHERE ingestion_status = 'success'
    AND (
        receipt IS NULL
        OR NOT (receipt ->> 'verified')::boolean
        OR receipt -> 'rows_engine' <> receipt -> 'rows_mysql'
        OR EXISTS (
            SELECT 1 FROM jsonb_array_elements(receipt -> 'columns') AS c WHERE NOT (c ->> 'equal')::boolean
        )
    )
    AND ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => COALESCE(%(days)s::integer, 30))
ORDER BY ingestion_timestamp DESC, id DESC;
