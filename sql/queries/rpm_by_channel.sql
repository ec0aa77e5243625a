-- Revenue for a thousand impressions (eCPM) and for an hour viewed, by channel.
-- column: channel_name | text | channel
-- column: ecpm_usd | USD per 1000 impressions | revenue / impressions x 1000
-- column: revenue_per_hour_usd | USD per hour viewed | revenue / hours viewed
SELECT c.channel_name, ROUND(1e3 * a.revenue_usd / NULLIF(a.impressions, 0), 2) AS ecpm_usd,
       ROUND(a.revenue_usd * 36e2 / NULLIF(v.watch_seconds, 0), 4) AS revenue_per_hour_usd
FROM media.channel_metadata c
JOIN (SELECT channel_id, SUM(revenue_usd) AS revenue_usd, SUM(impressions) AS impressions
      FROM media.ad_revenue GROUP BY channel_id) AS a ON a.channel_id = c.channel_id
JOIN (SELECT channel_id, SUM(watch_seconds) AS watch_seconds
      FROM media.viewership GROUP BY channel_id) AS v ON v.channel_id = c.channel_id
ORDER BY ecpm_usd DESC
