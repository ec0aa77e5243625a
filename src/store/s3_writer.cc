// SPDX-License-Identifier: Apache-2.0
//
// An object of at most one part is one PUT; a larger one is a multipart upload, whose parts are
// sent by the pool while the next is filled. A resumable upload keeps one line beside the object,
//     <upload id> <part bytes> <mark>\n
// and asks the service which parts it has. Parts are continued as far as they follow each other.
#include <algorithm>
#include <deque>
#include <future>
#include <sstream>
#include <utility>
#include <vector>

#include "base/log.h"
#include "store/s3_transfer.h"

namespace daypart::store {
namespace {

/// S3 takes 10,000 parts an object: after each thousand the parts double, which reaches 5 TiB.
constexpr int kPartsOfOneSize = 1'000;
/// Parts that wait to be sent or are being sent; bounds the memory of a writer.
constexpr size_t kPartsUnderWayMax = 6;

class S3Writer final : public ObjectWriter {
 public:
  S3Writer(S3Client& client, TaskPool& pool, S3WriteTarget target)
      : client_(client),
        pool_(pool),
        target_(std::move(target)),
        mark_(NewUuid(client.random())),
        part_bytes_(client.options().part_bytes) {}

  ~S3Writer() override {
    for (auto& part : under_way_) part.wait();
    if (is_finished_ || upload_id_.empty() || !target_.record_key.empty()) return;
    // Best effort: what cannot be aborted now, a lifecycle rule of the bucket removes.
    (void)client_.AbortUpload(target_.address, upload_id_);
  }

  /// Goes on with what a killed writer of the same record left.
  Status Resume() {
    const S3Address record{target_.address.bucket, target_.record_key};
    const auto line = client_.Get(record, "", "", {});
    if (line) {
      std::istringstream words(line->bytes);
      std::string upload_id;
      std::string mark;
      uint64_t part_bytes = 0;
      words >> upload_id >> part_bytes >> mark;
      auto parts = client_.ListParts(target_.address, upload_id);
      if (parts && part_bytes == client_.options().part_bytes) {
        Adopt(upload_id, mark, *parts);
        return Ok();
      }
      if (!parts && parts.error().code != ErrorCode::kNotFound) return std::move(parts).error();
    } else if (line.error().code != ErrorCode::kNotFound) {
      return line.error();
    }
    DAYPART_RETURN_IF_ERROR(Begin());
    const std::string text =
        upload_id_ + ' ' + std::to_string(client_.options().part_bytes) + ' ' + mark_ + '\n';
    return client_.Put(record, std::as_bytes(std::span(text.data(), text.size())),
                       WriteMode::kReplace);
  }

  Status Append(std::span<const std::byte> bytes) override {
    if (is_finished_) return InvalidArgument("the object is finished, nothing can be appended");
    while (!bytes.empty()) {
      if (buffer_.capacity() == 0) buffer_.reserve(static_cast<size_t>(part_bytes_));
      const size_t room = static_cast<size_t>(part_bytes_) - buffer_.size();
      const auto piece = bytes.first(std::min(room, bytes.size()));
      buffer_.insert(buffer_.end(), piece.begin(), piece.end());
      bytes = bytes.subspan(piece.size());
      written_bytes_ += piece.size();
      if (buffer_.size() == part_bytes_) DAYPART_RETURN_IF_ERROR(SendPart());
    }
    return Ok();
  }

  Status Finish() override {
    if (is_finished_) return InvalidArgument("the object is finished already");
    if (upload_id_.empty()) {
      DAYPART_RETURN_IF_ERROR(client_.Put(target_.address, buffer_, target_.mode));
      is_finished_ = true;
      return Ok();
    }
    if (!buffer_.empty() || parts_count_ == 0) DAYPART_RETURN_IF_ERROR(SendPart());
    while (!under_way_.empty()) DAYPART_RETURN_IF_ERROR(TakeOldest());
    DAYPART_RETURN_IF_ERROR(
        client_.CompleteUpload(target_.address, upload_id_, parts_, target_.mode, mark_));
    is_finished_ = true;
    if (!target_.record_key.empty()) {
      // Best effort: a record of an upload that is complete is passed over as not found.
      (void)client_.Delete({target_.address.bucket, target_.record_key});
    }
    return Ok();
  }

  uint64_t written_bytes() const override { return written_bytes_; }

 private:
  Status Begin() {
    DAYPART_TRY(upload_id_, client_.CreateUpload(target_.address, mark_));
    return Ok();
  }

  void Adopt(const std::string& upload_id, const std::string& mark,
             const std::vector<S3Part>& parts) {
    upload_id_ = upload_id;
    mark_ = mark;
    for (const S3Part& part : parts) {
      if (part.number != parts_count_ + 1 || part.bytes != part_bytes_) break;
      parts_.push_back(part);
      written_bytes_ += part.bytes;
      CountPart();
    }
  }

  void CountPart() {
    ++parts_count_;
    if (parts_count_ % kPartsOfOneSize == 0) part_bytes_ *= 2;
  }

  Status SendPart() {
    if (upload_id_.empty()) DAYPART_RETURN_IF_ERROR(Begin());
    if (under_way_.size() >= kPartsUnderWayMax) DAYPART_RETURN_IF_ERROR(TakeOldest());
    CountPart();
    // Shared, because the pool's tasks are copied.
    const auto bytes = std::make_shared<const std::vector<std::byte>>(std::move(buffer_));
    buffer_ = {};
    under_way_.push_back(pool_.Submit([this, bytes, number = parts_count_] {
      return client_.UploadPart(target_.address, upload_id_, number, *bytes);
    }));
    return Ok();
  }

  Status TakeOldest() {
    auto part = under_way_.front().get();
    under_way_.pop_front();
    if (!part) return std::move(part).error();
    parts_.push_back(std::move(part).value());
    return Ok();
  }

  S3Client& client_;
  TaskPool& pool_;
  const S3WriteTarget target_;
  std::string mark_;
  std::string upload_id_;
  uint64_t part_bytes_;
  int parts_count_ = 0;
  std::vector<std::byte> buffer_;
  std::deque<std::future<Result<S3Part>>> under_way_;  // in the order of their numbers
  std::vector<S3Part> parts_;
  uint64_t written_bytes_ = 0;
  bool is_finished_ = false;
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> OpenS3Writer(S3Client& client, TaskPool& pool,
                                                   S3WriteTarget target) {
  const bool is_resumable = !target.record_key.empty();
  auto writer = std::make_unique<S3Writer>(client, pool, std::move(target));
  if (is_resumable) DAYPART_RETURN_IF_ERROR(writer->Resume());
  return std::unique_ptr<ObjectWriter>(std::move(writer));
}

}  // namespace daypart::store
