-- A load that was cut short goes on, under a new attempt, which keeps out whoever still works on the old one. One that
-- may be renamed already keeps saying so.
UPDATE _ingest_file
SET state = IF(state = 'publishing', state, 'loading'), attempt = %s, owner = %s, path = %s, report = NULL,
  cataloged = 0, ended_at = NULL
WHERE file_id = %s
