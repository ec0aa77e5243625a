-- Delivery of each campaign by day, and its running share of all it delivered.
-- column: campaign_id | id | campaign
-- column: day | date | day, UTC
-- column: impressions | impressions | delivered that day
-- column: delivered_pct | percent | of the campaign's impressions so far
SELECT campaign_id, day, impressions,
       ROUND(100.0 * SUM(impressions) OVER (PARTITION BY campaign_id ORDER BY day)
             / NULLIF(SUM(impressions) OVER (PARTITION BY campaign_id), 0), 1) AS delivered_pct
FROM (SELECT campaign_id, CAST(spot_start AS DATE) AS day, SUM(impressions) AS impressions
      FROM media.ad_revenue
      GROUP BY campaign_id, CAST(spot_start AS DATE)) AS days
ORDER BY campaign_id, day
