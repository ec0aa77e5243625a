-- Until a stream has made a table of this name: the viewing events that were loaded.
SELECT * FROM media.viewership
