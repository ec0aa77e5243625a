// SPDX-License-Identifier: Apache-2.0
//
// The deletion-vector-v1 blob: positions of a data file's deleted rows, framed with a magic number
// and a checksum. Source: Puffin spec, "deletion-vector-v1 blob type".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "iceberg/position_set.h"

namespace daypart::iceberg {

inline constexpr char kDeletionVectorBlob[] = "deletion-vector-v1";
/// Blob properties that readers rely on.
inline constexpr char kReferencedDataFile[] = "referenced-data-file";
inline constexpr char kCardinality[] = "cardinality";

/// Length of vector and magic (4 bytes, big-endian), magic D1 D3 39 64, vector as
/// PositionSet::Serialize, CRC-32 of magic and vector (4 bytes, big-endian).
std::string EncodeDeletionVector(const PositionSet& positions);

/// errors: kCorruptData naming what is wrong: length, magic, checksum, bitmap.
Result<PositionSet> DecodeDeletionVector(std::string_view blob);

}  // namespace daypart::iceberg
