// SPDX-License-Identifier: Apache-2.0
//
// The cold half of the column builders: growing, and turning into Arrow arrays.
#include "decode/column_builder.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "decode/column_builder_text.h"

namespace daypart::decode {
namespace {

constexpr size_t kRowsMin = 1024;

std::string TypeName(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return "boolean";
    case arrow::Type::INT32: return "int";
    case arrow::Type::INT64: return "long";
    case arrow::Type::DATE32: return "date";
    case arrow::Type::TIME64: return "time";
    case arrow::Type::STRING: return "string";
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampType&>(type).timezone().empty() ? "timestamp"
                                                                               : "timestamptz";
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
      return fmt::format("decimal({},{})", decimal.precision(), decimal.scale());
    }
    default: return type.name();  // float, double, binary are named alike
  }
}

}  // namespace

GrowingBuffer::GrowingBuffer() = default;
GrowingBuffer::~GrowingBuffer() = default;

void GrowingBuffer::Grow(size_t bytes) {
  const size_t wanted = std::max(bytes, capacity_ + capacity_ / 2);
  if (buffer_ == nullptr) {
    buffer_ = arrow::AllocateResizableBuffer(static_cast<int64_t>(wanted)).ValueOrDie();
  } else {
    const arrow::Status status = buffer_->Resize(static_cast<int64_t>(wanted));
    if (!status.ok()) status.Abort();
  }
  data_ = buffer_->mutable_data();
  capacity_ = static_cast<size_t>(buffer_->size());
}

std::shared_ptr<arrow::Buffer> GrowingBuffer::Finish(size_t bytes) {
  if (buffer_ == nullptr) Grow(1);
  const arrow::Status status = buffer_->Resize(static_cast<int64_t>(bytes), false);
  if (!status.ok()) status.Abort();
  data_ = nullptr;
  capacity_ = 0;
  return std::move(buffer_);
}

ColumnBuilder::ColumnBuilder(ColumnKind kind, std::shared_ptr<arrow::DataType> type)
    : type_(std::move(type)), kind_(kind), type_name_(TypeName(*type_)) {}

void ColumnBuilder::ReserveValidity(size_t rows_all) {
  const size_t bytes = (rows_all + 7) / 8;
  if (bytes * 8 <= validity_rows_) return;
  validity_.Reserve(bytes);
  const size_t bytes_before = validity_rows_ / 8;
  std::memset(validity_.data() + bytes_before, 0xFF, validity_.capacity() - bytes_before);
  validity_rows_ = validity_.capacity() * 8;
}

void ColumnBuilder::TruncateValidity(size_t rows) {
  for (size_t row = rows; nulls_ != 0 && row < rows_; ++row) {
    uint8_t& byte = validity_.data()[row / 8];
    const auto bit = static_cast<uint8_t>(1U << (row % 8));
    if ((byte & bit) == 0) {
      byte = static_cast<uint8_t>(byte | bit);
      --nulls_;
    }
  }
}

std::shared_ptr<arrow::Buffer> ColumnBuilder::FinishValidity() {
  std::shared_ptr<arrow::Buffer> bitmap;
  if (nulls_ != 0) {
    bitmap = validity_.Finish((rows_ + 7) / 8);
    validity_rows_ = 0;
  }
  nulls_ = 0;
  rows_ = 0;
  return bitmap;
}

bool FloatFormat::FromDouble(double number, float* value) {
  *value = static_cast<float>(number);
  return std::isinf(number) || !std::isinf(*value);
}

bool DecimalFormat::FromInt64(int64_t number, __int128* value) {
  const auto text = fmt::format_int(number);
  return ParseDecimal({text.data(), text.size()}, precision, scale, value);
}

namespace {

template <typename Format>
constexpr ColumnKind kKindOf = [] {
  if constexpr (std::is_same_v<Format, BooleanFormat>) return ColumnKind::kBoolean;
  if constexpr (std::is_same_v<Format, Int32Format>) return ColumnKind::kInt32;
  if constexpr (std::is_same_v<Format, Int64Format>) return ColumnKind::kInt64;
  if constexpr (std::is_same_v<Format, FloatFormat>) return ColumnKind::kFloat;
  if constexpr (std::is_same_v<Format, DoubleFormat>) return ColumnKind::kDouble;
  if constexpr (std::is_same_v<Format, DecimalFormat>) return ColumnKind::kDecimal;
  if constexpr (std::is_same_v<Format, DateFormat>) return ColumnKind::kDate;
  if constexpr (std::is_same_v<Format, TimestampFormat>) return ColumnKind::kTimestamp;
  if constexpr (std::is_same_v<Format, TimeFormat>) return ColumnKind::kTime;
}();

/// Bytes of 0 or 1 -> a bitmap.
std::shared_ptr<arrow::Buffer> PackBits(const uint8_t* bytes, size_t rows) {
  GrowingBuffer bits;
  bits.Reserve((rows + 7) / 8 + 1);
  std::memset(bits.data(), 0, (rows + 7) / 8);
  for (size_t row = 0; row < rows; ++row) {
    bits.data()[row / 8] = static_cast<uint8_t>(bits.data()[row / 8] | (bytes[row] << (row % 8)));
  }
  return bits.Finish((rows + 7) / 8);
}

}  // namespace

template <typename Format>
FixedColumn<Format>::FixedColumn(Format format, std::shared_ptr<arrow::DataType> type)
    : ColumnBuilder(kKindOf<Format>, std::move(type)), format_(format) {}

template <typename Format>
void FixedColumn<Format>::Grow(size_t rows_all) {
  const size_t wanted = std::max({rows_all, kRowsMin, capacity_ + capacity_ / 2});
  values_.Reserve(wanted * sizeof(Value));
  ReserveValidity(wanted);
  capacity_ = wanted;
}

template <typename Format>
std::shared_ptr<arrow::Array> FixedColumn<Format>::Finish() {
  const size_t rows = rows_;
  const auto nulls = static_cast<int64_t>(nulls_count());
  std::shared_ptr<arrow::Buffer> validity = FinishValidity();
  std::shared_ptr<arrow::Buffer> values;
  if constexpr (std::is_same_v<Format, BooleanFormat>) {
    values = PackBits(values_.data(), rows);
  } else {
    values = values_.Finish(rows * sizeof(Value));
  }
  capacity_ = 0;
  return arrow::MakeArray(arrow::ArrayData::Make(type_, static_cast<int64_t>(rows),
                                                 {std::move(validity), std::move(values)}, nulls));
}

template class FixedColumn<BooleanFormat>;
template class FixedColumn<Int32Format>;
template class FixedColumn<Int64Format>;
template class FixedColumn<FloatFormat>;
template class FixedColumn<DoubleFormat>;
template class FixedColumn<DecimalFormat>;
template class FixedColumn<DateFormat>;
template class FixedColumn<TimestampFormat>;
template class FixedColumn<TimeFormat>;

std::unique_ptr<ColumnBuilder> MakeColumnBuilder(const std::shared_ptr<arrow::DataType>& type) {
  switch (type->id()) {
    case arrow::Type::BOOL: return std::make_unique<BooleanColumn>(BooleanFormat{}, type);
    case arrow::Type::INT32: return std::make_unique<Int32Column>(Int32Format{}, type);
    case arrow::Type::INT64: return std::make_unique<Int64Column>(Int64Format{}, type);
    case arrow::Type::FLOAT: return std::make_unique<FloatColumn>(FloatFormat{}, type);
    case arrow::Type::DOUBLE: return std::make_unique<DoubleColumn>(DoubleFormat{}, type);
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(*type);
      if (decimal.scale() < 0) return nullptr;
      DecimalFormat format;
      format.precision = decimal.precision();
      format.scale = decimal.scale();
      return std::make_unique<DecimalColumn>(format, type);
    }
    case arrow::Type::DATE32: return std::make_unique<DateColumn>(DateFormat{}, type);
    case arrow::Type::TIMESTAMP:
      if (static_cast<const arrow::TimestampType&>(*type).unit() != arrow::TimeUnit::MICRO) {
        return nullptr;
      }
      return std::make_unique<TimestampColumn>(TimestampFormat{}, type);
    case arrow::Type::TIME64:
      if (static_cast<const arrow::Time64Type&>(*type).unit() != arrow::TimeUnit::MICRO) {
        return nullptr;
      }
      return std::make_unique<TimeColumn>(TimeFormat{}, type);
    case arrow::Type::STRING:
    case arrow::Type::BINARY: return std::make_unique<BytesColumn>(type);
    default: return nullptr;
  }
}

}  // namespace daypart::decode
