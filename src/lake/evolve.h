// SPDX-License-Identifier: Apache-2.0
//
// Changes of a table's definition: columns, partition spec, sort order, properties; tables made
// with their first rows, and dropped. Each change is derived from the table as it is in the attempt
// that commits it, so that what another writer changed meanwhile is built upon, never overwritten.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/schema_update.h"
#include "iceberg/spec_update.h"
#include "lake/table.h"

namespace daypart::lake {

/// edit: may be called several times, each time with the schema of the table as it is then.
Status EvolveSchema(const LakeContext& context, const catalog::TableName& name,
                    const std::function<Status(iceberg::SchemaUpdate&,
                                               const iceberg::TableMetadata&)>& edit);
Status EvolveSpec(const LakeContext& context, const catalog::TableName& name,
                  const std::function<Status(iceberg::SpecUpdate&)>& edit);
/// order: as ParseSortOrder takes it; empty for unordered.
Status SetWriteOrder(const LakeContext& context, const catalog::TableName& name,
                     const std::string& order);
/// "format-version" upgrades the table. errors: kInvalidArgument for a property that the metadata
/// itself tells, such as current-snapshot-id, or a lower format version.
Status ChangeProperties(const LakeContext& context, const catalog::TableName& name,
                        const std::map<std::string, std::string>& set,
                        const std::vector<std::string>& unset);

/// The table and its first rows appear together, or not at all. errors: kAlreadyExists; those of
/// Append.
Result<CommitResult> CreateTableWithRows(const LakeContext& context, const catalog::TableName& name,
                                         const CreateOptions& options, source::BatchSource& rows,
                                         const WriteOptions& write);

/// purges: deletes the files that the table's snapshots and metadata name as well, once the table
/// is gone; what cannot be deleted stays. errors: kNotFound; kInvalidArgument to purge a table with
/// gc.enabled=false, whose files others use.
Status DropTable(const LakeContext& context, const catalog::TableName& name, bool purges);

}  // namespace daypart::lake
