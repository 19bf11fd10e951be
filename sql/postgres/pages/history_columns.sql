-- How complete some columns were in these loads; a column that stood elsewhere then isn't looked for.
SELECT file_metadata_id, column_name, rows, null_count
FROM column_metadata
WHERE file_metadata_id = ANY(%(ids)s::integer[])
    AND position BETWEEN %(first)s::integer AND %(last)s::integer AND rows > 0;
