-- What pages of files, runs and trends look for, so that they stay quick with many files.

CREATE INDEX IF NOT EXISTS idx_file_metadata_run ON file_metadata (run_id, ingestion_timestamp);
CREATE INDEX IF NOT EXISTS idx_file_metadata_feed ON file_metadata (feed, ingestion_timestamp) WHERE feed IS NOT NULL;

-- Metrics of whole files: a file of 2,000 columns has 4,000 of its columns beside them.
CREATE INDEX IF NOT EXISTS idx_data_quality_metrics_of_files
    ON data_quality_metrics (file_metadata_id) WHERE column_name IS NULL;
