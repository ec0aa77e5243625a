// SPDX-License-Identifier: Apache-2.0
//
// Manifest lists and manifests off the store, through the process's cache where there is one.
// Errors name the file.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/manifest.h"
#include "lake/table.h"

namespace daypart::lake {

/// The snapshot's manifests. Shared with the cache.
Result<std::shared_ptr<const std::vector<iceberg::ManifestFile>>> ReadManifestList(
    const LakeContext& context, const std::string& location);

Result<iceberg::DecodedManifest> ReadManifest(const LakeContext& context,
                                              const iceberg::ManifestFile& listed);

}  // namespace daypart::lake
