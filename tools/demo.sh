#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job end to end in ./demo on made-up data: raw files, their catalog, Iceberg tables, an
# incremental merge, answers. Can be run again; it starts from an empty folder each time.
set -euo pipefail
cd "$(dirname "$0")/.."
daypart="$PWD/build/daypart"
rm -rf demo && mkdir demo && cd demo

# Prints the command so that it can be pasted: words with other characters in double quotes.
step() {
  local line='' word
  for word in "$@"; do
    if [[ ! $word =~ ^[A-Za-z0-9_./:=,-]+$ ]]; then
      word=${word//\\/\\\\}
      word=${word//\"/\\\"}
      word=${word//\$/\\\$}
      word=\"${word//\`/\\\`}\"
    fi
    line+=" $word"
  done
  printf '\n$ daypart%s\n' "$line"
  "$daypart" "$@"
}

step init .
step generate --out data --events 1000000 --viewers 20000 --channels 60 --seed 7
step upload -r data raw/
step crawl raw/
step run
# Nothing is new now: nothing is read and nothing committed.
step run
step tables
step query "SELECT region, COUNT(*) AS views FROM viewership WHERE event_type = 'start'
            GROUP BY region ORDER BY views DESC LIMIT 5"
step query "SELECT c.channel_name, c.genre, ROUND(SUM(v.watch_seconds) / 3600.0, 1) AS hours_viewed
            FROM viewership v JOIN channel_metadata c USING (channel_id)
            GROUP BY ALL ORDER BY hours_viewed DESC LIMIT 5"
step query "SELECT daypart, SUM(revenue_usd) AS revenue_usd,
                   ROUND(1000 * SUM(revenue_usd) / SUM(impressions), 2) AS ecpm_usd
            FROM ad_revenue GROUP BY daypart ORDER BY revenue_usd DESC LIMIT 5"
cat <<'END'

The lake is in demo/; its catalog is a SQLite file that PyIceberg's SqlCatalog opens as it is.
Next, with the binary on the path (or after make install):
  cd demo; PATH="$PWD/../build:$PATH"
  daypart query --saved top_channels              ask something else; daypart queries lists more
  daypart load media.TABLE YOUR.csv               load your own files
  daypart stream create clicks                    a stream; daypart send --stream clicks fills it
  daypart serve                                   queries over HTTP, streams, upkeep of the tables
  daypart --help
END
