-- What people ask for most. A row that is there twice does not change what these show.

-- Orders as they stand now: the last change of each by its time in the database. At one time a deletion comes before the
-- insertion that replaces it (a changed symbol), and a later offset after an earlier one.
CREATE VIEW IF NOT EXISTS {database}.orders_current AS
SELECT
    order_id,
    last.1 AS symbol,
    last.2 AS side,
    last.3 AS quantity,
    last.4 AS price,
    last.5 AS amount,
    last.6 AS status,
    changed_at
FROM
(
    SELECT
        order_id,
        argMax((symbol, side, quantity, price, amount, status, op), (event_time, op != 'd', `offset`)) AS last,
        max(event_time) AS changed_at
    FROM {database}.orders_raw
    GROUP BY order_id
)
WHERE last.7 != 'd';

-- A window's last word: with allowed lateness a window may be corrected.
CREATE VIEW IF NOT EXISTS {database}.order_agg_latest AS
SELECT
    symbol,
    window_start,
    window_end,
    last.1 AS first_event,
    last.2 AS orders,
    last.3 AS buys,
    last.4 AS sells,
    last.5 AS total,
    last.6 AS avg,
    last.7 AS min,
    last.8 AS max,
    revision
FROM
(
    SELECT
        symbol,
        window_start,
        window_end,
        argMax((first_event, orders, buys, sells, total, avg, min, max), order_agg_5m.revision) AS last,
        max(order_agg_5m.revision) AS revision
    FROM {database}.order_agg_5m
    GROUP BY symbol, window_start, window_end
);
