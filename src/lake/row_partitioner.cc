// SPDX-License-Identifier: Apache-2.0
//
// Partition codes, groups, and the taking apart of batches.
#include "lake/row_partitioner.h"

#include <arrow/array.h>
#include <arrow/compute/api_vector.h>
#include <arrow/datum.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/calendar.h"
#include "lake/arrow_io.h"
#include "lake/arrow_literal.h"

namespace daypart::lake {
namespace {

using iceberg::Literal;
using iceberg::PartitionField;
using iceberg::Transform;
using iceberg::TransformKind;
using iceberg::Type;
using iceberg::TypeKind;

/// One partition field over a batch: rows with equal codes have equal transformed values.
struct FieldCodes {
  int column = 0;
  Type source_type;
  Transform transform;
  std::vector<int64_t> codes;
};

/// The code of null: a value that neither a transformed number nor an interned index ever has,
/// since 64-bit identity values are interned where they would meet it.
constexpr int64_t kNullCode = INT64_MIN;

/// Codes by a table of literals, for whatever has no quicker way.
class Interner {
 public:
  Result<int64_t> CodeOf(const FieldCodes& field, const Literal& source) {
    DAYPART_TRY(Literal value, iceberg::Apply(field.transform, field.source_type, source));
    if (is_null(value)) return kNullCode;
    DAYPART_TRY(const Type type, iceberg::ResultType(field.transform, field.source_type));
    DAYPART_TRY(std::string key, iceberg::SerializeLiteral(value, type));
    return codes_.try_emplace(std::move(key), static_cast<int64_t>(codes_.size())).first->second;
  }

 private:
  std::unordered_map<std::string, int64_t> codes_;
};

Status InternRows(const arrow::Array& array, FieldCodes& field) {
  Interner interner;
  if (array.type_id() == arrow::Type::DICTIONARY) {
    const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
    std::vector<int64_t> word_codes(static_cast<size_t>(dictionary.dictionary()->length()));
    for (size_t word = 0; word < word_codes.size(); ++word) {
      DAYPART_TRY(word_codes[word], interner.CodeOf(field, LiteralAt(*dictionary.dictionary(),
                                                                     static_cast<int64_t>(word))));
    }
    for (int64_t row = 0; row < array.length(); ++row) {
      field.codes[static_cast<size_t>(row)] =
          array.IsNull(row) ? kNullCode
                            : word_codes[static_cast<size_t>(dictionary.GetValueIndex(row))];
    }
    return Ok();
  }
  for (int64_t row = 0; row < array.length(); ++row) {
    DAYPART_TRY(field.codes[static_cast<size_t>(row)],
                interner.CodeOf(field, LiteralAt(array, row)));
  }
  return Ok();
}

/// Microseconds in the transform's unit, where the unit has a fixed length; 0 otherwise.
int64_t UnitMicros(const Transform& transform) {
  if (transform.kind == TransformKind::kHour) return kMicrosPerHour;
  if (transform.kind == TransformKind::kDay) return kMicrosPerDay;
  return 0;
}

bool is_timestamp(const Type& type) {
  return type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestamptz;
}

Status EncodeField(const arrow::Array& array, FieldCodes& field) {
  field.codes.resize(static_cast<size_t>(array.length()));
  if (field.transform.kind == TransformKind::kVoid) {
    std::fill(field.codes.begin(), field.codes.end(), kNullCode);
    return Ok();
  }
  const int64_t unit = UnitMicros(field.transform);
  if (unit != 0 && is_timestamp(field.source_type)) {
    const auto* values = array.data()->GetValues<int64_t>(1);
    for (int64_t row = 0; row < array.length(); ++row) {
      field.codes[static_cast<size_t>(row)] =
          array.IsNull(row) ? kNullCode : FloorDivide(values[row], unit);
    }
    return Ok();
  }
  const bool is_int =
      array.type_id() == arrow::Type::INT32 || array.type_id() == arrow::Type::DATE32;
  if (field.transform.kind == TransformKind::kIdentity && is_int) {
    const auto* values = array.data()->GetValues<int32_t>(1);
    for (int64_t row = 0; row < array.length(); ++row) {
      field.codes[static_cast<size_t>(row)] = array.IsNull(row) ? kNullCode : values[row];
    }
    return Ok();
  }
  return InternRows(array, field);
}

/// Whether all rows have one value of the field, for sure: events come about in the order of time,
/// so most batches are of one hour, which their least and greatest time tell.
bool is_of_one_value(const arrow::Array& array, const FieldCodes& field) {
  const int64_t unit = UnitMicros(field.transform);
  if (unit == 0 || !is_timestamp(field.source_type) || array.null_count() > 0) return false;
  const auto* values = array.data()->GetValues<int64_t>(1);
  const auto [least, greatest] = std::minmax_element(values, values + array.length());
  return FloorDivide(*least, unit) == FloorDivide(*greatest, unit);
}

/// The fields of the spec, no codes in them yet.
Result<std::vector<FieldCodes>> FieldsOf(const iceberg::Schema& schema,
                                         const iceberg::PartitionSpec& spec) {
  std::vector<FieldCodes> fields;
  for (const PartitionField& partition_field : spec.fields) {
    FieldCodes field;
    field.column = -1;
    for (size_t column = 0; column < schema.fields.size(); ++column) {
      if (schema.fields[column].id == partition_field.source_id) {
        field.column = static_cast<int>(column);
      }
    }
    if (field.column < 0) {
      return Unsupported("a partition field of a top-level column is expected, found " +
                         partition_field.name);
    }
    if (partition_field.transform.kind == TransformKind::kUnknown) {
      return Unsupported("rows cannot be placed by the transform " +
                         partition_field.transform.unknown_name +
                         ", which this version does not know");
    }
    field.source_type = schema.fields[static_cast<size_t>(field.column)].type;
    field.transform = partition_field.transform;
    fields.push_back(std::move(field));
  }
  return fields;
}

/// Gives each row the number of its group; groups are numbered by first appearance.
class Grouper {
 public:
  explicit Grouper(const std::vector<FieldCodes>& fields) : fields_(fields) {}

  void Run(size_t rows) {
    group_of_row_.resize(rows);
    for (size_t row = 0; row < rows; ++row) {
      const bool is_like_last = row > 0 && is_same(row, row - 1);
      group_of_row_[row] = is_like_last ? group_of_row_[row - 1] : Find(row);
    }
  }
  const std::vector<uint32_t>& group_of_row() const { return group_of_row_; }
  const std::vector<size_t>& first_rows() const { return first_rows_; }

 private:
  bool is_same(size_t row, size_t other) const {
    for (const FieldCodes& field : fields_) {
      if (field.codes[row] != field.codes[other]) return false;
    }
    return true;
  }
  uint32_t Find(size_t row) {
    uint64_t hash = 0;
    for (const FieldCodes& field : fields_) {
      hash = (hash ^ static_cast<uint64_t>(field.codes[row])) * 0x9E3779B97F4A7C15ULL;
      hash ^= hash >> 29;
    }
    auto& candidates = groups_[hash];
    for (const uint32_t group : candidates) {
      if (is_same(row, first_rows_[group])) return group;
    }
    candidates.push_back(static_cast<uint32_t>(first_rows_.size()));
    first_rows_.push_back(row);
    return candidates.back();
  }

  const std::vector<FieldCodes>& fields_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> groups_;
  std::vector<size_t> first_rows_;
  std::vector<uint32_t> group_of_row_;
};

Result<iceberg::PartitionTuple> TupleOfRow(const arrow::RecordBatch& batch,
                                           const std::vector<FieldCodes>& fields, size_t row) {
  iceberg::PartitionTuple tuple;
  for (const FieldCodes& field : fields) {
    const Literal source = LiteralAt(*batch.column(field.column), static_cast<int64_t>(row));
    DAYPART_TRY(Literal value, iceberg::Apply(field.transform, field.source_type, source));
    tuple.push_back(std::move(value));
  }
  return tuple;
}

/// The rows of the given numbers. Most of the batch in one stretch is shared with it, so that what
/// is kept is at most twice what counts; the rest is copied.
Result<std::shared_ptr<arrow::RecordBatch>> RowsOf(
    const std::shared_ptr<arrow::RecordBatch>& batch, const std::vector<uint32_t>& numbers) {
  const auto rows = static_cast<int64_t>(numbers.size());
  const bool is_stretch = numbers.back() - numbers.front() + 1 == numbers.size();
  if (is_stretch && rows * 2 >= batch->num_rows()) return batch->Slice(numbers.front(), rows);
  const auto indices =
      std::make_shared<arrow::UInt32Array>(rows, arrow::Buffer::Wrap(numbers));
  DAYPART_TRY(const auto taken,
              FromArrow(arrow::compute::Take(arrow::Datum(batch), arrow::Datum(indices),
                                             arrow::compute::TakeOptions::NoBoundsCheck())));
  return taken.record_batch();
}

}  // namespace

Result<std::vector<PartitionRows>> SplitByPartition(
    const std::shared_ptr<arrow::RecordBatch>& batch, const iceberg::Schema& schema,
    const iceberg::PartitionSpec& spec) {
  std::vector<PartitionRows> parts;
  if (batch->num_rows() == 0) return parts;
  if (spec.is_unpartitioned()) {
    parts.push_back({.partition = {}, .rows = batch, .row_numbers = {}});
    return parts;
  }
  DAYPART_TRY(auto fields, FieldsOf(schema, spec));
  if (std::all_of(fields.begin(), fields.end(), [&batch](const FieldCodes& field) {
        return is_of_one_value(*batch->column(field.column), field);
      })) {
    DAYPART_TRY(auto tuple, TupleOfRow(*batch, fields, 0));
    parts.push_back({.partition = std::move(tuple), .rows = batch, .row_numbers = {}});
    return parts;
  }
  for (FieldCodes& field : fields) {
    DAYPART_RETURN_IF_ERROR(EncodeField(*batch->column(field.column), field));
  }
  Grouper grouper(fields);
  grouper.Run(static_cast<size_t>(batch->num_rows()));
  for (const size_t row : grouper.first_rows()) {
    DAYPART_TRY(auto tuple, TupleOfRow(*batch, fields, row));
    parts.push_back({.partition = std::move(tuple), .rows = nullptr, .row_numbers = {}});
  }
  if (parts.size() == 1) {
    parts.front().rows = batch;
    return parts;
  }
  const auto& group_of_row = grouper.group_of_row();
  for (uint32_t row = 0; row < group_of_row.size(); ++row) {
    parts[group_of_row[row]].row_numbers.push_back(row);
  }
  for (PartitionRows& part : parts) {
    DAYPART_TRY(part.rows, RowsOf(batch, part.row_numbers));
  }
  return parts;
}

}  // namespace daypart::lake
