-- The target of sales_*.csv. {table} is the name under which it is built before it is published.
CREATE TABLE {table} (
  id INT AUTO_INCREMENT PRIMARY KEY,
  transaction_id VARCHAR(50),
  customer_id VARCHAR(50),
  product_name VARCHAR(255),
  quantity INT,
  price DECIMAL(10,2),
  transaction_date DATE,
  region VARCHAR(100),
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  INDEX idx_transaction_date (transaction_date),
  INDEX idx_customer_id (customer_id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
