-- Advertising revenue by channel and daypart of the spot.
-- column: channel_name | text | channel
-- column: daypart | text | daypart of the spot
-- column: revenue_usd | USD | revenue
-- column: impressions | impressions | impressions delivered
SELECT c.channel_name, a.daypart, SUM(a.revenue_usd) AS revenue_usd, SUM(a.impressions) AS impressions
FROM media.ad_revenue a JOIN media.channel_metadata c ON c.channel_id = a.channel_id
GROUP BY c.channel_name, a.daypart
ORDER BY revenue_usd DESC
