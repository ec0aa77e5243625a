-- Hours viewed by daypart (metaglossary.com's table; times in UTC).
-- column: daypart | text | daypart
-- column: hours_viewed | hours | time viewed
-- column: share_pct | percent | of all time viewed
SELECT daypart, ROUND(SUM(watch_seconds) / 3600.0, 1) AS hours_viewed,
       ROUND(100.0 * SUM(watch_seconds) / NULLIF(SUM(SUM(watch_seconds)) OVER (), 0), 1) AS share_pct
FROM (SELECT watch_seconds,
       CASE
         WHEN EXTRACT(hour FROM event_time) BETWEEN 1 AND 5 THEN 'late_night'
         WHEN EXTRACT(hour FROM event_time) BETWEEN 6 AND 8 THEN 'early_morning'
         WHEN EXTRACT(hour FROM event_time) BETWEEN 9 AND 11 THEN 'morning'
         WHEN EXTRACT(hour FROM event_time) BETWEEN 12 AND 15 THEN 'daytime'
         WHEN EXTRACT(hour FROM event_time) BETWEEN 16 AND 17 THEN 'early_fringe'
         WHEN EXTRACT(hour FROM event_time) = 18 THEN 'early_news'
         WHEN EXTRACT(hour FROM event_time) = 19 THEN 'prime_access'
         WHEN EXTRACT(hour FROM event_time) BETWEEN 20 AND 22 THEN 'prime'
         WHEN EXTRACT(hour FROM event_time) = 23 AND EXTRACT(minute FROM event_time) < 30 THEN 'late_news'
         ELSE 'late_fringe' END AS daypart
      FROM media.viewership) AS events
GROUP BY daypart
ORDER BY hours_viewed DESC
