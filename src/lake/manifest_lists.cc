// SPDX-License-Identifier: Apache-2.0
//
// Get, decode, remember.
#include "lake/manifest_lists.h"

#include <utility>

#include "lake/table_cache.h"

namespace daypart::lake {

Result<std::shared_ptr<const std::vector<iceberg::ManifestFile>>> ReadManifestList(
    const LakeContext& context, const std::string& location) {
  if (context.cache != nullptr) {
    auto known = context.cache->FindManifestList(location);
    if (known != nullptr) return known;
  }
  DAYPART_TRY(const std::string bytes, context.store.Get(location));
  auto listed = iceberg::DecodeManifestList(bytes);
  if (!listed) return std::move(listed).error().WithContext(location);
  auto shared =
      std::make_shared<const std::vector<iceberg::ManifestFile>>(std::move(listed).value());
  if (context.cache != nullptr) {
    context.cache->Put(location, shared, static_cast<int64_t>(bytes.size()));
  }
  return shared;
}

Result<iceberg::DecodedManifest> ReadManifest(const LakeContext& context,
                                              const iceberg::ManifestFile& listed) {
  DAYPART_TRY(const std::string bytes, context.store.Get(listed.location));
  auto decoded = iceberg::DecodeManifest(bytes, listed);
  if (!decoded) return std::move(decoded).error().WithContext(listed.location);
  return decoded;
}

}  // namespace daypart::lake
