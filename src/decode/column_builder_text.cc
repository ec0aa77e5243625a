// SPDX-License-Identifier: Apache-2.0
//
// String dictionaries and the way from one to plain text.
#include "decode/column_builder_text.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

namespace daypart::decode {
namespace {

constexpr size_t kRowsMin = 1024;
constexpr size_t kSlotsAtFirst = 64;
/// A chain this long in a table that is at most half full comes from chosen keys only.
constexpr size_t kProbesMax = 64;

}  // namespace

StringDictionary::StringDictionary()
    : slots_(kSlotsAtFirst), mask_(kSlotsAtFirst - 1), offsets_(1, 0) {}

int32_t StringDictionary::FindOrAdd(uint64_t head, uint64_t hash, const char* text, size_t size) {
  uint64_t at = hash & mask_;
  for (size_t probe = 0;; ++probe, at = (at + 1) & mask_) {
    if (probe == kProbesMax) return -1;
    const Slot& slot = slots_[at];
    if (slot.index < 0) break;
    if (slot.head == head && slot.size == size && (size <= 8 || is_tail_same(slot, text, size))) {
      return slot.index;
    }
  }
  if (values_count() >= kDictionaryValuesMax || bytes_.size() + size > kDictionaryBytesMax)
    return -1;
  const auto index = static_cast<int32_t>(values_count());
  slots_[at] = {head, static_cast<uint32_t>(size), index};
  bytes_.append(text, size);
  offsets_.push_back(static_cast<int32_t>(bytes_.size()));
  if (values_count() * 2 > slots_.size()) GrowSlots();
  return index;
}

uint64_t StringDictionary::HashOf(const Slot& slot) const {
  if (slot.size <= 8) return Mix(slot.head ^ (slot.size * 0x9E3779B97F4A7C15));
  return HashLong(bytes_.data() + offsets_[static_cast<size_t>(slot.index)], slot.size);
}

void StringDictionary::GrowSlots() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.index < 0) continue;
    uint64_t at = HashOf(slot) & mask_;
    while (slots_[at].index >= 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

std::shared_ptr<arrow::Array> StringDictionary::ToArray() {
  if (array_ != nullptr && array_->length() == int64_t{values_count()}) return array_;
  // A copy, because the batches that hold it live on while the dictionary grows.
  array_ = std::make_shared<arrow::StringArray>(int64_t{values_count()},
                                                arrow::Buffer::FromVector(offsets_),
                                                arrow::Buffer::FromString(bytes_));
  return array_;
}

BytesColumn::BytesColumn(std::shared_ptr<arrow::DataType> type)
    : ColumnBuilder(type->id() == arrow::Type::STRING ? ColumnKind::kString : ColumnKind::kBinary,
                    type),
      is_dictionary_(type->id() == arrow::Type::STRING) {}

void BytesColumn::Grow(size_t rows_all) {
  const size_t wanted = std::max({rows_all, kRowsMin, capacity_ + capacity_ / 2});
  const bool is_new = numbers_.data() == nullptr;
  numbers_.Reserve((wanted + 1) * sizeof(int32_t));
  if (is_new && !is_dictionary_) offsets()[0] = 0;
  ReserveValidity(wanted);
  capacity_ = wanted;
}

void BytesColumn::BecomePlain() {
  is_dictionary_ = false;
  size_t bytes = 0;
  for (size_t row = 0; row < rows_; ++row) {
    // A null's index is 0 and may name no value of a dictionary that is still empty.
    if (dictionary_.values_count() != 0) {
      bytes += dictionary_.value(static_cast<uint32_t>(indices()[row])).size();
    }
  }
  bytes_.Reserve(bytes + kCellPadding);
  int32_t next = 0;
  for (size_t row = 0; row < rows_; ++row) {
    const auto index = static_cast<uint32_t>(indices()[row]);
    offsets()[row] = next;
    if (dictionary_.values_count() == 0) continue;
    const std::string_view value = dictionary_.value(index);
    if (!value.empty()) std::memcpy(bytes_.data() + next, value.data(), value.size());
    next += static_cast<int32_t>(value.size());
  }
  offsets()[rows_] = next;
  bytes_size_ = static_cast<size_t>(next);
}

void BytesColumn::TruncateTo(size_t rows) {
  TruncateValidity(rows);
  rows_ = rows;
  if (!is_dictionary_ && numbers_.data() != nullptr) {
    bytes_size_ = static_cast<size_t>(offsets()[rows]);
  }
}

std::shared_ptr<arrow::Array> BytesColumn::Finish() {
  const size_t rows = rows_;
  Reserve(0);
  if (numbers_.data() == nullptr) Grow(1);
  rows_before_ += rows;
  const auto nulls = static_cast<int64_t>(nulls_count());
  // More than half of many rows distinct: the dictionary costs more than it saves.
  if (is_dictionary_ && rows_before_ >= 4 * kRowsMin &&
      dictionary_.values_count() > rows_before_ / 2) {
    BecomePlain();
  }
  std::shared_ptr<arrow::Buffer> validity = FinishValidity();
  capacity_ = 0;
  const auto length = static_cast<int64_t>(rows);
  if (is_dictionary_) {
    auto data = arrow::ArrayData::Make(
        arrow::dictionary(arrow::int32(), arrow::utf8()), length,
        {std::move(validity), numbers_.Finish(rows * sizeof(int32_t))}, nulls);
    data->dictionary = dictionary_.ToArray()->data();
    return arrow::MakeArray(data);
  }
  auto offsets_buffer = numbers_.Finish((rows + 1) * sizeof(int32_t));
  auto bytes_buffer = bytes_.Finish(bytes_size_);
  bytes_size_ = 0;
  return arrow::MakeArray(arrow::ArrayData::Make(
      type_, length, {std::move(validity), std::move(offsets_buffer), std::move(bytes_buffer)},
      nulls));
}

}  // namespace daypart::decode
