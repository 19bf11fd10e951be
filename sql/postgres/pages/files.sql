-- The latest attempts at files, newest first, one page of them; of a run, the latest attempts in that run. A file that
-- failed is left out where it came again: corrected within its run, or unchanged in a later one.
SELECT
    f.id, f.ingest_file_id::text AS file_id, f.attempt, f.run_id, f.file_name, f.feed, f.target_table,
    f.ingestion_status, f.ingestion_timestamp, f.file_size_bytes, f.row_count, f.rows_loaded, f.rows_rejected,
    f.processing_duration_seconds::double precision AS seconds, f.error_code, left(f.error_message, 600) AS error_message
FROM file_metadata f
WHERE (%(days)s::integer IS NULL OR f.ingestion_timestamp >= now() AT TIME ZONE 'UTC' - make_interval(days => %(days)s::integer))
    AND (%(states)s::text[] IS NULL OR f.ingestion_status = ANY(%(states)s::text[]))
    AND (%(table)s::text IS NULL OR f.target_table = %(table)s::text)
    AND (%(feed)s::text IS NULL OR f.feed = %(feed)s::text)
    AND (%(name)s::text IS NULL OR position(lower(%(name)s::text) IN lower(f.file_name)) > 0)
    AND (%(file_name)s::text IS NULL OR f.file_name = %(file_name)s::text)
    AND (%(run)s::text IS NULL OR f.run_id = %(run)s::text)
    AND (%(file_ids)s::uuid[] IS NULL OR f.ingest_file_id = ANY(%(file_ids)s::uuid[]))
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
ORDER BY f.ingestion_timestamp DESC, f.id DESC
LIMIT %(limit)s::integer OFFSET %(offset)s::integer;
