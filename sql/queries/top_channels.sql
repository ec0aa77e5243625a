-- Channels by hours viewed.
-- column: channel_name | text | channel
-- column: genre | text | genre
-- column: hours_viewed | hours | time viewed
-- column: viewers | persons | different viewers
SELECT c.channel_name, c.genre, ROUND(SUM(v.watch_seconds) / 3600.0, 1) AS hours_viewed,
       COUNT(DISTINCT v.viewer_id) AS viewers
FROM media.viewership v JOIN media.channel_metadata c ON c.channel_id = v.channel_id
GROUP BY c.channel_name, c.genre
ORDER BY hours_viewed DESC, c.channel_name
LIMIT 20
