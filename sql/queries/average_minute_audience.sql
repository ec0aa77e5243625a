-- Average minute audience of each channel: time viewed / length of the period measured.
-- column: channel_name | text | channel
-- column: average_minute_audience | persons | viewers in the average minute
SELECT c.channel_name,
       ROUND(SUM(v.watch_seconds) * 1.0 / (SELECT EXTRACT(epoch FROM MAX(event_time) - MIN(event_time))
                                           FROM media.viewership), 2) AS average_minute_audience
FROM media.viewership v JOIN media.channel_metadata c ON c.channel_id = v.channel_id
GROUP BY c.channel_name
ORDER BY average_minute_audience DESC
