CREATE TABLE {table} (
  id BIGINT AUTO_INCREMENT PRIMARY KEY,
  ticket INT,
  opened DATE,
  title VARCHAR(200),
  body TEXT,
  answer TEXT,
  INDEX idx_opened (opened),
  INDEX idx_ticket (ticket)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4
