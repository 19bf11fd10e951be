-- A file that failed and came again is found by its name: pages list it once.

CREATE INDEX IF NOT EXISTS idx_file_metadata_file_name ON file_metadata (file_name);
