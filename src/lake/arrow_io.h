// SPDX-License-Identifier: Apache-2.0
//
// Object store streams as Arrow's file interfaces, and Arrow's Status as ours. Below this file
// Arrow knows nothing of locations, above it nobody sees an arrow::Status.
#pragma once

#include <arrow/io/interfaces.h>
#include <arrow/result.h>
#include <arrow/status.h>

#include <memory>
#include <string_view>

#include "base/result.h"
#include "store/object_store.h"

namespace daypart::lake {

/// kOutOfMemory and kCapacityError become kResourceExhausted, NotImplemented kUnsupported, a Status
/// made by the streams below the Error they were made of; all else kCorruptData.
Error FromArrow(const arrow::Status& status);

/// DAYPART_TRY for arrow::Result.
template <typename T>
Result<T> FromArrow(arrow::Result<T> result) {
  if (!result.ok()) return FromArrow(result.status());
  return std::move(result).ValueUnsafe();
}

inline Status StatusFromArrow(const arrow::Status& status) {
  if (!status.ok()) return FromArrow(status);
  return Ok();
}

/// Reads one object. Shared because Arrow's readers share their files.
std::shared_ptr<arrow::io::RandomAccessFile> MakeArrowFile(
    std::unique_ptr<store::ObjectReader> reader);

/// Writes one object; the stream does not own the writer, whose Finish is the caller's. writer must
/// outlive the stream.
std::shared_ptr<arrow::io::OutputStream> MakeArrowStream(store::ObjectWriter& writer);

}  // namespace daypart::lake
