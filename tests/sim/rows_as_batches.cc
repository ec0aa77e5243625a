// SPDX-License-Identifier: Apache-2.0
//
// Builders and casts, one column kind at a time.
#include "sim/rows_as_batches.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "lake/row_lineage.h"
#include "lake/table_scan.h"
#include "lake/testing/lake_fixture.h"

namespace daypart::sim {
namespace {

std::shared_ptr<arrow::DataType> ArrowTypeOf(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kInt: return arrow::int32();
    case ColumnKind::kLong: return arrow::int64();
    case ColumnKind::kDouble: return arrow::float64();
    case ColumnKind::kText: return arrow::utf8();
  }
  return arrow::null();
}

template <typename Builder, typename Append>
std::shared_ptr<arrow::Array> Build(const Rows& rows, int number, const Append& append) {
  Builder builder;
  for (const Row& row : rows) {
    const auto found = row.find(number);
    // A builder in memory fails only when memory is out.
    if (found == row.end()) {
      (void)builder.AppendNull();
    } else {
      (void)append(builder, found->second);
    }
  }
  return *builder.Finish();
}

std::shared_ptr<arrow::Array> ColumnOf(const Rows& rows, const Column& column) {
  switch (column.kind) {
    case ColumnKind::kInt:
      return Build<arrow::Int32Builder>(rows, column.number, [](auto& builder, const Value& value) {
        return builder.Append(static_cast<int32_t>(std::get<int64_t>(value)));
      });
    case ColumnKind::kLong:
      return Build<arrow::Int64Builder>(rows, column.number, [](auto& builder, const Value& value) {
        return builder.Append(std::get<int64_t>(value));
      });
    case ColumnKind::kDouble:
      return Build<arrow::DoubleBuilder>(rows, column.number, [](auto& builder, const auto& value) {
        return builder.Append(std::get<double>(value));
      });
    case ColumnKind::kText: break;
  }
  return Build<arrow::StringBuilder>(rows, column.number, [](auto& builder, const Value& value) {
    return builder.Append(std::get<std::string>(value));
  });
}

Result<Value> CellOf(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::INT32:
      return Value(int64_t{static_cast<const arrow::Int32Array&>(array).Value(row)});
    case arrow::Type::INT64: return Value(static_cast<const arrow::Int64Array&>(array).Value(row));
    case arrow::Type::DOUBLE:
      return Value(static_cast<const arrow::DoubleArray&>(array).Value(row));
    case arrow::Type::STRING:
      return Value(static_cast<const arrow::StringArray&>(array).GetString(row));
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryArray&>(array);
      return CellOf(*dictionary.dictionary(), dictionary.GetValueIndex(row));
    }
    default: return CorruptData("a column of type " + array.type()->ToString());
  }
}

/// The place of a row, from the batch's metadata columns.
Result<RowPlace> PlaceOf(const arrow::RecordBatch& batch, int64_t row) {
  RowPlace place;
  const auto file = batch.GetColumnByName(lake::kFileColumn);
  const auto position = batch.GetColumnByName(lake::kPositionColumn);
  if (file == nullptr || position == nullptr) {
    return CorruptData("_file and _pos were expected: " + batch.schema()->ToString());
  }
  DAYPART_TRY(const Value path, CellOf(*file, row));
  DAYPART_TRY(const Value number, CellOf(*position, row));
  place.file = std::get<std::string>(path);
  place.position = std::get<int64_t>(number);
  const auto row_id = batch.GetColumnByName(lake::kRowIdColumn);
  if (row_id == nullptr) return place;
  DAYPART_TRY(const Value id, CellOf(*row_id, row));
  place.row_id = std::get<int64_t>(id);
  return place;
}

Status AddBatch(const arrow::RecordBatch& batch, const std::vector<Column>& columns,
                bool has_places, ReadRows& into) {
  if (static_cast<size_t>(batch.num_columns()) < columns.size() ||
      (!has_places && static_cast<size_t>(batch.num_columns()) > columns.size())) {
    return CorruptData("columns read: " + batch.schema()->ToString());
  }
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& field = batch.schema()->field(static_cast<int>(i));
    if (field->name() != columns[i].name) {
      return CorruptData("column " + columns[i].name + " was expected, found " + field->name());
    }
  }
  for (int64_t number = 0; number < batch.num_rows(); ++number) {
    Row row;
    for (size_t i = 0; i < columns.size(); ++i) {
      const auto& array = *batch.column(static_cast<int>(i));
      if (array.IsNull(number)) continue;
      DAYPART_TRY(row[columns[i].number], CellOf(array, number));
    }
    into.rows.push_back(std::move(row));
    if (!has_places) continue;
    DAYPART_TRY(auto place, PlaceOf(batch, number));
    into.places.push_back(std::move(place));
  }
  return Ok();
}

iceberg::ExpressionKind KindOf(Predicate::Kind kind) {
  using From = Predicate::Kind;
  using To = iceberg::ExpressionKind;
  switch (kind) {
    case From::kEqual: return To::kEqual;
    case From::kNotEqual: return To::kNotEqual;
    case From::kLess: return To::kLess;
    case From::kGreaterOrEqual: return To::kGreaterOrEqual;
    case From::kIn: return To::kIn;
    case From::kIsNull: return To::kIsNull;
    case From::kIsNotNull: return To::kIsNotNull;
    case From::kIsNan: return To::kIsNan;
    case From::kStartsWith: return To::kStartsWith;
    case From::kAnd: return To::kAnd;
    case From::kOr: return To::kOr;
    case From::kNot: return To::kNot;
    case From::kTrue: return To::kTrue;
  }
  return To::kTrue;
}

iceberg::Literal LiteralOf(const Value& value, ColumnKind kind) {
  if (kind == ColumnKind::kInt) return static_cast<int32_t>(std::get<int64_t>(value));
  if (kind == ColumnKind::kLong) return std::get<int64_t>(value);
  if (kind == ColumnKind::kDouble) return std::get<double>(value);
  return std::get<std::string>(value);
}

}  // namespace

std::shared_ptr<arrow::RecordBatch> BatchOf(const Rows& rows, const std::vector<Column>& columns,
                                            const std::vector<RowPlace>& places) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const Column& column : columns) {
    fields.push_back(arrow::field(column.name, ArrowTypeOf(column.kind)));
    arrays.push_back(ColumnOf(rows, column));
  }
  if (!places.empty()) {
    arrow::StringBuilder files;
    arrow::Int64Builder positions;
    arrow::Int64Builder row_ids;
    for (const RowPlace& place : places) {
      (void)files.Append(place.file);  // in memory, as above
      (void)positions.Append(place.position);
      (void)row_ids.Append(place.row_id.value_or(-1));
    }
    if (places.front().row_id && !columns.empty()) {
      fields.push_back(arrow::field(lake::kRowIdColumn, arrow::int64()));
      arrays.push_back(*row_ids.Finish());
    }
    fields.push_back(arrow::field(lake::kFileColumn, arrow::utf8()));
    fields.push_back(arrow::field(lake::kPositionColumn, arrow::int64()));
    arrays.push_back(*files.Finish());
    arrays.push_back(*positions.Finish());
  }
  const auto count = static_cast<int64_t>(places.empty() ? rows.size() : places.size());
  return arrow::RecordBatch::Make(arrow::schema(std::move(fields)), count, std::move(arrays));
}

std::unique_ptr<source::BatchSource> SourceOf(
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches) {
  return std::make_unique<lake::testing::MemorySource>(std::move(batches));
}

Result<ReadRows> ReadPlan(const lake::LakeContext& context, const lake::LoadedTable& table,
                          lake::ScanPlan plan, const std::vector<Column>& columns,
                          bool has_places) {
  ReadRows read;
  DAYPART_TRY(const auto scan,
              lake::OpenScan(context, table, std::move(plan), {}, has_places));
  DAYPART_TRY(const auto cursor, scan->NewCursor());
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) return read;
    DAYPART_RETURN_IF_ERROR(AddBatch(*batch, columns, has_places, read));
  }
}

iceberg::Expression ExpressionOf(const Predicate& predicate, const std::vector<Column>& columns,
                                 const iceberg::Schema& schema) {
  iceberg::Expression expression;
  expression.kind = KindOf(predicate.kind);
  for (const Predicate& operand : predicate.operands) {
    expression.operands.push_back(ExpressionOf(operand, columns, schema));
  }
  for (const Column& column : columns) {
    if (column.number != predicate.column || !predicate.operands.empty()) continue;
    const auto* field = schema.FindField(column.name);
    if (field == nullptr) return iceberg::Expression::True();
    expression.field = field->id;
    for (const Value& value : predicate.values) {
      expression.values.push_back(LiteralOf(value, column.kind));
    }
  }
  return expression;
}

iceberg::Type TypeOf(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kInt: return iceberg::Type::Of(iceberg::TypeKind::kInt);
    case ColumnKind::kLong: return iceberg::Type::Of(iceberg::TypeKind::kLong);
    case ColumnKind::kDouble: return iceberg::Type::Of(iceberg::TypeKind::kDouble);
    case ColumnKind::kText: break;
  }
  return iceberg::Type::Of(iceberg::TypeKind::kString);
}

}  // namespace daypart::sim
