-- TPC-H 3.0.1, 1.4.1, with the two indexes that its foreign keys want.
CREATE TABLE {table} (
  l_orderkey BIGINT NOT NULL,
  l_partkey BIGINT NOT NULL,
  l_suppkey BIGINT NOT NULL,
  l_linenumber INT NOT NULL,
  l_quantity DECIMAL(12,2) NOT NULL,
  l_extendedprice DECIMAL(12,2) NOT NULL,
  l_discount DECIMAL(12,2) NOT NULL,
  l_tax DECIMAL(12,2) NOT NULL,
  l_returnflag CHAR(1) NOT NULL,
  l_linestatus CHAR(1) NOT NULL,
  l_shipdate DATE NOT NULL,
  l_commitdate DATE NOT NULL,
  l_receiptdate DATE NOT NULL,
  l_shipinstruct CHAR(25) NOT NULL,
  l_shipmode CHAR(10) NOT NULL,
  l_comment VARCHAR(44) NOT NULL,
  PRIMARY KEY (l_orderkey, l_linenumber),
  INDEX idx_partkey_suppkey (l_partkey, l_suppkey),
  INDEX idx_suppkey (l_suppkey)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
