-- Hours viewed by genre and age group.
-- column: genre | text | genre of the channel
-- column: age_group | text | age group of the viewer
-- column: hours_viewed | hours | time viewed
-- column: viewers | persons | different viewers
SELECT c.genre, d.age_group, ROUND(SUM(v.watch_seconds) / 3600.0, 1) AS hours_viewed,
       COUNT(DISTINCT v.viewer_id) AS viewers
FROM media.viewership v
JOIN media.channel_metadata c ON c.channel_id = v.channel_id
JOIN media.demographics d ON d.viewer_id = v.viewer_id
GROUP BY c.genre, d.age_group
ORDER BY c.genre, d.age_group
