// SPDX-License-Identifier: Apache-2.0
//
// The memory of the id tables, and their growing.
#include "ingest/id_table.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace daypart::ingest {
namespace {

constexpr size_t kSlotsMin = 1024;

}  // namespace

LargeMemory::LargeMemory(size_t bytes) : bytes_(bytes) {
  data_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw std::bad_alloc();
  }
  (void)::madvise(data_, bytes, MADV_HUGEPAGE);  // A hint: small pages serve as well, slower.
}

LargeMemory::~LargeMemory() {
  if (data_ != nullptr) (void)::munmap(data_, bytes_);
}

template <typename Key>
void IdTable<Key>::Grow() {
  const LargeMemory older = std::move(memory_);
  const size_t older_count = slots_count_;
  slots_count_ = std::max(kSlotsMin, older_count * 2);
  slots_bits_ = std::countr_zero(slots_count_);
  memory_ = LargeMemory(slots_count_ * sizeof(Key));
  const Key* keys = static_cast<const Key*>(older.data());
  for (size_t i = 0; i < older_count; ++i) {
    if (!keys[i].is_free()) Put(keys[i]);
  }
}

template <typename Key>
void IdTable<Key>::ClearLike(const IdTable& like) {
  count_ = 0;
  has_free_key_ = false;
  if (slots_count_ == like.slots_count_) {
    if (slots_count_ != 0) std::memset(memory_.data(), 0, memory_.bytes());
    return;
  }
  slots_count_ = like.slots_count_;
  slots_bits_ = like.slots_bits_;
  memory_ = LargeMemory(slots_count_ * sizeof(Key));
}

template class IdTable<NumberKey>;
template class IdTable<TextKey>;

}  // namespace daypart::ingest
