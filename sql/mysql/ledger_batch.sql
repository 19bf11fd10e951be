-- One row per batch, inserted first in the transaction that loads the batch: error 1062 means that it is in already.
CREATE TABLE IF NOT EXISTS _ingest_batch (
  file_id BINARY(16) NOT NULL,
  batch_no INT UNSIGNED NOT NULL,
  byte_start BIGINT UNSIGNED NOT NULL,
  byte_end BIGINT UNSIGNED NOT NULL,
  first_line BIGINT UNSIGNED NOT NULL,
  rows_read BIGINT UNSIGNED NOT NULL,
  rows_loaded BIGINT UNSIGNED NOT NULL,
  -- CRC-32 of the source bytes of the range.
  crc32 INT UNSIGNED NOT NULL,
  -- The rows that the table didn't take, as JSON, so that a load that goes on rejects the same ones.
  refused LONGTEXT NULL,
  committed_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (file_id, batch_no)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin
