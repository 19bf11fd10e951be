-- Does the catalog have an attempt as its report says it ended, with all that is below it?
SELECT EXISTS (
    SELECT FROM file_metadata f
    WHERE f.ingest_file_id = %(file_id)s::uuid AND f.attempt = %(attempt)s
        AND f.ingestion_status = %(status)s AND f.file_path = %(file_path)s AND f.target_table = %(table)s
        AND (f.row_count, f.rows_loaded, f.rows_rejected, f.batches, f.column_count)
            IS NOT DISTINCT FROM (
                %(rows_read)s::bigint, %(rows_loaded)s::bigint, %(rows_rejected)s::bigint, %(batches)s::integer,
                %(column_count)s::integer
            )
        AND (f.sha256, f.archived_to, f.rejects_path, f.error_code, f.error_message, f.replays)
            IS NOT DISTINCT FROM (
                %(sha256)s::text, %(archived_to)s::text, %(rejects_path)s::text, %(error_code)s::text,
                %(error_message)s::text, %(replays)s::uuid
            )
        AND f.report IS NOT NULL
        AND (SELECT count(*) FROM column_metadata c WHERE c.file_metadata_id = f.id) = %(column_count)s
        AND (SELECT count(*) FROM data_quality_metrics q WHERE q.file_metadata_id = f.id) = %(check_count)s
) AS agrees;
