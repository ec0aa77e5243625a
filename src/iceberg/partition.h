// SPDX-License-Identifier: Apache-2.0
//
// Partition specs, sort orders and their transforms. Source: Iceberg table spec, "Partitioning",
// "Sorting", Appendix B (bucket hash) and Appendix C.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "iceberg/ids.h"
#include "iceberg/literal.h"
#include "iceberg/type.h"

namespace daypart::iceberg {

enum class TransformKind {
  kIdentity,
  kBucket,
  kTruncate,
  kYear,
  kMonth,
  kDay,
  kHour,
  kVoid,
  kUnknown,  // a later spec's: read (as not pruning), never written
};

struct Transform {
  TransformKind kind = TransformKind::kIdentity;
  int32_t parameter = 0;     // bucket count or truncate width, > 0
  std::string unknown_name;  // of kUnknown, kept so that metadata is written back as it came
  friend bool operator==(const Transform&, const Transform&) = default;
};

/// "identity", "bucket[16]", "truncate[4]", "day", …
std::string ToString(const Transform& transform);
/// errors: kInvalidArgument for a malformed parameter; an unknown name parses as kUnknown.
Result<Transform> ParseTransform(std::string_view name);
/// The type that the transform makes of `source`; day gives date, the other time transforms int.
/// errors: kInvalidArgument if the transform does not take that type.
Result<Type> ResultType(const Transform& transform, const Type& source);
/// The transformed value; null in, null out. Floors before 1970 and below zero, as the spec
/// demands.
Result<Literal> Apply(const Transform& transform, const Type& source, const Literal& value);

/// Appendix B: murmur3_x86_32, seed 0, of the value's single-value bytes (int hashes as long).
int32_t BucketHash(const Literal& value, const Type& type);

struct PartitionField {
  FieldId source_id;
  FieldId field_id;  // 1000 and up
  std::string name;
  Transform transform;
  friend bool operator==(const PartitionField&, const PartitionField&) = default;
};

struct PartitionSpec {
  SpecId id;
  std::vector<PartitionField> fields;
  bool is_unpartitioned() const { return fields.empty(); }
  friend bool operator==(const PartitionSpec&, const PartitionSpec&) = default;
};

/// A row's place: one value a spec field, in the spec's order.
using PartitionTuple = std::vector<Literal>;

/// Types of the spec's tuple. errors: kInvalidArgument if a source column is gone.
Result<std::vector<Type>> PartitionTypes(const PartitionSpec& spec, const Schema& schema);
/// Values as the columns have them now: an int of a column that was widened to long becomes a long,
/// a float a double. Tuples of one place compare equal only then.
void PromoteTuple(PartitionTuple& tuple, const std::vector<Type>& types);
/// "event_day=2026-11-24/region=north", names and values URL-encoded; empty if unpartitioned.
Result<std::string> PartitionPath(const PartitionSpec& spec, const Schema& schema,
                                  const PartitionTuple& tuple);
/// A partition value for people, as paths have it: 2026, 2026-11, 2026-11-24, 2026-11-24-10.
std::string PartitionValueText(const Transform& transform, const Type& type, const Literal& value);
/// What the command line takes: "day(event_time), bucket(16, viewer_id), region". Ids from 1000 on;
/// names as the reference implementation makes them (event_time_day, viewer_id_bucket, region).
Result<PartitionSpec> ParsePartitionSpec(std::string_view text, const Schema& schema);

struct SortField {
  Transform transform;
  FieldId source_id;
  bool is_descending = false;
  bool is_nulls_last = false;
  friend bool operator==(const SortField&, const SortField&) = default;
};

struct SortOrder {
  SortOrderId id;  // 0 is the unsorted order
  std::vector<SortField> fields;
  friend bool operator==(const SortOrder&, const SortOrder&) = default;
};

/// "day(event_time) DESC NULLS LAST, channel_id": columns or transforms of them; ascending with
/// nulls first by default, descending with nulls last. Empty text: the unsorted order, with id 0.
/// errors: kInvalidArgument naming the part that is not understood.
Result<SortOrder> ParseSortOrder(std::string_view text, const Schema& schema);

nlohmann::json ToJson(const PartitionSpec& spec);
nlohmann::json ToJson(const SortOrder& order);
Result<PartitionSpec> PartitionSpecFromJson(const nlohmann::json& json);
Result<SortOrder> SortOrderFromJson(const nlohmann::json& json);

}  // namespace daypart::iceberg
