-- Hours viewed by hour of the day (UTC).
-- column: hour_of_day | 0 to 23 | hour, UTC
-- column: hours_viewed | hours | time viewed
SELECT EXTRACT(hour FROM event_time) AS hour_of_day, ROUND(SUM(watch_seconds) / 3600.0, 1) AS hours_viewed
FROM media.viewership
GROUP BY EXTRACT(hour FROM event_time)
ORDER BY hour_of_day
