-- Earlier loads of the same feed into the same table, the latest first.
SELECT
    id, file_name, ingestion_timestamp, rows_loaded, rows_rejected, file_size_bytes,
    processing_duration_seconds::double precision AS seconds
FROM file_metadata
WHERE target_table = %(table)s::text AND feed IS NOT DISTINCT FROM %(feed)s::text
    AND ingestion_status = 'success' AND id <> %(id)s::integer
    AND (ingestion_timestamp, id) < (%(before)s::timestamp, %(id)s::integer)
ORDER BY ingestion_timestamp DESC, id DESC
LIMIT %(limit)s::integer;
