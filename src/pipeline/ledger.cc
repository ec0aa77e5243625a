// SPDX-License-Identifier: Apache-2.0
//
// Ledger objects as JSON.
#include "pipeline/ledger.h"

#include <nlohmann/json.hpp>

#include "lake/checkpoint.h"
#include "lake/commit.h"

namespace daypart::pipeline {
Result<Ledger> ReadLedger(const lake::LakeContext& context, const lake::LoadedTable& table) {
  Ledger ledger;
  DAYPART_TRY(const std::string location, lake::CheckpointText(table.metadata, kLedgerKey));
  if (location.empty()) return ledger;
  DAYPART_TRY(const std::string text, context.store.Get(location));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("files") || !json["files"].is_array()) {
    return CorruptData(location + ": a list of taken-in files is expected");
  }
  for (const auto& item : json["files"]) {
    store::ObjectInfo info;
    info.location = item.value("location", "");
    info.bytes = item.value("bytes", uint64_t{0});
    info.etag = item.value("etag", "");
    ledger[info.location] = info;
  }
  return ledger;
}

Result<std::string> WriteLedger(const lake::LakeContext& context, const lake::LoadedTable& table,
                                const Ledger& ledger) {
  nlohmann::json files = nlohmann::json::array();
  for (const auto& [location, info] : ledger) {
    files.push_back({{"location", location}, {"bytes", info.bytes}, {"etag", info.etag}});
  }
  const nlohmann::json json{{"version", 1}, {"files", std::move(files)}};
  std::string location =
      lake::MetadataDirectory(table.metadata) + "/inputs-" + NewUuid(context.random) + ".json";
  DAYPART_RETURN_IF_ERROR(context.store.Put(location, json.dump(), store::WriteMode::kIfAbsent));
  return location;
}

}  // namespace daypart::pipeline
