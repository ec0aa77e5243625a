// SPDX-License-Identifier: Apache-2.0
//
// One file -> its shape: what it is (by its bytes, not by its name), and what its columns hold,
// from a bounded sample.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "crawl/file_shape.h"
#include "crawl/limits.h"
#include "store/object_store.h"

namespace daypart::crawl {

/// Why a file belongs to no table: "ZIP archive", "empty file", …
struct NotATable {
  std::string reason;
};

/// Reads the head of a file, and of an uncompressed UTF-8 one a part of its middle and its end.
///
/// returns: NotATable for empty, binary and other unusable files, and for one that vanished or may
///   not be read; a file that breaks off after its head gave records is still a table's, with a
///   warning.
/// errors: kUnavailable from the store.
Result<std::variant<FileShape, NotATable>> SampleFile(store::ObjectStore& store,
                                                      const store::ObjectInfo& file,
                                                      const SampleLimits& limits);

}  // namespace daypart::crawl
