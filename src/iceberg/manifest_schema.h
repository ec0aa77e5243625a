// SPDX-License-Identifier: Apache-2.0
//
// The Avro schemas of manifests and manifest lists as format v2 and v3 have them, with the field
// ids that make them Iceberg files. Source: Iceberg table spec, "Manifests", "Manifest Lists",
// Appendix A.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

/// JSON of the manifest_entry record for files of that spec. errors: as PartitionTypes.
Result<std::string> ManifestEntrySchema(const PartitionSpec& spec, const Schema& schema,
                                        int32_t format_version);
/// JSON of the manifest_file record.
std::string ManifestFileSchema(int32_t format_version);

/// Bytes of the fixed type that holds a decimal of that precision.
size_t DecimalFixedBytes(int32_t precision);

}  // namespace daypart::iceberg
