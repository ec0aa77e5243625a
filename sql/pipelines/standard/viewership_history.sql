-- Rows of media_raw.historical_data that were not taken in yet, with the types of the table.
SELECT CAST(event_id AS BIGINT) AS event_id,
       CAST(session_id AS VARCHAR) AS session_id,
       CAST(viewer_id AS BIGINT) AS viewer_id,
       CAST(channel_id AS BIGINT) AS channel_id,
       CAST(content_id AS BIGINT) AS content_id,
       CAST(content_type AS VARCHAR) AS content_type,
       CAST(region AS VARCHAR) AS region,
       CAST(device_type AS VARCHAR) AS device_type,
       CAST(event_type AS VARCHAR) AS event_type,
       CAST(event_time AS TIMESTAMP WITH TIME ZONE) AS event_time,
       CAST(watch_seconds AS BIGINT) AS watch_seconds,
       CAST(bitrate_kbps AS INTEGER) AS bitrate_kbps,
       CAST(buffering_ms AS BIGINT) AS buffering_ms
FROM media_raw.historical_data
