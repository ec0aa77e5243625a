#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What failed in the last run of ctest, in a few lines: the names of GoogleTest's and pytest's cases
# and what they found. Whoever sees only the end of a log sees this.
#
#     tools/failures.sh BUILD-FOLDER
set -euo pipefail
log="${1:?usage: tools/failures.sh BUILD-FOLDER}/Testing/Temporary/LastTest.log"
[ -f "$log" ] || exit 0
printf '\nFailed cases:\n'
grep -a -E '^(FAILED|ERROR) |^\[  FAILED  \] |: Failure$|^E  ' "$log" | cut -c -200 |
  awk '!seen[$0]++' | tail -40
