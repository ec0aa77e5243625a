-- Click-through rate by advertiser: clicks / impressions.
-- column: advertiser | text | advertiser
-- column: impressions | impressions | impressions delivered
-- column: clicks | clicks | clicks
-- column: ctr_pct | percent | clicks / impressions x 100
SELECT advertiser, SUM(impressions) AS impressions, SUM(clicks) AS clicks,
       ROUND(1e2 * SUM(clicks) / NULLIF(SUM(impressions), 0), 3) AS ctr_pct
FROM media.ad_revenue
GROUP BY advertiser
ORDER BY ctr_pct DESC
