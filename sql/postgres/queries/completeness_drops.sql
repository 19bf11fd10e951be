-- Which columns of a table's latest load are less complete than in its earlier loads, or missing altogether?
-- loads: how many earlier loads to compare with, 10 where it isn't given.
-- least_drop: smallest loss that counts, as a share of the rows (0 to 1), 0.01 where it isn't given.
WITH load AS (
    SELECT
        file_metadata_id, target_table, file_name,
        row_number() OVER (
            PARTITION BY target_table ORDER BY max(ingestion_timestamp) DESC, file_metadata_id DESC
        ) AS age
    FROM column_completeness
    GROUP BY file_metadata_id, target_table, file_name
),
earlier AS (
    SELECT
        load.target_table, c.column_name, count(*) AS loads,
        sum(c.rows - c.null_count) / sum(c.rows) AS completeness
    FROM load
    JOIN column_completeness c USING (file_metadata_id)
    WHERE load.age BETWEEN 2 AND 1 + COALESCE(%(loads)s::integer, 10)
    GROUP BY load.target_table, c.column_name
)
SELECT
    earlier.target_table, earlier.column_name,
    round(earlier.completeness, 4) AS before,
    round(COALESCE(c.completeness, 0), 4) AS now,
    c.column_name IS NULL AS missing,
    earlier.loads AS loads_compared,
    load.file_name AS latest_file
FROM earlier
JOIN load ON load.target_table = earlier.target_table AND load.age = 1
LEFT JOIN column_completeness c
    ON c.file_metadata_id = load.file_metadata_id AND c.column_name = earlier.column_name
WHERE earlier.completeness > 0
    AND earlier.completeness - COALESCE(c.completeness, 0) >= COALESCE(%(least_drop)s::numeric, 0.01)
ORDER BY earlier.completeness - COALESCE(c.completeness, 0) DESC, 1, 2;
