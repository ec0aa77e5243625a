-- Ad revenue of each daypart, a row for each day on which the spots began (UTC). Revenue is restated
-- for some weeks after a spot ran, hence the long lateness.
-- target: media.ad_revenue_by_daypart
-- lateness: 60 days
-- partition: month(window_start)
SELECT daypart, window_start, window_end,
       COUNT(*) AS spots,
       CAST(SUM(impressions) AS BIGINT) AS impressions,
       CAST(SUM(clicks) AS BIGINT) AS clicks,
       CAST(SUM(revenue_usd) AS DECIMAL(18, 4)) AS revenue_usd
FROM media.ad_revenue
GROUP BY daypart, tumble(spot_start, INTERVAL '1 day')
