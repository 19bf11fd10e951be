-- The tables of the catalog that this user may not read and write.
SELECT c.relname AS name
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND c.relname = ANY (ARRAY['file_metadata', 'column_metadata', 'data_quality_metrics', 'schema_migration'])
  AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND (c.relname = 'schema_migration'
                OR has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))
ORDER BY 1
