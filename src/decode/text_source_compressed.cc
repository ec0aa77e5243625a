// SPDX-License-Identifier: Apache-2.0
//
// gzip by zlib and zstd by libzstd as byte sources. A stream that ends inside a member or frame is
// an error, never a shorter text.
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "decode/text_source.h"

namespace daypart::decode {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}
  ~GzipSource() override {
    if (is_open_) inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<size_t> Read(std::span<char> into) override {
    if (into.empty()) return size_t{0};
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(into.size(), size_t{1} << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && !is_done_) DAYPART_RETURN_IF_ERROR(Step());
    return static_cast<size_t>(room - stream_.avail_out);
  }

 private:
  Status Step() {
    if (stream_.avail_in == 0) {
      DAYPART_TRY(const size_t count, source_->Read(input_));
      offset_ += count;
      stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
      stream_.avail_in = static_cast<uInt>(count);
      if (count == 0) {
        if (is_in_member_) return Broken("stream ends inside a member");
        is_done_ = true;
        return Ok();
      }
    }
    if (!is_in_member_) return BeginMember();
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code == Z_STREAM_END) {
      is_in_member_ = false;
      members_ += 1;
      return Ok();
    }
    if (code == Z_OK || code == Z_BUF_ERROR) return Ok();
    return Broken(stream_.msg != nullptr ? stream_.msg : "deflate data are damaged");
  }

  Status BeginMember() {
    if (members_ != 0 && *stream_.next_in == 0) {  // padding, as tar and tapes leave it
      ++stream_.next_in;
      --stream_.avail_in;
      return Ok();
    }
    const int code = is_open_ ? inflateReset(&stream_) : inflateInit2(&stream_, 15 + 16);
    if (code != Z_OK) return ResourceExhausted("zlib has no memory for a stream");
    is_open_ = true;
    is_in_member_ = true;
    return Ok();
  }

  Error Broken(std::string_view what) const {
    return CorruptData(
        fmt::format("gzip: {} at compressed byte offset {}", what, offset_ - stream_.avail_in));
  }

  std::unique_ptr<ByteSource> source_;
  z_stream stream_{};
  bool is_open_ = false;
  bool is_in_member_ = false;
  bool is_done_ = false;
  uint64_t members_ = 0;
  uint64_t offset_ = 0;  // compressed bytes read
  std::array<char, kInputBytes> input_;
};

struct FreeZstd {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

class ZstdSource final : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> source)
      : source_(std::move(source)), stream_(ZSTD_createDStream()) {}

  Result<size_t> Read(std::span<char> into) override {
    if (stream_ == nullptr) return ResourceExhausted("zstd has no memory for a stream");
    if (into.empty()) return size_t{0};
    ZSTD_outBuffer output{into.data(), into.size(), 0};
    while (output.pos == 0 && !is_done_) {
      if (buffer_.pos == buffer_.size && !has_more_output_) {
        DAYPART_TRY(const size_t count, source_->Read(input_));
        offset_ += count;
        buffer_ = {input_.data(), count, 0};
        if (count == 0) {
          if (is_in_frame_) return Broken("stream ends inside a frame");
          is_done_ = true;
          break;
        }
      }
      const size_t code = ZSTD_decompressStream(stream_.get(), &output, &buffer_);
      if (ZSTD_isError(code) != 0) return Broken(ZSTD_getErrorName(code));
      is_in_frame_ = code != 0;
      has_more_output_ = output.pos == output.size && is_in_frame_;
    }
    return output.pos;
  }

 private:
  Error Broken(std::string_view what) const {
    return CorruptData(fmt::format("zstd: {} at compressed byte offset {}", what,
                                   offset_ - (buffer_.size - buffer_.pos)));
  }

  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<ZSTD_DStream, FreeZstd> stream_;
  bool is_in_frame_ = false;
  bool is_done_ = false;
  bool has_more_output_ = false;  // the decoder may hold bytes that found no room
  uint64_t offset_ = 0;           // compressed bytes read
  ZSTD_inBuffer buffer_{nullptr, 0, 0};
  std::array<char, kInputBytes> input_;
};

}  // namespace

std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> source) {
  return std::make_unique<GzipSource>(std::move(source));
}

std::unique_ptr<ByteSource> MakeZstdSource(std::unique_ptr<ByteSource> source) {
  return std::make_unique<ZstdSource>(std::move(source));
}

}  // namespace daypart::decode
