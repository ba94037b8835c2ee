-- The table that is captured, and its first rows: order 2 was deleted before anybody looked.
CREATE DATABASE IF NOT EXISTS orders_db;
USE orders_db;

CREATE TABLE orders (
  id         BIGINT         NOT NULL AUTO_INCREMENT,
  symbol     VARCHAR(20)    NOT NULL,
  side       ENUM('BUY', 'SELL') NOT NULL,
  quantity   INT            NOT NULL,
  price      DECIMAL(15, 2) NOT NULL,
  status     VARCHAR(20)    NOT NULL DEFAULT 'PENDING',
  created_at TIMESTAMP(3)   NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  updated_at TIMESTAMP(3)   NOT NULL DEFAULT CURRENT_TIMESTAMP(3) ON UPDATE CURRENT_TIMESTAMP(3),
  PRIMARY KEY (id),
  KEY orders_symbol (symbol)
) ENGINE = InnoDB;

INSERT INTO orders (id, symbol, side, quantity, price, status) VALUES
  (1, '005930', 'BUY', 100, 72000, 'FILLED'),
  (2, '000660', 'BUY', 50, 178000, 'PENDING'),
  (3, '035420', 'BUY', 30, 215000, 'FILLED'),
  (4, '035720', 'BUY', 200, 450000, 'PENDING');
DELETE FROM orders WHERE id = 2;
