-- Rebuffer ratio by device: buffering / (viewing + buffering), pauses left out.
-- column: device_type | text | device
-- column: rebuffer_pct | percent | of the time spent watching or waiting
-- column: bitrate_kbps | kbit/s | mean bitrate of the events
SELECT device_type,
       ROUND(1e2 * SUM(buffering_ms) / NULLIF(SUM(watch_seconds) * 1000 + SUM(buffering_ms), 0), 3) AS rebuffer_pct,
       ROUND(AVG(bitrate_kbps), 0) AS bitrate_kbps
FROM media.viewership
GROUP BY device_type
ORDER BY rebuffer_pct DESC
