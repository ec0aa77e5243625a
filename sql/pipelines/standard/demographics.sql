-- Rows of media_raw.demographics that were not taken in yet, with the types of the table.
SELECT CAST(viewer_id AS BIGINT) AS viewer_id,
       CAST(household_id AS BIGINT) AS household_id,
       CAST(age AS INTEGER) AS age,
       CAST(age_group AS VARCHAR) AS age_group,
       CAST(gender AS VARCHAR) AS gender,
       CAST(region AS VARCHAR) AS region,
       CAST(income_band AS VARCHAR) AS income_band,
       CAST(device_type AS VARCHAR) AS device_type,
       CAST(plan AS VARCHAR) AS plan,
       CAST(signup_date AS DATE) AS signup_date
FROM media_raw.demographics
