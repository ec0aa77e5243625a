-- Time viewed by device.
-- column: device_type | text | device
-- column: hours_viewed | hours | time viewed
-- column: share_pct | percent | of all time viewed
SELECT device_type, ROUND(SUM(watch_seconds) / 3600.0, 1) AS hours_viewed,
       ROUND(100.0 * SUM(watch_seconds) / NULLIF(SUM(SUM(watch_seconds)) OVER (), 0), 1) AS share_pct
FROM media.viewership
GROUP BY device_type
ORDER BY hours_viewed DESC
