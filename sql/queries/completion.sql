-- Sessions that ended with a stop, by content type. A session without one was cut off.
-- column: content_type | text | kind of content
-- column: sessions | sessions | sessions begun
-- column: stopped | sessions | that ended with a stop
-- column: stopped_pct | percent | of those begun
SELECT content_type, COUNT(*) AS sessions, SUM(is_stopped) AS stopped,
       ROUND(100.0 * SUM(is_stopped) / COUNT(*), 1) AS stopped_pct
FROM (SELECT session_id, content_type,
             MAX(CASE WHEN event_type = 'stop' THEN 1 ELSE 0 END) AS is_stopped
      FROM media.viewership
      GROUP BY session_id, content_type) AS sessions
GROUP BY content_type
ORDER BY content_type
