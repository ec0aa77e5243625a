// SPDX-License-Identifier: Apache-2.0
//
// A raw table's description as the JSON document that the catalog file keeps. Unknown members are
// ignored and absent ones take their defaults, so that versions of Daypart read each other's
// documents.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "catalog/raw_catalog.h"

namespace daypart::catalog {

/// All of the table but its name, version and time of update, which are columns beside the
/// document.
std::string RawTableToJson(const RawTable& table);

/// errors: kCorruptData if the text is no such document; kUnsupported for a format or type that
///   this version does not know.
Result<RawTable> RawTableFromJson(std::string_view text);

}  // namespace daypart::catalog
