// SPDX-License-Identifier: Apache-2.0
//
// What a file is by its first bytes, and byte sources that turn it into UTF-8 text:
//   file bytes -> [gzip | zstd] -> [byte order mark dropped | UTF-16 converted] -> text.
#include "decode/text_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "decode/chunk.h"

namespace daypart::decode {
namespace {

constexpr size_t kHeadBytes = size_t{64} << 10;
/// A stored NUL among so many bytes of a head shows; what is decompressed to look is no more.
constexpr size_t kInflatedHeadBytes = size_t{16} << 10;

struct Magic {
  std::string_view bytes;
  size_t offset;
  std::string_view kind;
};

using namespace std::string_view_literals;  // NOLINT: magics hold NUL bytes

constexpr std::array kMagics = {
    Magic{"PAR1"sv, 0, "Parquet"},
    Magic{"PARE"sv, 0, "encrypted Parquet"},
    Magic{"PK\x03\x04"sv, 0, "ZIP archive"},
    Magic{"PK\x05\x06"sv, 0, "ZIP archive"},
    Magic{"Obj\x01"sv, 0, "Avro"},
    Magic{"ORC"sv, 0, "ORC"},
    Magic{"ARROW1\0\0"sv, 0, "Arrow file"},
    Magic{"\xFF\xFF\xFF\xFF\x10\0\0\0"sv, 0, "Arrow stream"},
    Magic{"BZh"sv, 0, "bzip2"},
    Magic{"\xFD"
          "7zXZ\0"sv,
          0, "xz"},
    Magic{"7z\xBC\xAF\x27\x1C"sv, 0, "7-Zip archive"},
    Magic{"\x04\x22\x4D\x18"sv, 0, "LZ4"},
    Magic{"\xFF\x06\0\0sNaPpY"sv, 0, "Snappy"},
    Magic{"Rar!\x1A\x07"sv, 0, "RAR archive"},
    Magic{"SQLite format 3\0"sv, 0, "SQLite"},
    Magic{"DUCK"sv, 8, "DuckDB"},
    Magic{"ustar"sv, 257, "tar archive"},
    Magic{"%PDF-"sv, 0, "PDF"},
    Magic{"\x89PNG"sv, 0, "PNG image"},
    Magic{"\xFF\xD8\xFF"sv, 0, "JPEG image"},
    Magic{"GIF8"sv, 0, "GIF image"},
    Magic{"\x7F"
          "ELF"sv,
          0, "ELF program"},
    Magic{"\xD0\xCF\x11\xE0"sv, 0, "Microsoft Office document"},
    Magic{"SEQ\x06"sv, 0, "Hadoop sequence file"},
    Magic{"\xFF\xFE\0\0"sv, 0, "UTF-32 text"},
    Magic{"\0\0\xFE\xFF"sv, 0, "UTF-32 text"},
};

bool has_magic(std::string_view head, const Magic& magic) {
  if (head.size() < magic.offset + magic.bytes.size()) return false;
  if (head.substr(magic.offset, magic.bytes.size()) != magic.bytes) return false;
  // "ORC" and "BZh" could begin a header of column names: these formats go on with other bytes.
  if (magic.kind == "ORC") return head.size() > 3 && static_cast<unsigned char>(head[3]) < 0x20;
  if (magic.kind == "bzip2") {
    return head.size() >= 10 &&
           (head.substr(4, 6) == "1AY&SY" || head.substr(4, 6) == "\x17rE8P\x90");
  }
  return true;
}

/// UTF-16 of mostly ASCII text: every other byte is NUL, and no byte between.
std::optional<TextEncoding> GuessUtf16(std::string_view head) {
  const size_t pairs = head.size() / 2;
  size_t even_nuls = 0;
  size_t odd_nuls = 0;
  for (size_t i = 0; i < pairs * 2; i += 2) {
    if (head[i] == '\0') ++even_nuls;
    if (head[i + 1] == '\0') ++odd_nuls;
  }
  if (pairs < 2) return std::nullopt;
  if (even_nuls == 0 && odd_nuls * 2 > pairs) return TextEncoding::kUtf16LittleEndian;
  if (odd_nuls == 0 && even_nuls * 2 > pairs) return TextEncoding::kUtf16BigEndian;
  return std::nullopt;
}

void LookAtText(std::string_view head, FileSignature* signature) {
  for (const Magic& magic : kMagics) {
    if (has_magic(head, magic)) {
      signature->is_binary = true;
      signature->has_magic = true;
      signature->binary_kind = magic.kind;
      return;
    }
  }
  if (head.starts_with("\xFF\xFE")) {
    signature->encoding = TextEncoding::kUtf16LittleEndian;
  } else if (head.starts_with("\xFE\xFF")) {
    signature->encoding = TextEncoding::kUtf16BigEndian;
  } else if (head.find('\0') != std::string_view::npos) {
    if (const auto guess = GuessUtf16(head)) {
      signature->encoding = *guess;
    } else {
      signature->is_binary = true;
      signature->binary_kind = "data with NUL bytes";
    }
  }
}

Compression CompressionOf(std::string_view head) {
  if (head.starts_with("\x1F\x8B\x08")) return Compression::kGzip;
  if (head.starts_with("\x28\xB5\x2F\xFD")) return Compression::kZstd;
  // A skippable frame, 0x184D2A50 to …5F, may stand in front.
  if (head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
      head.substr(1, 3) == "\x2A\x4D\x18") {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

/// Bytes in memory, then those of another source.
class HeadSource final : public ByteSource {
 public:
  HeadSource(std::string head, std::unique_ptr<ByteSource> rest)
      : head_(std::move(head)), rest_(std::move(rest)) {}

  Result<size_t> Read(std::span<char> into) override {
    if (taken_ == head_.size()) {
      if (rest_ == nullptr) return size_t{0};
      return rest_->Read(into);
    }
    const size_t count = std::min(into.size(), head_.size() - taken_);
    std::memcpy(into.data(), head_.data() + taken_, count);
    taken_ += count;
    return count;
  }

 private:
  std::string head_;
  size_t taken_ = 0;
  std::unique_ptr<ByteSource> rest_;
};

/// UTF-16 -> UTF-8. A surrogate without its other half becomes the three bytes it would have alone,
/// which are no valid UTF-8: the row that holds them is rejected then, and not silently changed.
class Utf16Source final : public ByteSource {
 public:
  Utf16Source(std::unique_ptr<ByteSource> source, bool is_big_endian)
      : source_(std::move(source)), is_big_endian_(is_big_endian) {}

  Result<size_t> Read(std::span<char> into) override {
    while (out_taken_ == out_.size() && !is_at_end_) DAYPART_RETURN_IF_ERROR(Convert());
    const size_t count = std::min(into.size(), out_.size() - out_taken_);
    std::memcpy(into.data(), out_.data() + out_taken_, count);
    out_taken_ += count;
    return count;
  }

 private:
  Status Convert() {
    out_.clear();
    out_taken_ = 0;
    DAYPART_TRY(const size_t count,
                source_->Read(std::span(in_).subspan(in_size_, in_.size() - in_size_)));
    in_size_ += count;
    offset_ += count;
    is_at_end_ = count == 0;
    size_t at = 0;
    for (; at + 2 <= in_size_; at += 2) PushUnit(Unit(at));
    if (is_at_end_) {
      if (high_ != 0) Push(high_);
      high_ = 0;
      if (at != in_size_) {
        return CorruptData(
            fmt::format("expected pairs of bytes of UTF-16, found an odd one at the "
                        "end, byte offset {}",
                        offset_ - 1));
      }
    }
    if (at != in_size_) in_[0] = in_[at];
    in_size_ -= at;
    return Ok();
  }

  uint32_t Unit(size_t at) const {
    const auto first = static_cast<unsigned char>(in_[at]);
    const auto second = static_cast<unsigned char>(in_[at + 1]);
    return is_big_endian_ ? uint32_t{first} << 8 | second : uint32_t{second} << 8 | first;
  }

  void PushUnit(uint32_t unit) {
    if (high_ != 0) {
      if (unit >= 0xDC00 && unit < 0xE000) {
        Push(0x10000 + ((high_ - 0xD800) << 10) + (unit - 0xDC00));
        high_ = 0;
        return;
      }
      Push(high_);
      high_ = 0;
    }
    const bool is_mark = is_at_start_ && unit == 0xFEFF;
    is_at_start_ = false;
    if (is_mark) return;
    if (unit >= 0xD800 && unit < 0xDC00) {
      high_ = unit;
    } else {
      Push(unit);
    }
  }

  void Push(uint32_t point) {
    const auto tail = [point](uint32_t shift) {
      return static_cast<char>(0x80 | ((point >> shift) & 0x3F));
    };
    if (point < 0x80) {
      out_ += static_cast<char>(point);
    } else if (point < 0x800) {
      out_ += {static_cast<char>(0xC0 | (point >> 6)), tail(0)};
    } else if (point < 0x10000) {
      out_ += {static_cast<char>(0xE0 | (point >> 12)), tail(6), tail(0)};
    } else {
      out_ += {static_cast<char>(0xF0 | (point >> 18)), tail(12), tail(6), tail(0)};
    }
  }

  std::unique_ptr<ByteSource> source_;
  bool is_big_endian_;
  bool is_at_start_ = true;
  bool is_at_end_ = false;
  std::array<char, kHeadBytes> in_;
  size_t in_size_ = 0;
  uint64_t offset_ = 0;
  uint32_t high_ = 0;  // a high surrogate that waits for its low one; 0: none
  std::string out_;
  size_t out_taken_ = 0;
};

/// Reads until `bytes` are there or the source ends.
Result<std::string> ReadHead(ByteSource& source, size_t bytes) {
  std::string head(bytes, '\0');
  size_t filled = 0;
  while (filled < bytes) {
    DAYPART_TRY(const size_t count, source.Read(std::span(head).subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  head.resize(filled);
  return head;
}

std::unique_ptr<ByteSource> Decompress(Compression compression,
                                       std::unique_ptr<ByteSource> source) {
  switch (compression) {
    case Compression::kNone: return source;
    case Compression::kGzip: return MakeGzipSource(std::move(source));
    case Compression::kZstd: return MakeZstdSource(std::move(source));
  }
  return source;
}

}  // namespace

FileSignature DetectSignature(std::string_view head) {
  head = head.substr(0, kHeadBytes);
  FileSignature signature;
  signature.compression = CompressionOf(head);
  if (signature.compression == Compression::kNone) {
    LookAtText(head, &signature);
    return signature;
  }
  auto source =
      Decompress(signature.compression, std::make_unique<HeadSource>(std::string(head), nullptr));
  // The head is mostly cut off somewhere: what came before that place is looked at.
  std::string text(kInflatedHeadBytes, '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    const auto count = source->Read(std::span(text).subspan(filled));
    if (!count || *count == 0) break;
    filled += *count;
  }
  text.resize(filled);
  LookAtText(text, &signature);
  return signature;
}

Result<std::unique_ptr<ByteSource>> OpenText(std::unique_ptr<ByteSource> source) {
  DAYPART_TRY(std::string head, ReadHead(*source, kHeadBytes));
  const Compression compression = CompressionOf(head);
  source = std::make_unique<HeadSource>(std::move(head), std::move(source));
  source = Decompress(compression, std::move(source));
  if (compression != Compression::kNone) {
    // A stream broken in its first bytes shows here; later ones show in Read.
    DAYPART_TRY(head, ReadHead(*source, kInflatedHeadBytes));
    source = std::make_unique<HeadSource>(head, std::move(source));
  } else {
    DAYPART_TRY(head, ReadHead(*source, kHeadBytes));
    source = std::make_unique<HeadSource>(head, std::move(source));
  }
  FileSignature signature;
  LookAtText(head, &signature);
  if (signature.is_binary) {
    return InvalidArgument(fmt::format("expected text, found {}", signature.binary_kind));
  }
  switch (signature.encoding) {
    case TextEncoding::kUtf16LittleEndian:
      return std::unique_ptr<ByteSource>(std::make_unique<Utf16Source>(std::move(source), false));
    case TextEncoding::kUtf16BigEndian:
      return std::unique_ptr<ByteSource>(std::make_unique<Utf16Source>(std::move(source), true));
    case TextEncoding::kUtf8: break;
  }
  if (head.starts_with("\xEF\xBB\xBF")) {
    DAYPART_TRY(const std::string mark, ReadHead(*source, 3));
    (void)mark;  // only read past
  }
  return source;
}

}  // namespace daypart::decode
