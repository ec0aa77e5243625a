// SPDX-License-Identifier: Apache-2.0
//
// From a stream of bytes to chunks of whole records. A chunk never cuts a record, so that chunks are
// decoded by any number of threads; it knows where in the file it began, so that a rejected row can be
// found again. Decompression and UTF-16 conversion happen before, in the byte source.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace daypart::decode {

/// Pull interface of bytes: fills `into` from the front. returns: bytes filled, 0 at the end only.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual Result<size_t> Read(std::span<char> into) = 0;
};

enum class Compression { kNone, kGzip, kZstd };
enum class TextEncoding { kUtf8, kUtf16LittleEndian, kUtf16BigEndian };

/// What the first bytes of a file (64 KiB at most are looked at) tell about it.
struct FileSignature {
  Compression compression = Compression::kNone;
  TextEncoding encoding = TextEncoding::kUtf8;  // of the decompressed text, where that was looked at
  bool is_binary = false;  // NUL bytes or a known binary format's magic: no text at all
  std::string binary_kind;  // "Parquet", "ZIP archive", "data with NUL bytes", …
};
FileSignature DetectSignature(std::string_view head);

/// Wraps `source` so that it yields decompressed UTF-8 without a byte order mark, detecting both from
/// the bytes. Multi-member gzip and multi-frame zstd are read to the end.
/// errors of Read: kCorruptData for a truncated or broken stream, with the compressed offset reached.
Result<std::unique_ptr<ByteSource>> OpenText(std::unique_ptr<ByteSource> source);

struct Chunk {
  std::string bytes;            // whole records; the last may lack its line end
  uint64_t byte_offset = 0;     // of bytes[0] in the decompressed text
  uint64_t first_line = 1;      // physical line number of bytes[0], from 1
  uint64_t index = 0;           // 0, 1, 2, … in file order
};

struct ChunkOptions {
  size_t chunk_bytes = size_t{4} << 20;
  /// A record longer than this is cut off as a reject by the decoder of its chunk: 16 MiB.
  size_t record_bytes_max = size_t{16} << 20;
  /// Quote that may enclose line ends; '\0' for JSON lines, where none can.
  char quote = '"';
};

/// Cuts a byte source into chunks. Not thread-safe: callers take turns.
class Chunker {
 public:
  Chunker(std::unique_ptr<ByteSource> source, ChunkOptions options);
  ~Chunker();
  /// nullopt at the end. A quote left open at the end of the file does not swallow it: see decode/csv.h.
  Result<std::optional<Chunk>> Next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A row that did not fit, with what is needed to find, judge and replay it.
struct RejectedRow {
  uint64_t line = 0;         // physical line the record begins on, from 1
  uint64_t byte_offset = 0;  // in the decompressed text
  std::string raw;           // the record's bytes without its line end, cut at 64 KiB
  std::string column;        // empty where the whole row is meant
  std::string reason;        // expected, then found: "expected int, found 'abc'"
};

}  // namespace daypart::decode
