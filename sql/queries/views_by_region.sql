-- Viewing sessions begun, by the viewer's region.
-- column: region | text | region of the viewer
-- column: views | sessions | sessions begun
SELECT region, COUNT(*) AS views
FROM media.viewership
WHERE event_type = 'start'
GROUP BY region
ORDER BY views DESC
