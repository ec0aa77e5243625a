-- Views begun and time watched, a row for each region and minute of the stream.
-- target: media.views_by_region_minute
-- lateness: 1 hour
SELECT region, window_start, window_end,
       COUNT(*) FILTER (WHERE event_type = 'start') AS views,
       COUNT(*) AS events,
       COUNT(DISTINCT viewer_id) AS viewers,
       CAST(SUM(watch_seconds) AS BIGINT) AS watch_seconds
FROM media.viewership_stream
GROUP BY region, tumble(event_time, INTERVAL '1 minute')
