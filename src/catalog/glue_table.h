// SPDX-License-Identifier: Apache-2.0
//
// Glue's description of a table (TableInput, Partition) from ours and back. Pure.
// source: AWS Glue Web API Reference; the parameters of Iceberg's GlueCatalog.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "iceberg/metadata.h"

namespace daypart::catalog {

/// The type as Hive names it: what Athena shows. Types that Hive does not have are string.
std::string HiveType(const iceberg::Type& type);
/// Of a table that another program registered; nested types become string.
iceberg::Type TypeOfHive(const std::string& name);

bool is_iceberg_table(const nlohmann::json& table);

/// TableInput for a table whose metadata is there; the parts of `known` that it does not decide
/// stay.
nlohmann::json IcebergTableInput(const nlohmann::json& known, const std::string& table_name,
                                 const std::string& metadata_location,
                                 const std::string& previous_location,
                                 const iceberg::TableMetadata& metadata);

nlohmann::json RawTableInput(const RawTable& table);
nlohmann::json PartitionInput(const RawTable& table, const RawPartition& partition);
/// errors: kUnsupported for files of a format that Daypart does not read.
Result<RawTable> RawTableOfGlue(const nlohmann::json& table, const std::string& database);

}  // namespace daypart::catalog
