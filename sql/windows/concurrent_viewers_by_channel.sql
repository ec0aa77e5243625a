-- Concurrent viewers: sessions with an event in the five minutes up to window_end, every minute.
-- A player sends a heartbeat more often than that, so a session without one has ended.
-- target: media.concurrent_viewers_by_channel
-- lateness: 1 hour
SELECT channel_id, window_start, window_end,
       COUNT(DISTINCT session_id) AS concurrent_viewers
FROM media.viewership_stream
WHERE event_type <> 'stop'
GROUP BY channel_id, hop(event_time, INTERVAL '1 minute', INTERVAL '5 minutes')
