-- Rows of media_raw.ad_revenue that were not taken in yet, with the types of the table.
SELECT CAST(ad_id AS BIGINT) AS ad_id,
       CAST(campaign_id AS BIGINT) AS campaign_id,
       CAST(advertiser AS VARCHAR) AS advertiser,
       CAST(channel_id AS BIGINT) AS channel_id,
       CAST(region AS VARCHAR) AS region,
       CAST(spot_start AS TIMESTAMP WITH TIME ZONE) AS spot_start,
       CAST(daypart AS VARCHAR) AS daypart,
       CAST(duration_seconds AS INTEGER) AS duration_seconds,
       CAST(impressions AS BIGINT) AS impressions,
       CAST(clicks AS BIGINT) AS clicks,
       CAST(revenue_usd AS DECIMAL(18, 4)) AS revenue_usd,
       CAST(updated_at AS TIMESTAMP WITH TIME ZONE) AS updated_at
FROM media_raw.ad_revenue
