// SPDX-License-Identifier: Apache-2.0
//
// BytesColumn: string and binary columns. A string column starts as a dictionary that lives as long
// as the builder and only grows, so that the dictionary of an older chunk is a prefix of a newer
// one's; once it has too many values (see kDictionaryValuesMax) the column is plain utf8 for good,
// from the chunk on where that showed.
#pragma once

#include "decode/column_builder.h"

namespace daypart::decode {

/// 16 Ki values: 256 KiB of slots stay in the second-level cache, and a column chunk of Parquet
/// with more would leave its dictionary encoding about there.
inline constexpr uint32_t kDictionaryValuesMax = 16 * 1024;
inline constexpr size_t kDictionaryBytesMax = size_t{1} << 20;

/// Distinct strings numbered 0, 1, 2, … in the order of their coming.
class StringDictionary {
 public:
  StringDictionary();

  /// The number of `text`, new or old; -1 once a limit is reached (values, bytes, or a run of slots
  /// that collide): the dictionary takes nothing new then.
  template <bool kPadded>
  int32_t Find(const char* text, size_t size) {
    const uint64_t head = size == 0 ? 0 : LoadWord<kPadded>(text, size);
    const uint64_t hash =
        size <= 8 ? Mix(head ^ (size * 0x9E3779B97F4A7C15)) : HashLong(text, size);
    const Slot& slot = slots_[hash & mask_];
    if (slot.head == head && slot.size == size && slot.index >= 0 &&
        (size <= 8 || is_tail_same(slot, text, size))) [[likely]] {
      return slot.index;
    }
    return FindOrAdd(head, hash, text, size);
  }
  uint32_t values_count() const { return static_cast<uint32_t>(offsets_.size() - 1); }
  std::string_view value(uint32_t index) const {
    return std::string_view(bytes_).substr(
        static_cast<size_t>(offsets_[index]),
        static_cast<size_t>(offsets_[index + 1] - offsets_[index]));
  }
  /// The values as a utf8 array; the same one as before where nothing is new.
  std::shared_ptr<arrow::Array> ToArray();

 private:
  struct Slot {
    uint64_t head = 0;
    uint32_t size = 0;
    int32_t index = -1;  // -1: free
  };

  static uint64_t Mix(uint64_t word) {
    const auto product =
        static_cast<unsigned __int128>(word ^ 0xA0761D6478BD642F) * 0xE7037ED1A0B428DB;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }
  /// text: more than 8 bytes.
  static uint64_t HashLong(const char* text, size_t size) {
    uint64_t hash = size;
    uint64_t word = 0;
    for (size_t at = 0; at + 8 < size; at += 8) {
      std::memcpy(&word, text + at, 8);
      hash = Mix(hash ^ word);
    }
    std::memcpy(&word, text + size - 8, 8);
    return Mix(hash ^ word);
  }
  /// Compares what is behind the first 8 bytes, which are known to be equal. text: more than 8
  /// bytes.
  bool is_tail_same(const Slot& slot, const char* text, size_t size) const {
    const char* value = bytes_.data() + offsets_[static_cast<size_t>(slot.index)];
    if (size <= 16) {  // the last 8 bytes, some of them once more: two loads instead of a call
      uint64_t ours = 0;
      uint64_t theirs = 0;
      std::memcpy(&ours, value + size - 8, 8);
      std::memcpy(&theirs, text + size - 8, 8);
      return ours == theirs;
    }
    return std::memcmp(value + 8, text + 8, size - 8) == 0;
  }
  int32_t FindOrAdd(uint64_t head, uint64_t hash, const char* text, size_t size);
  void GrowSlots();
  uint64_t HashOf(const Slot& slot) const;

  std::vector<Slot> slots_;  // a power of two, at most half full
  uint64_t mask_ = 0;
  std::string bytes_;
  std::vector<int32_t> offsets_;
  std::shared_ptr<arrow::Array> array_;  // shared with the batches that were given it
};

class BytesColumn final : public ColumnBuilder {
 public:
  /// type: utf8 or binary; binary is never a dictionary.
  explicit BytesColumn(std::shared_ptr<arrow::DataType> type);

  bool is_dictionary() const { return is_dictionary_; }
  /// Appends without making room for the row (bytes make their own).
  template <bool kPadded>
  [[gnu::always_inline]] void PushText(const char* text, size_t size) {
    if (is_dictionary_) {
      const int32_t index = dictionary_.Find<kPadded>(text, size);
      if (index >= 0) [[likely]] {
        indices()[rows_++] = index;
        return;
      }
      BecomePlain();
    }
    PushPlain<kPadded>(text, size);
  }
  template <bool kPadded>
  void PushPlain(const char* text, size_t size) {
    bytes_.Reserve(bytes_size_ + size + kCellPadding);
    CopyBytes<kPadded>(bytes_.data() + bytes_size_, text, size);
    bytes_size_ += size;
    offsets()[++rows_] = static_cast<int32_t>(bytes_size_);
  }
  void PushNull() override {
    MarkNull();
    ++rows_;
    if (is_dictionary_) {
      indices()[rows_ - 1] = 0;
    } else {
      offsets()[rows_] = static_cast<int32_t>(bytes_size_);
    }
  }

  void Reserve(size_t rows) override {
    if (rows_ + rows > capacity_) Grow(rows_ + rows);
  }
  bool AppendText(std::string_view text) override {
    Reserve(1);
    PushText<false>(text.data(), text.size());
    return true;
  }
  bool AppendInt64(int64_t) override { return false; }
  bool AppendDouble(double) override { return false; }
  bool AppendBool(bool) override { return false; }
  void TruncateTo(size_t rows) override;
  std::shared_ptr<arrow::Array> Finish() override;

 private:
  // The one buffer of int32 holds a dictionary's indices, or the n + 1 offsets of plain text.
  int32_t* indices() { return reinterpret_cast<int32_t*>(numbers_.data()); }
  int32_t* offsets() { return reinterpret_cast<int32_t*>(numbers_.data()); }
  template <bool kPadded>
  static void CopyBytes(uint8_t* into, const char* text, size_t size) {
    if constexpr (kPadded) {
      if (size <= 16) {  // one 16-byte move instead of a call; the room behind is there
        std::memcpy(into, text, 16);
        return;
      }
    }
    if (size != 0) std::memcpy(into, text, size);
  }
  void Grow(size_t rows_all);
  /// Turns the rows so far into plain text; the dictionary is given up.
  void BecomePlain();

  bool is_dictionary_ = false;
  StringDictionary dictionary_;
  GrowingBuffer numbers_;
  GrowingBuffer bytes_;
  size_t bytes_size_ = 0;
  size_t capacity_ = 0;       // rows that numbers_ and the validity have room for
  uint64_t rows_before_ = 0;  // rows of the chunks before, for the share of distinct values
};

/// The builder of a type; null for a type that text cannot be decoded into.
std::unique_ptr<ColumnBuilder> MakeColumnBuilder(const std::shared_ptr<arrow::DataType>& type);

}  // namespace daypart::decode
