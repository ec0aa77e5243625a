// SPDX-License-Identifier: Apache-2.0
//
// How much a crawl looks at and how much it says. A crawl of any number of files of any size costs
// a bounded number of bytes read a folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace daypart::crawl {

/// What is read of one file: its head, and of an uncompressed one a part from its middle and its
/// end.
struct SampleLimits {
  /// Files looked into a folder, spread evenly over it; the folders k=v of one table are one
  /// folder.
  size_t files_per_folder = 16;
  size_t head_bytes = size_t{1} << 20;  // of decompressed text
  size_t part_bytes = size_t{256} << 10;
  std::optional<char> delimiter = {};  // of CSV files, if it is told and not to be found out
};

inline constexpr size_t kSignatureBytes = size_t{64} << 10;  // see decode::DetectSignature
inline constexpr size_t kColumnsMax = 4'096;
inline constexpr size_t kJsonDepthMax = 16;
inline constexpr size_t kWarningsMax = 20;  // a table; more are counted
inline constexpr size_t kFolderDepthMax = 64;
/// Attempts to write a table that others write as well.
inline constexpr int kPutAttemptsMax = 5;

/// Share of two schemas' columns that must agree for their folders to be one table: Glue's number.
inline constexpr double kSimilarShareMin = 0.7;

/// A column may have this share of values in it that do not fit its type, if there are as many
/// values as InferenceOptions says: they are spoilt rows, which the load quarantines, rather than a
/// reason to call the column a string.
inline constexpr double kMisfitShareMax = 0.01;

}  // namespace daypart::crawl
