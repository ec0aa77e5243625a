-- Viewers of each day who were never seen before, and those who were.
-- column: day | date | day, UTC
-- column: new_viewers | persons | seen for the first time
-- column: returning_viewers | persons | seen on an earlier day
SELECT d.day, SUM(CASE WHEN d.day = f.first_day THEN 1 ELSE 0 END) AS new_viewers,
       SUM(CASE WHEN d.day > f.first_day THEN 1 ELSE 0 END) AS returning_viewers
FROM (SELECT DISTINCT viewer_id, CAST(event_time AS DATE) AS day FROM media.viewership) AS d
JOIN (SELECT viewer_id, MIN(CAST(event_time AS DATE)) AS first_day
      FROM media.viewership GROUP BY viewer_id) AS f ON f.viewer_id = d.viewer_id
GROUP BY d.day
ORDER BY d.day
