-- The last loads into each of these tables, by feed: rows and seconds, oldest first.
SELECT wanted.target_table, wanted.feed, load.rows_loaded, load.seconds
FROM unnest(%(tables)s::text[], %(feeds)s::text[]) AS wanted (target_table, feed)
CROSS JOIN LATERAL (
    SELECT f.ingestion_timestamp, f.id, f.rows_loaded, f.processing_duration_seconds::double precision AS seconds
    FROM file_metadata f
    WHERE f.target_table = wanted.target_table AND f.feed IS NOT DISTINCT FROM wanted.feed
        AND f.ingestion_status = 'success'
    ORDER BY f.ingestion_timestamp DESC, f.id DESC
    LIMIT %(limit)s::integer
) AS load
ORDER BY wanted.target_table, wanted.feed, load.ingestion_timestamp, load.id;
