-- The id of one attempt's row, which is made where it isn't there yet. One that is there keeps its state.
INSERT INTO file_metadata (
    ingest_file_id, attempt, run_id, file_name, file_path, file_size_bytes, mtime, target_table, mode, feed,
    started_at, ingestion_timestamp, ingestion_status, replays
) VALUES (
    %(file_id)s::uuid, %(attempt)s, %(run_id)s, %(file_name)s, %(file_path)s, %(size_bytes)s, %(mtime)s::timestamptz,
    %(table)s, %(mode)s, %(feed)s, %(started_at)s::timestamptz, %(started_at)s::timestamptz AT TIME ZONE 'UTC',
    %(status)s, %(replays)s::uuid
)
ON CONFLICT (ingest_file_id, attempt) DO UPDATE SET updated_at = now()
RETURNING id;
