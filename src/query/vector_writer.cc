// SPDX-License-Identifier: Apache-2.0
//
// Arrow's buffers and DuckDB's vectors have the same layout but for validity offsets, booleans,
// small decimals and texts; each of these is a loop below.
#include "query/vector_writer.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <cstring>
#include <limits>

#include "lake/arrow_schema.h"

namespace daypart::query {
namespace {

void WriteValidity(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  if (array.null_count() == 0) return;
  duckdb_vector_ensure_validity_writable(vector);
  uint64_t* validity = duckdb_vector_get_validity(vector);
  for (int64_t row = 0; row < rows; ++row) {
    if (array.IsNull(begin + row)) {
      duckdb_validity_set_row_invalid(validity, static_cast<idx_t>(row));
    }
  }
}

void WriteFixedWidth(const arrow::Array& array, int64_t begin, int64_t rows, int width,
                     duckdb_vector vector) {
  const uint8_t* values = array.data()->buffers[1]->data();
  const auto offset = static_cast<size_t>(array.offset() + begin) * static_cast<size_t>(width);
  std::memcpy(duckdb_vector_get_data(vector), values + offset,
              static_cast<size_t>(rows) * static_cast<size_t>(width));
}

void WriteBooleans(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& booleans = static_cast<const arrow::BooleanArray&>(array);
  auto* out = static_cast<bool*>(duckdb_vector_get_data(vector));
  for (int64_t row = 0; row < rows; ++row) {
    // A null's bit means nothing; false keeps the vector's bytes defined.
    out[row] = booleans.IsValid(begin + row) && booleans.Value(begin + row);
  }
}

template <typename Stored>
void WriteDecimalsAs(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& decimals = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  auto* out = static_cast<Stored*>(duckdb_vector_get_data(vector));
  for (int64_t row = 0; row < rows; ++row) {
    // Little-endian two's complement: the low bytes are the value where the precision fits them.
    std::memcpy(out + row, decimals.GetValue(begin + row), sizeof(Stored));
  }
}

void WriteDecimals(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& type = static_cast<const arrow::Decimal128Type&>(*array.type());
  if (type.precision() <= 4) return WriteDecimalsAs<int16_t>(array, begin, rows, vector);
  if (type.precision() <= 9) return WriteDecimalsAs<int32_t>(array, begin, rows, vector);
  if (type.precision() <= 18) return WriteDecimalsAs<int64_t>(array, begin, rows, vector);
  WriteFixedWidth(array, begin, rows, 16, vector);
}

/// Puts a text into a vector: short ones are stored in place, long ones in the vector's own heap.
void AssignText(std::string_view text, idx_t row, duckdb_vector vector, duckdb_string_t* out) {
  constexpr size_t kInlineBytes = sizeof(out->value.inlined.inlined);
  if (text.size() > kInlineBytes) {
    duckdb_vector_assign_string_element_len(vector, row, text.data(), text.size());
    return;
  }
  duckdb_string_t value{};
  value.value.inlined.length = static_cast<uint32_t>(text.size());
  std::memcpy(value.value.inlined.inlined, text.data(), text.size());
  out[row] = value;
}

void WriteTexts(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& texts = static_cast<const arrow::BinaryArray&>(array);
  auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  for (int64_t row = 0; row < rows; ++row) {
    const std::string_view text =
        texts.IsNull(begin + row) ? std::string_view() : texts.GetView(begin + row);
    AssignText(text, static_cast<idx_t>(row), vector, out);
  }
}

bool is_uuid_vector(duckdb_vector vector) {
  const LogicalType type(duckdb_vector_get_column_type(vector));
  return duckdb_get_type_id(type.get()) == DUCKDB_TYPE_UUID;
}

/// DuckDB's uuid is a number of 128 bits, its first bit flipped so that signed order is theirs.
void WriteUuids(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& uuids = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  auto* out = static_cast<duckdb_hugeint*>(duckdb_vector_get_data(vector));
  for (int64_t row = 0; row < rows; ++row) {
    out[row] = {};
    if (uuids.IsNull(begin + row)) continue;
    uint64_t halves[2];
    std::memcpy(halves, uuids.GetValue(begin + row), sizeof(halves));
    const uint64_t upper = arrow::bit_util::FromBigEndian(halves[0]) ^ (uint64_t{1} << 63);
    out[row].upper = static_cast<int64_t>(upper);
    out[row].lower = arrow::bit_util::FromBigEndian(halves[1]);
  }
}

/// fixed[n] as blobs.
void WriteFixed(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  if (is_uuid_vector(vector)) return WriteUuids(array, begin, rows, vector);
  const auto& blobs = static_cast<const arrow::FixedSizeBinaryArray&>(array);
  auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  for (int64_t row = 0; row < rows; ++row) {
    const std::string_view blob =
        blobs.IsNull(begin + row) ? std::string_view() : blobs.GetView(begin + row);
    AssignText(blob, static_cast<idx_t>(row), vector, out);
  }
}

Status WriteArray(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector);

/// Lists and maps: entries of each row, then all their elements in the child vector.
Status WriteLists(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& lists = static_cast<const arrow::ListArray&>(array);
  auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
  const int64_t first = lists.value_offset(begin);
  const int64_t elements = lists.value_offset(begin + rows) - first;
  for (int64_t row = 0; row < rows; ++row) {
    entries[row].offset = static_cast<uint64_t>(lists.value_offset(begin + row) - first);
    entries[row].length = static_cast<uint64_t>(lists.value_length(begin + row));
  }
  const auto size = static_cast<idx_t>(elements);
  if (duckdb_list_vector_reserve(vector, size) != DuckDBSuccess ||
      duckdb_list_vector_set_size(vector, size) != DuckDBSuccess) {
    return ResourceExhausted("DuckDB has no room for the elements of a list");
  }
  return WriteArray(*lists.values(), first, elements, duckdb_list_vector_get_child(vector));
}

Status WriteStructs(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  const auto& structs = static_cast<const arrow::StructArray&>(array);
  for (int i = 0; i < structs.num_fields(); ++i) {
    DAYPART_RETURN_IF_ERROR(
        WriteArray(*structs.field(i), begin, rows,
                   duckdb_struct_vector_get_child(vector, static_cast<idx_t>(i))));
  }
  return Ok();
}

Status WriteArray(const arrow::Array& array, int64_t begin, int64_t rows, duckdb_vector vector) {
  if (rows == 0) return Ok();
  switch (array.type_id()) {
    case arrow::Type::BOOL: WriteBooleans(array, begin, rows, vector); break;
    case arrow::Type::INT32:
    case arrow::Type::FLOAT:
    case arrow::Type::DATE32: WriteFixedWidth(array, begin, rows, 4, vector); break;
    case arrow::Type::INT64:
    case arrow::Type::DOUBLE:
    case arrow::Type::TIME64:
    case arrow::Type::TIMESTAMP: WriteFixedWidth(array, begin, rows, 8, vector); break;
    case arrow::Type::DECIMAL128: WriteDecimals(array, begin, rows, vector); break;
    case arrow::Type::STRING:
    case arrow::Type::BINARY: WriteTexts(array, begin, rows, vector); break;
    case arrow::Type::FIXED_SIZE_BINARY: WriteFixed(array, begin, rows, vector); break;
    case arrow::Type::LIST:
    case arrow::Type::MAP: DAYPART_RETURN_IF_ERROR(WriteLists(array, begin, rows, vector)); break;
    case arrow::Type::STRUCT:
      DAYPART_RETURN_IF_ERROR(WriteStructs(array, begin, rows, vector));
      break;
    default:
      return Unsupported("a query cannot read a column of Arrow type " + array.type()->ToString());
  }
  WriteValidity(array, begin, rows, vector);
  return Ok();
}

Result<LogicalType> NestedType(const arrow::DataType& type) {
  if (type.id() == arrow::Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    DAYPART_TRY(const LogicalType key, ToDuckdbType(*map.key_field()));
    DAYPART_TRY(const LogicalType item, ToDuckdbType(*map.item_field()));
    return LogicalType(duckdb_create_map_type(key.get(), item.get()));
  }
  if (type.id() == arrow::Type::LIST) {
    const auto& list = static_cast<const arrow::ListType&>(type);
    DAYPART_TRY(const LogicalType element, ToDuckdbType(*list.value_field()));
    return LogicalType(duckdb_create_list_type(element.get()));
  }
  std::vector<LogicalType> members;
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  for (const auto& field : type.fields()) {
    DAYPART_TRY(LogicalType member, ToDuckdbType(*field));
    types.push_back(member.get());
    names.push_back(field->name().c_str());
    members.push_back(std::move(member));
  }
  return LogicalType(duckdb_create_struct_type(types.data(), names.data(), types.size()));
}

}  // namespace

Result<LogicalType> ToDuckdbType(const arrow::Field& field) {
  const arrow::DataType& type = *field.type();
  const auto simple = [](duckdb_type id) { return LogicalType(duckdb_create_logical_type(id)); };
  switch (type.id()) {
    case arrow::Type::BOOL: return simple(DUCKDB_TYPE_BOOLEAN);
    case arrow::Type::INT32: return simple(DUCKDB_TYPE_INTEGER);
    case arrow::Type::INT64: return simple(DUCKDB_TYPE_BIGINT);
    case arrow::Type::FLOAT: return simple(DUCKDB_TYPE_FLOAT);
    case arrow::Type::DOUBLE: return simple(DUCKDB_TYPE_DOUBLE);
    case arrow::Type::DATE32: return simple(DUCKDB_TYPE_DATE);
    case arrow::Type::STRING: return simple(DUCKDB_TYPE_VARCHAR);
    case arrow::Type::FIXED_SIZE_BINARY:
      return simple(lake::is_uuid(field) ? DUCKDB_TYPE_UUID : DUCKDB_TYPE_BLOB);
    case arrow::Type::BINARY: return simple(DUCKDB_TYPE_BLOB);
    case arrow::Type::STRUCT:
    case arrow::Type::LIST:
    case arrow::Type::MAP: return NestedType(type);
    case arrow::Type::DICTIONARY: {
      const auto& dictionary = static_cast<const arrow::DictionaryType&>(type);
      if (dictionary.index_type()->id() == arrow::Type::INT32 &&
          dictionary.value_type()->id() == arrow::Type::STRING) {
        return simple(DUCKDB_TYPE_VARCHAR);
      }
      break;
    }
    case arrow::Type::TIME64:
      if (static_cast<const arrow::Time64Type&>(type).unit() == arrow::TimeUnit::MICRO) {
        return simple(DUCKDB_TYPE_TIME);
      }
      break;
    case arrow::Type::TIMESTAMP: {
      const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
      if (timestamp.unit() == arrow::TimeUnit::NANO && timestamp.timezone().empty()) {
        return simple(DUCKDB_TYPE_TIMESTAMP_NS);
      }
      if (timestamp.unit() != arrow::TimeUnit::MICRO) break;
      return simple(timestamp.timezone().empty() ? DUCKDB_TYPE_TIMESTAMP
                                                 : DUCKDB_TYPE_TIMESTAMP_TZ);
    }
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return LogicalType(duckdb_create_decimal_type(static_cast<uint8_t>(decimal.precision()),
                                                    static_cast<uint8_t>(decimal.scale())));
    }
    default: break;
  }
  return Unsupported("a query cannot read a column of Arrow type " + type.ToString());
}

/// A dictionary's texts as a DuckDB vector; the entry after the last is null.
struct VectorWriter::Dictionary {
  std::shared_ptr<arrow::Array>
      texts;  // shared with the arrays that use it; keeps its address ours
  duckdb_vector vector = nullptr;

  explicit Dictionary(std::shared_ptr<arrow::Array> words) : texts(std::move(words)) {
    const LogicalType type(duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR));
    const int64_t count = texts->length();
    vector = duckdb_create_vector(type.get(), static_cast<idx_t>(count) + 1);
    auto* out = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
    duckdb_vector_ensure_validity_writable(vector);
    uint64_t* validity = duckdb_vector_get_validity(vector);
    const auto& words_array = static_cast<const arrow::StringArray&>(*texts);
    for (int64_t word = 0; word < count; ++word) {
      const auto row = static_cast<idx_t>(word);
      AssignText(words_array.GetView(word), row, vector, out);
      if (words_array.IsNull(word)) duckdb_validity_set_row_invalid(validity, row);
    }
    AssignText("", static_cast<idx_t>(count), vector, out);
    duckdb_validity_set_row_invalid(validity, static_cast<idx_t>(count));
  }
  Dictionary(const Dictionary&) = delete;
  Dictionary& operator=(const Dictionary&) = delete;
  ~Dictionary() { duckdb_destroy_vector(&vector); }
};

VectorWriter::VectorWriter() = default;
VectorWriter::VectorWriter(VectorWriter&&) noexcept = default;
VectorWriter::~VectorWriter() = default;

Status VectorWriter::Write(const std::shared_ptr<arrow::Array>& array, int64_t begin, int64_t rows,
                           duckdb_vector vector) {
  if (array->type_id() != arrow::Type::DICTIONARY) return WriteArray(*array, begin, rows, vector);
  const auto& encoded = static_cast<const arrow::DictionaryArray&>(*array);
  if (dictionary_ == nullptr || dictionary_->texts != encoded.dictionary()) {
    dictionary_ = std::make_unique<Dictionary>(encoded.dictionary());
  }
  // A new selection each time: the vector made from it may outlive this call.
  duckdb_selection_vector selection = duckdb_create_selection_vector(static_cast<idx_t>(rows));
  sel_t* entries = duckdb_selection_vector_get_data_ptr(selection);
  const auto null_entry = static_cast<sel_t>(encoded.dictionary()->length());
  for (int64_t row = 0; row < rows; ++row) {
    entries[row] = encoded.IsNull(begin + row)
                       ? null_entry
                       : static_cast<sel_t>(encoded.GetValueIndex(begin + row));
  }
  duckdb_vector_reference_vector(vector, dictionary_->vector);
  duckdb_slice_vector(vector, selection, static_cast<idx_t>(rows));
  duckdb_destroy_selection_vector(selection);
  return Ok();
}

}  // namespace daypart::query
