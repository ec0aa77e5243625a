// SPDX-License-Identifier: Apache-2.0
//
// The one file of the crawler that knows Arrow: an ObjectReader as Arrow's file, its Parquet reader
// on it, and Arrow types as Iceberg types.
#include "crawl/parquet_shape.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <memory>
#include <utility>

namespace daypart::crawl {
namespace {

using iceberg::FieldId;
using iceberg::NestedField;
using iceberg::Type;
using iceberg::TypeKind;

class ReaderFile final : public arrow::io::RandomAccessFile {
 public:
  explicit ReaderFile(store::ObjectReader& reader) : reader_(reader) {}

  arrow::Status Close() override {
    is_closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return is_closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(reader_.size_bytes()); }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t count, void* out) override {
    auto read = reader_.ReadAt(static_cast<uint64_t>(position),
                               {static_cast<std::byte*>(out), static_cast<size_t>(count)});
    if (read) return static_cast<int64_t>(*read);
    error_ = std::move(read).error();
    return arrow::Status::IOError(error_->message);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(count));
    ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position, count, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(read));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t count, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position_, count, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t count) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, count));
    position_ += buffer->size();
    return buffer;
  }

  /// The store's error behind a failed read, if there was one.
  const std::optional<Error>& error() const { return error_; }

 private:
  store::ObjectReader& reader_;  // must outlive this
  int64_t position_ = 0;
  bool is_closed_ = false;
  std::optional<Error> error_;
};

/// nullopt where Iceberg has no such type. Ids inside nested types are placeholders counted from 1.
class TypeMapper {
 public:
  std::optional<Type> Map(const arrow::DataType& type) {
    switch (type.id()) {
      case arrow::Type::BOOL: return Type::Of(TypeKind::kBoolean);
      case arrow::Type::INT8:
      case arrow::Type::INT16:
      case arrow::Type::INT32:
      case arrow::Type::UINT8:
      case arrow::Type::UINT16: return Type::Of(TypeKind::kInt);
      case arrow::Type::INT64:
      case arrow::Type::UINT32: return Type::Of(TypeKind::kLong);
      case arrow::Type::UINT64: return Type::DecimalOf(20, 0);
      case arrow::Type::HALF_FLOAT:
      case arrow::Type::FLOAT: return Type::Of(TypeKind::kFloat);
      case arrow::Type::DOUBLE: return Type::Of(TypeKind::kDouble);
      case arrow::Type::STRING:
      case arrow::Type::LARGE_STRING:
      case arrow::Type::STRING_VIEW:
      case arrow::Type::NA: return Type::Of(TypeKind::kString);
      case arrow::Type::BINARY:
      case arrow::Type::LARGE_BINARY:
      case arrow::Type::BINARY_VIEW: return Type::Of(TypeKind::kBinary);
      case arrow::Type::DATE32:
      case arrow::Type::DATE64: return Type::Of(TypeKind::kDate);
      case arrow::Type::TIME32:
      case arrow::Type::TIME64: return Type::Of(TypeKind::kTime);
      default:  // Arrow's types are an open set.
        return MapWithParameters(type);
    }
  }

 private:
  std::optional<Type> MapWithParameters(const arrow::DataType& type) {
    switch (type.id()) {
      case arrow::Type::TIMESTAMP: {
        const bool has_zone = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
        return Type::Of(has_zone ? TypeKind::kTimestamptz : TypeKind::kTimestamp);
      }
      case arrow::Type::DECIMAL32:
      case arrow::Type::DECIMAL64:
      case arrow::Type::DECIMAL128:
      case arrow::Type::DECIMAL256: {
        const auto& decimal = static_cast<const arrow::DecimalType&>(type);
        if (decimal.precision() > 38 || decimal.scale() < 0) return std::nullopt;
        return Type::DecimalOf(decimal.precision(), decimal.scale());
      }
      case arrow::Type::FIXED_SIZE_BINARY:
        return Type::FixedOf(static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
      case arrow::Type::DICTIONARY:
        return Map(*static_cast<const arrow::DictionaryType&>(type).value_type());
      case arrow::Type::LIST:
      case arrow::Type::LARGE_LIST:
      case arrow::Type::FIXED_SIZE_LIST: {
        auto element = MapField(*type.field(0), "element");
        if (!element) return std::nullopt;
        return Type::ListOf(std::move(*element));
      }
      case arrow::Type::MAP: {
        const auto& map = static_cast<const arrow::MapType&>(type);
        auto key = MapField(*map.key_field(), "key");
        auto value = MapField(*map.item_field(), "value");
        if (!key || !value) return std::nullopt;
        return Type::MapOf(std::move(*key), std::move(*value));
      }
      case arrow::Type::STRUCT: {
        std::vector<NestedField> fields;
        for (const auto& field : type.fields()) {
          auto mapped = MapField(*field, field->name());
          if (!mapped) return std::nullopt;
          fields.push_back(std::move(*mapped));
        }
        return Type::StructOf(std::move(fields));
      }
      default: return std::nullopt;
    }
  }

  std::optional<NestedField> MapField(const arrow::Field& field, std::string_view name) {
    const FieldId id(++last_id_);
    auto type = Map(*field.type());
    if (!type) return std::nullopt;
    return NestedField{.id = id,
                       .name = std::string(name),
                       .is_required = !field.nullable(),
                       .type = std::move(*type),
                       .doc = {}};
  }

  int32_t last_id_ = 0;
};

FileShape ShapeOf(const arrow::Schema& schema) {
  FileShape shape;
  shape.format = catalog::RawFormat::kParquet;
  for (const auto& field : schema.fields()) {
    const auto type = TypeMapper().Map(*field->type());
    if (!type) {
      shape.warnings.push_back(fmt::format("column {} is left out: there is no Iceberg type for {}",
                                           field->name(), field->type()->ToString()));
      continue;
    }
    const bool is_nanos =
        field->type()->id() == arrow::Type::TIMESTAMP &&
        static_cast<const arrow::TimestampType&>(*field->type()).unit() == arrow::TimeUnit::NANO;
    if (is_nanos) {
      shape.warnings.push_back(
          fmt::format("column {} has nanoseconds, of which microseconds are kept", field->name()));
    }
    shape.columns.push_back({.source_name = field->name(), .profile = {}, .declared = type});
  }
  return shape;
}

}  // namespace

Result<FileShape> ReadParquetShape(store::ObjectReader& reader) {
  auto file = std::make_shared<ReaderFile>(reader);
  try {
    const auto parquet = parquet::ParquetFileReader::Open(file);
    const auto metadata = parquet->metadata();
    std::shared_ptr<arrow::Schema> schema;
    const arrow::Status status = parquet::arrow::FromParquetSchema(
        metadata->schema(), parquet::default_arrow_reader_properties(),
        metadata->key_value_metadata(), &schema);
    if (!status.ok()) return CorruptData("Parquet schema: " + status.message());
    FileShape shape = ShapeOf(*schema);
    shape.records_count = static_cast<uint64_t>(metadata->num_rows());
    return shape;
  } catch (const std::exception& exception) {  // Parquet reports by exceptions.
    if (file->error()) return *file->error();
    return CorruptData(std::string("Parquet footer: ") + exception.what());
  }
}

}  // namespace daypart::crawl
