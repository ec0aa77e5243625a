-- Average minute audience of each channel, for Athena: intervals have no epoch there.
SELECT c.channel_name,
       ROUND(SUM(v.watch_seconds) * 1e0 / (SELECT date_diff('millisecond', MIN(event_time), MAX(event_time)) / 1e3
                                           FROM media.viewership), 2) AS average_minute_audience
FROM media.viewership v JOIN media.channel_metadata c ON c.channel_id = v.channel_id
GROUP BY c.channel_name
ORDER BY average_minute_audience DESC
