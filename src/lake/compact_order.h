// SPDX-License-Identifier: Apache-2.0
//
// The orders that a compaction can put rows in: by columns, or along a Z-order curve over several.
// A sort prunes well by its first column only; a Z-order prunes by each of its columns, somewhat
// less well. Its coordinates are not the values but their ranks in a sample: 16 bits that are used
// evenly whatever the distribution, where the bits of the values would mostly be alike.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "iceberg/partition.h"
#include "iceberg/type.h"
#include "lake/sorted_source.h"

namespace daypart::lake {

/// Columns of a Z-order: more would leave each of them too few of the leading bits to prune by.
inline constexpr size_t kZOrderColumnsMax = 8;
inline constexpr int64_t kZOrderSampleRows = 65'536;

/// Sort fields from texts as "region", "event_time desc", "name asc nulls last".
/// errors: kInvalidArgument for an unknown, nested or repeated column, or other words.
Result<std::vector<iceberg::SortField>> ParseSortColumns(const iceberg::Schema& schema,
                                                         const std::vector<std::string>& columns);

/// Keys by these fields, in batches that hold the schema's columns in order.
KeyFunction SortKeys(const iceberg::Schema& schema, std::vector<iceberg::SortField> fields);

/// Positions on the Z-order curve over the fields.
/// sample: a source of the fields' columns in their order, of which about kZOrderSampleRows rows
///   are looked at. rows_count: how many rows it has.
Result<KeyFunction> ZOrderKeys(const iceberg::Schema& schema,
                               const std::vector<iceberg::SortField>& fields,
                               source::BatchSource& sample, int64_t rows_count);

/// Interleaves the bits of the ranks, highest first: the leading bit of the first, of the second, …
void AppendInterleaved(const std::vector<uint16_t>& ranks, std::string& key);

}  // namespace daypart::lake
