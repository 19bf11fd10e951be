-- The state of an attempt.
SELECT ingestion_status FROM file_metadata WHERE ingest_file_id = %(file_id)s::uuid AND attempt = %(attempt)s;
