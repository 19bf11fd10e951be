-- How many files these are by state, and their rows; counted up to a limit. The same files as in files.sql.
SELECT ingestion_status, count(*) AS files, sum(rows_loaded)::bigint AS rows_loaded,
    sum(rows_rejected)::bigint AS rows_rejected, sum(file_size_bytes)::bigint AS size_bytes
FROM (
    SELECT f.ingestion_status, f.rows_loaded, f.rows_rejected, f.file_size_bytes
    FROM file_metadata f
    WHERE (%(days)s::integer IS NULL OR f.ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => %(days)s::integer))
        AND (%(states)s::text[] IS NULL OR f.ingestion_status = ANY(%(states)s::text[]))
        AND (%(table)s::text IS NULL OR f.target_table = %(table)s::text)
        AND (%(feed)s::text IS NULL OR f.feed = %(feed)s::text)
        AND (%(name)s::text IS NULL OR position(lower(%(name)s::text) IN lower(f.file_name)) > 0)
        AND (%(run)s::text IS NULL OR f.run_id = %(run)s::text)
        AND NOT EXISTS (
            SELECT FROM file_metadata later
            WHERE later.ingest_file_id = f.ingest_file_id AND later.attempt > f.attempt
                AND (%(run)s::text IS NULL OR later.run_id = f.run_id)
        )
        AND NOT (f.ingestion_status IN ('failed', 'held') AND EXISTS (
            SELECT FROM file_metadata again
            WHERE again.file_name = f.file_name AND again.file_path = f.file_path AND again.id > f.id
                AND (
                    again.run_id = f.run_id
                    OR (%(run)s::text IS NULL AND again.mtime = f.mtime AND again.file_size_bytes = f.file_size_bytes)
                )
        ))
    LIMIT %(limit)s::integer
) AS counted
GROUP BY ingestion_status;
