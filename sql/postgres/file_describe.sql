-- What is known of a file once it has been read.
UPDATE file_metadata SET
    row_count = %(rows_read)s,
    column_count = %(column_count)s,
    columns_info = %(columns_info)s::jsonb,
    updated_at = now()
WHERE ingest_file_id = %(file_id)s::uuid AND attempt = %(attempt)s
RETURNING id;
