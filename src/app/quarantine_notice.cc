// SPDX-License-Identifier: Apache-2.0
//
// The query can be pasted.
#include "app/quarantine_notice.h"

#include "app/output.h"

namespace daypart::app {

std::string QuarantineNotice(int64_t count, std::string_view thing, std::string_view table) {
  return "daypart: " + Counted(count, thing) + " did not fit and " + (count == 1 ? "is" : "are") +
" kept in media.quarantine with its place and the reason; see: daypart query \"SELECT "
         "source_file, line, reason FROM media.quarantine WHERE target_table = '" +
         std::string(table) + "' LIMIT 10\"";
}

}  // namespace daypart::app
