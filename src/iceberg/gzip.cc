// SPDX-License-Identifier: Apache-2.0
//
// zlib's inflate with gzip's header and check sum.
#include "iceberg/gzip.h"

#include <zlib.h>

#include <array>

namespace daypart::iceberg {
namespace {

/// As much as the store reads of one metadata file.
constexpr size_t kContentBytesMax = size_t{1} << 30;
/// zlib: window of 32 KiB (15), and 16 for gzip's header.
constexpr int kGzipWindow = 15 + 16;

}  // namespace

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

Result<std::string> Gunzip(std::string_view bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return ResourceExhausted("zlib has no memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string content;
  std::array<char, 64 << 10> piece;
  int code = Z_OK;
  while (code == Z_OK && content.size() <= kContentBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_NO_FLUSH);
    content.append(piece.data(), piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (content.size() > kContentBytesMax) {
    return ResourceExhausted("a gzip file of more than 1 GiB of content");
  }
  if (code != Z_STREAM_END) {
    return CorruptData("a whole gzip file is expected, found one that is damaged or cut short: " +
                       std::to_string(bytes.size()) + " bytes");
  }
  return content;
}

}  // namespace daypart::iceberg
