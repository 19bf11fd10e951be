-- A change of state that somebody other than the engine decides, such as a scheduler's retry.
UPDATE file_metadata SET
    ingestion_status = %(status)s,
    error_code = COALESCE(%(error_code)s, error_code),
    error_message = COALESCE(%(error_message)s, error_message),
    error_retryable = COALESCE(%(error_retryable)s, error_retryable),
    updated_at = now()
WHERE ingest_file_id = %(file_id)s::uuid AND attempt = %(attempt)s
RETURNING id;
