-- Some of a file's columns with their statistics, in the file's order.
SELECT
    position, column_name, original_name, column_type, kind, rows, null_count, empties, unique_count, distinct_error,
    min_value, max_value, total, mean, stddev, min_chars, max_chars, sample_values::text AS sample_values,
    quantiles::text AS quantiles, quantiles_error, top_values::text AS top_values, top_error,
    histogram::text AS histogram
FROM column_metadata
WHERE file_metadata_id = %(id)s::integer AND position >= %(offset)s::integer
ORDER BY position
LIMIT %(limit)s::integer;
