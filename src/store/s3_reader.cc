// SPDX-License-Identifier: Apache-2.0
//
// Opening asks for the object's last 64 KiB: one round trip gives the size, the etag and, of a
// Parquet file, the footer. A small read at the place where the last one ended is taken for one of
// a sequence: then whole blocks are fetched, and the ones behind them ahead. A large one (the
// columns of a row group) is fetched as it is, in pieces beside each other.
#include <algorithm>
#include <cstring>
#include <future>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "store/s3_transfer.h"

namespace daypart::store {
namespace {

constexpr uint64_t kTailBytes = uint64_t{64} << 10;
/// 8 MiB a block, four at a time: 32 MiB hide 100 ms at 2.5 Gbit/s.
constexpr uint64_t kBlockBytes = uint64_t{8} << 20;
constexpr uint64_t kBlocksAhead = 4;

std::string RangeText(uint64_t offset, uint64_t bytes) {
  return "bytes=" + std::to_string(offset) + '-' + std::to_string(offset + bytes - 1);
}

using Block = Result<std::vector<std::byte>>;

class S3Reader final : public ObjectReader {
 public:
  S3Reader(S3Client& client, TaskPool& pool, S3Address address, S3Range tail)
      : client_(client),
        pool_(pool),
        address_(std::move(address)),
        size_bytes_(tail.object_bytes),
        etag_(std::move(tail.etag)),
        tail_(std::move(tail.bytes)) {}

  ~S3Reader() override {
    for (auto& [offset, block] : blocks_) block.wait();
  }

  uint64_t size_bytes() const override { return size_bytes_; }

  Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= size_bytes_ || into.empty()) return size_t{0};
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size_bytes_ - offset)));
    const uint64_t tail_begin = size_bytes_ - tail_.size();
    if (offset >= tail_begin) {
      std::memcpy(into.data(), tail_.data() + (offset - tail_begin), into.size());
      return into.size();
    }
    bool is_sequence = false;
    {
      const std::lock_guard lock(mutex_);
      is_sequence = offset == next_offset_ && into.size() < kBlockBytes;
      next_offset_ = offset + into.size();
    }
    if (is_sequence) return ReadBlocks(offset, into);
    return ReadRange(offset, into);
  }

 private:
  Result<size_t> ReadRange(uint64_t offset, std::span<std::byte> into) {
    if (into.size() <= 2 * kBlockBytes) return ReadPiece(offset, into);
    // Pieces beside each other; this thread takes the first, so that a pool that is full of
    // such reads still moves on.
    std::vector<std::future<Result<size_t>>> pieces;
    for (uint64_t at = kBlockBytes; at < into.size(); at += kBlockBytes) {
      const auto bytes = static_cast<size_t>(std::min<uint64_t>(kBlockBytes, into.size() - at));
      const auto piece = into.subspan(static_cast<size_t>(at), bytes);
      pieces.push_back(
          pool_.Submit([this, offset, at, piece] { return ReadPiece(offset + at, piece); }));
    }
    auto whole = ReadPiece(offset, into.first(static_cast<size_t>(kBlockBytes)));
    for (auto& piece : pieces) {
      auto read = piece.get();
      if (!read && whole) whole = std::move(read);
    }
    if (!whole) return whole;
    return into.size();
  }

  Result<size_t> ReadPiece(uint64_t offset, std::span<std::byte> into) {
    DAYPART_TRY(const S3Range range,
                client_.Get(address_, RangeText(offset, into.size()), etag_, into));
    if (range.into_bytes != into.size()) {
      return Unavailable("s3://" + address_.bucket + '/' + address_.key + ": " +
                         std::to_string(into.size()) + " bytes are expected at " +
                         std::to_string(offset) + ", found " + std::to_string(range.into_bytes));
    }
    return into.size();
  }

  /// Asks for the block, if that was not done yet.
  std::shared_future<Block> Fetch(uint64_t begin) {
    const auto found = blocks_.find(begin);
    if (found != blocks_.end()) return found->second;
    const uint64_t bytes = std::min(kBlockBytes, size_bytes_ - begin);
    auto block = pool_.Submit([this, begin, bytes]() -> Block {
      std::vector<std::byte> into(static_cast<size_t>(bytes));
      DAYPART_TRY(const size_t got, ReadPiece(begin, into));
      (void)got;  // ReadPiece gives all or an error
      return into;
    });
    return blocks_.emplace(begin, block.share()).first->second;
  }

  Result<size_t> ReadBlocks(uint64_t offset, std::span<std::byte> into) {
    size_t done = 0;
    while (done < into.size()) {
      const uint64_t at = offset + done;
      const uint64_t begin = at / kBlockBytes * kBlockBytes;
      std::shared_future<Block> block;
      {
        const std::lock_guard lock(mutex_);
        block = Fetch(begin);
        for (uint64_t ahead = 1; ahead < kBlocksAhead; ++ahead) {
          if (begin + ahead * kBlockBytes < size_bytes_) (void)Fetch(begin + ahead * kBlockBytes);
        }
        // Behind the reader nobody looks any more.
        while (!blocks_.empty() && blocks_.begin()->first + kBlockBytes < begin &&
               blocks_.begin()->second.wait_for(std::chrono::seconds(0)) ==
                   std::future_status::ready) {
          blocks_.erase(blocks_.begin());
        }
      }
      const Block& bytes = block.get();
      if (!bytes) {
        const std::lock_guard lock(mutex_);
        blocks_.erase(begin);
        return bytes.error();
      }
      const auto skip = static_cast<size_t>(at - begin);
      const size_t count = std::min(bytes->size() - skip, into.size() - done);
      std::memcpy(into.data() + done, bytes->data() + skip, count);
      done += count;
    }
    return done;
  }

  S3Client& client_;
  TaskPool& pool_;
  const S3Address address_;
  const uint64_t size_bytes_;
  const std::string etag_;
  const std::string tail_;
  std::mutex mutex_;  // guards next_offset_ and blocks_
  uint64_t next_offset_ = UINT64_MAX;
  std::map<uint64_t, std::shared_future<Block>> blocks_;
};

}  // namespace

Result<std::unique_ptr<ObjectReader>> OpenS3Reader(S3Client& client, TaskPool& pool,
                                                   S3Address address) {
  auto tail = client.Get(address, "bytes=-" + std::to_string(kTailBytes), "", {});
  if (!tail && tail.error().code == ErrorCode::kInvalidArgument) {
    // An object of no bytes has no range at all (416).
    DAYPART_TRY(const ObjectInfo info, client.Head(address, address.key));
    if (info.bytes != 0) return std::move(tail).error();
    tail = S3Range{.etag = info.etag};
  }
  if (!tail) return std::move(tail).error();
  return std::unique_ptr<ObjectReader>(std::make_unique<S3Reader>(
      client, pool, std::move(address), std::move(tail).value()));
}

}  // namespace daypart::store
