-- What the engine knows beyond the agreed columns: the ledger's identity, counts, receipt, statistics.

ALTER TABLE file_metadata
    ALTER COLUMN row_count TYPE BIGINT,
    ADD COLUMN IF NOT EXISTS ingest_file_id UUID,
    ADD COLUMN IF NOT EXISTS attempt INTEGER,
    ADD COLUMN IF NOT EXISTS run_id TEXT,
    ADD COLUMN IF NOT EXISTS sha256 TEXT,
    ADD COLUMN IF NOT EXISTS mtime TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS feed TEXT,
    ADD COLUMN IF NOT EXISTS mode TEXT,
    ADD COLUMN IF NOT EXISTS started_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS finished_at TIMESTAMPTZ,
    ADD COLUMN IF NOT EXISTS updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ADD COLUMN IF NOT EXISTS rows_loaded BIGINT,
    ADD COLUMN IF NOT EXISTS rows_rejected BIGINT,
    ADD COLUMN IF NOT EXISTS rejects_by_class JSONB,
    ADD COLUMN IF NOT EXISTS rejects_path TEXT,
    ADD COLUMN IF NOT EXISTS archived_to TEXT,
    ADD COLUMN IF NOT EXISTS blank_lines BIGINT,
    ADD COLUMN IF NOT EXISTS repaired_rows BIGINT,
    ADD COLUMN IF NOT EXISTS restarts INTEGER,
    ADD COLUMN IF NOT EXISTS batches INTEGER,
    ADD COLUMN IF NOT EXISTS seconds_by_step JSONB,
    ADD COLUMN IF NOT EXISTS error_code TEXT,
    ADD COLUMN IF NOT EXISTS error_retryable BOOLEAN,
    ADD COLUMN IF NOT EXISTS receipt JSONB,
    ADD COLUMN IF NOT EXISTS report JSONB;

CREATE UNIQUE INDEX IF NOT EXISTS uq_file_metadata_attempt ON file_metadata (ingest_file_id, attempt);
CREATE INDEX IF NOT EXISTS idx_file_metadata_status ON file_metadata (ingestion_status, ingestion_timestamp);
CREATE INDEX IF NOT EXISTS idx_file_metadata_target ON file_metadata (target_table, ingestion_timestamp);
CREATE INDEX IF NOT EXISTS idx_file_metadata_sha256 ON file_metadata (sha256);

ALTER TABLE column_metadata
    ALTER COLUMN null_count TYPE BIGINT,
    ALTER COLUMN unique_count TYPE BIGINT,
    ADD COLUMN IF NOT EXISTS original_name TEXT,
    ADD COLUMN IF NOT EXISTS position INTEGER,
    ADD COLUMN IF NOT EXISTS kind TEXT,
    ADD COLUMN IF NOT EXISTS rows BIGINT,
    ADD COLUMN IF NOT EXISTS empties BIGINT,
    ADD COLUMN IF NOT EXISTS distinct_error DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS total TEXT,
    ADD COLUMN IF NOT EXISTS mean DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS stddev DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS min_chars BIGINT,
    ADD COLUMN IF NOT EXISTS max_chars BIGINT,
    ADD COLUMN IF NOT EXISTS quantiles JSONB,
    ADD COLUMN IF NOT EXISTS quantiles_error DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS top_values JSONB,
    ADD COLUMN IF NOT EXISTS top_error DOUBLE PRECISION,
    ADD COLUMN IF NOT EXISTS histogram JSONB;

-- Also the index of the foreign key.
CREATE UNIQUE INDEX IF NOT EXISTS uq_column_metadata_position ON column_metadata (file_metadata_id, position);

ALTER TABLE data_quality_metrics
    ADD COLUMN IF NOT EXISTS position INTEGER,
    ADD COLUMN IF NOT EXISTS column_name VARCHAR(255),
    ADD COLUMN IF NOT EXISTS passed BOOLEAN,
    ADD COLUMN IF NOT EXISTS message TEXT;

CREATE UNIQUE INDEX IF NOT EXISTS uq_data_quality_metrics_position
    ON data_quality_metrics (file_metadata_id, position);

COMMENT ON TABLE file_metadata IS 'One row per attempt at a file; a projection of the ledger in MySQL.';
COMMENT ON COLUMN file_metadata.ingest_file_id IS 'The ledger''s id, the same for every attempt at the same file.';
COMMENT ON COLUMN file_metadata.ingestion_status IS
    'queued, running, retry: on its way. success: loaded. duplicate: the same content was loaded before, nothing '
    'was loaded now. held: staged, but a rule or the reject limit stopped it. failed: see error_message.';
COMMENT ON COLUMN file_metadata.ingestion_timestamp IS 'When the attempt began, in UTC; started_at with its zone.';
COMMENT ON COLUMN file_metadata.created_at IS 'When this row was first written, in UTC.';
COMMENT ON COLUMN file_metadata.row_count IS 'Rows read: rows_loaded + rows_rejected for a loaded file.';
COMMENT ON COLUMN file_metadata.columns_info IS 'The file''s columns in order: name, header text, MySQL type.';
COMMENT ON COLUMN file_metadata.file_path IS 'Cut to 1,000 characters where longer; whole in report.';
COMMENT ON COLUMN file_metadata.receipt IS 'Rows and columns as counted while reading, beside what MySQL confirmed.';
COMMENT ON COLUMN file_metadata.report IS
    'The whole report but for columns (columns_info, column_metadata), checks (data_quality_metrics) and receipt.';
COMMENT ON COLUMN column_metadata.original_name IS 'The header''s own text, empty where the file has no header.';
COMMENT ON COLUMN column_metadata.rows IS 'Rows that the statistics cover, NULLs included.';
COMMENT ON COLUMN column_metadata.unique_count IS 'Distinct values other than NULL; distinct_error is the relative standard error (0: exact).';
COMMENT ON COLUMN column_metadata.min_value IS 'ISO 8601 or exact decimal text; cut to 1,000 characters where longer.';
COMMENT ON COLUMN column_metadata.total IS 'Exact sum as decimal text, for numbers.';
COMMENT ON COLUMN data_quality_metrics.column_name IS 'NULL for a property of the whole file.';
COMMENT ON COLUMN data_quality_metrics.metric_type IS 'Unit of metric_value: ratio (0 to 1), count, seconds or text.';
COMMENT ON COLUMN data_quality_metrics.passed IS 'NULL where there is no rule to hold it against.';
