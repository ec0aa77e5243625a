-- Rows of media_raw.channel_metadata that were not taken in yet, with the types of the table.
SELECT CAST(channel_id AS BIGINT) AS channel_id,
       CAST(channel_name AS VARCHAR) AS channel_name,
       CAST(network AS VARCHAR) AS network,
       CAST(genre AS VARCHAR) AS genre,
       CAST(language AS VARCHAR) AS language,
       CAST(country AS VARCHAR) AS country,
       CAST(launch_date AS DATE) AS launch_date,
       CAST(tier AS VARCHAR) AS tier,
       CAST(base_cpm_usd AS DECIMAL(18, 4)) AS base_cpm_usd
FROM media_raw.channel_metadata
