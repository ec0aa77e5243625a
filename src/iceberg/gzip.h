// SPDX-License-Identifier: Apache-2.0
//
// Gunzip: metadata files that other writers compressed (write.metadata.compression-codec=gzip).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace daypart::iceberg {

/// Whether the bytes begin as gzip's do (RFC 1952).
bool is_gzip(std::string_view bytes);
/// The content of a gzip file of one member. errors: kCorruptData if it is cut short or damaged;
///   kResourceExhausted above 1 GiB of content.
Result<std::string> Gunzip(std::string_view bytes);

}  // namespace daypart::iceberg
