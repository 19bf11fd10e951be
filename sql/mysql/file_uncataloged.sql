-- Reports that the catalog doesn't have yet, oldest first.
SELECT file_id, report, target, cataloged
FROM _ingest_file
WHERE (cataloged = 0 OR cataloged IS NULL) AND report IS NOT NULL AND state NOT IN ('loading', 'publishing')
ORDER BY claimed_at
