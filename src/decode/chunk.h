// SPDX-License-Identifier: Apache-2.0
//
// From a stream of bytes to chunks of whole records. A chunk never cuts a record, so that chunks
// are decoded by any number of threads; it knows where in the file it began, so that a rejected row
// can be found again. Decompression and UTF-16 conversion happen before, in the byte source.
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
  TextEncoding encoding = TextEncoding::kUtf8;  // of the text, decompressed if it was compressed
  bool is_binary = false;   // NUL bytes or a known binary format's magic: no text at all
  bool has_magic = false;   // binary by a known format's magic, rather than by NUL bytes alone
  std::string binary_kind;  // "Parquet", "ZIP archive", "data with NUL bytes", …
};
FileSignature DetectSignature(std::string_view head);

/// Wraps `source` so that it yields decompressed UTF-8 without a byte order mark, detecting both
/// from the bytes. Multi-member gzip and multi-frame zstd are read to the end.
///
/// errors: kInvalidArgument for a binary file ("expected text, found Parquet"), those of the
/// source. errors of Read: kCorruptData for a truncated or broken stream, with the compressed
/// offset.
Result<std::unique_ptr<ByteSource>> OpenText(std::unique_ptr<ByteSource> source);

struct Chunk {
  std::string bytes;         // whole records; the last may lack its line end
  uint64_t byte_offset = 0;  // of bytes[0] in the decompressed text
  uint64_t first_line = 1;   // physical line number of bytes[0], from 1
  uint64_t index = 0;        // 0, 1, 2, … in file order
  /// The last record was longer than record_bytes_max: the rest of it was dropped, it is to be
  /// rejected.
  bool is_cut = false;
};

struct ChunkOptions {
  size_t chunk_bytes = size_t{4} << 20;
  /// A record longer than this is cut off as a reject by the decoder of its chunk: 16 MiB.
  size_t record_bytes_max = size_t{16} << 20;
  /// Quote that may enclose line ends; '\0' for JSON lines, where none can.
  char quote = '"';
  /// Tells where fields begin, and so which quotes open one; of no use without `quote`.
  char delimiter = ',';
};

/// Cuts a byte source into chunks. Not thread-safe: callers take turns.
///
/// A record ends at LF or CR LF. Only where the first 64 KiB have CR but no LF at all are lone CRs
/// the line ends: they are handed on as LF then. Quotes enclose line ends as csv_record.h tells,
/// with one rule more: a quoted field that is not closed within record_bytes_max from the start of
/// its record is malformed, that is, the record ends at the first line end after the quote and gets
/// rejected.
class Chunker {
 public:
  Chunker(std::unique_ptr<ByteSource> source, ChunkOptions options);
  ~Chunker();
  /// nullopt at the end.
  /// errors: those of the source; the chunker yields nothing more then.
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
