// SPDX-License-Identifier: Apache-2.0
//
// The chunker: reads ahead by chunks, cuts behind the last whole record, hands the rest on to the
// next chunk. It never holds more than record_bytes_max bytes that it has not handed out.
#include "decode/chunk.h"

#include <algorithm>

#include "decode/csv_index.h"
#include "decode/csv_record.h"

namespace daypart::decode {
namespace {

constexpr size_t kLineEndSampleBytes = size_t{64} << 10;

}  // namespace

struct Chunker::State {
  /// Adds to `bytes` until it has `wanted`. At the end of the source sets is_at_end.
  Status Fill(std::string& bytes, size_t wanted);
  /// Bytes of `bytes` that make up the next chunk; 0: more are needed. Sets *is_cut.
  size_t ChunkBytes(std::string_view bytes, bool* is_cut) const;
  /// Drops bytes up to behind the next LF; what follows it is kept in `rest`.
  Status SkipLine();
  void NoteLineEnds(std::string& bytes, size_t old_size);

  std::unique_ptr<ByteSource> source;
  CsvSyntax syntax;
  size_t chunk_bytes = 0;
  size_t record_bytes_max = 0;
  std::string rest;        // read, but not handed out; begins at a record's start
  bool is_at_end = false;  // of the source
  bool has_failed = false;
  bool is_first_fill = true;
  bool has_lone_cr_lines = false;
  uint64_t byte_offset = 0;  // of rest[0]
  uint64_t line = 1;         // of rest[0]
  uint64_t index = 0;
};

/// Decides by the first bytes whether lone CRs are line ends, and turns them into LF if so.
void Chunker::State::NoteLineEnds(std::string& bytes, size_t old_size) {
  if (is_first_fill) {
    is_first_fill = false;
    std::string_view sample(bytes);
    sample = sample.substr(0, kLineEndSampleBytes);
    const size_t carriage = sample.find('\r');
    // A CR as the last byte may be half of a CR LF, unless the text ends there.
    has_lone_cr_lines =
        carriage != std::string_view::npos && sample.find('\n') == std::string_view::npos &&
        (carriage + 1 < sample.size() || (is_at_end && sample.size() == bytes.size()));
  }
  if (has_lone_cr_lines) {
    std::replace(bytes.begin() + static_cast<std::ptrdiff_t>(old_size), bytes.end(), '\r', '\n');
  }
}

Status Chunker::State::Fill(std::string& bytes, size_t wanted) {
  const size_t old_size = bytes.size();
  if (is_first_fill) wanted = std::max(wanted, std::min(kLineEndSampleBytes, record_bytes_max));
  if (is_at_end || wanted <= old_size) return Ok();
  bytes.resize(wanted);
  size_t filled = old_size;
  while (filled < wanted) {
    DAYPART_TRY(const size_t count, source->Read(std::span(bytes).subspan(filled)));
    if (count == 0) {
      is_at_end = true;
      break;
    }
    filled += count;
  }
  bytes.resize(filled);
  NoteLineEnds(bytes, old_size);
  return Ok();
}

size_t Chunker::State::ChunkBytes(std::string_view bytes, bool* is_cut) const {
  if (is_at_end && bytes.size() <= chunk_bytes) return bytes.size();
  // Only a look at chunk_bytes at first, so that a long rest does not make one large chunk.
  for (size_t look = chunk_bytes; look < bytes.size(); look *= 2) {
    const size_t whole = WholeRecordsBytes(bytes.substr(0, look), syntax);
    if (whole != 0) return whole;
  }
  const size_t whole = WholeRecordsBytes(bytes, syntax);
  if (whole != 0) return whole;
  if (is_at_end) return bytes.size();
  if (bytes.size() < record_bytes_max) return 0;
  // One record fills all that may be held: an open quote that is a stray, or a record too long.
  const CsvRecord record = ScanRecord(bytes, 0, syntax);
  if (record.is_open && record.end < bytes.size()) return record.end + 1;
  *is_cut = true;
  return bytes.size();
}

Status Chunker::State::SkipLine() {
  while (true) {
    if (const size_t line_end = rest.find('\n'); line_end != std::string::npos) {
      rest.erase(0, line_end + 1);
      byte_offset += line_end + 1;
      ++line;
      return Ok();
    }
    byte_offset += rest.size();
    rest.clear();
    if (is_at_end) return Ok();
    DAYPART_RETURN_IF_ERROR(Fill(rest, chunk_bytes));
  }
}

Chunker::Chunker(std::unique_ptr<ByteSource> source, ChunkOptions options)
    : state_(std::make_unique<State>()) {
  state_->source = std::move(source);
  state_->syntax = {.delimiter = options.delimiter, .quote = options.quote};
  state_->record_bytes_max = std::max<size_t>(options.record_bytes_max, 1);
  state_->chunk_bytes = std::clamp<size_t>(options.chunk_bytes, 1, state_->record_bytes_max);
}

Chunker::~Chunker() = default;

Result<std::optional<Chunk>> Chunker::Next() {
  State& state = *state_;
  if (state.has_failed) return std::optional<Chunk>();
  Chunk chunk;
  std::string bytes = std::move(state.rest);
  state.rest.clear();
  size_t wanted = std::max(state.chunk_bytes, bytes.size());
  size_t taken = 0;
  while (true) {
    if (Status filled = state.Fill(bytes, wanted); !filled) {
      state.has_failed = true;
      return std::move(filled).error();
    }
    if (bytes.empty()) return std::optional<Chunk>();
    taken = state.ChunkBytes(bytes, &chunk.is_cut);
    if (taken != 0) break;
    wanted = std::min(bytes.size() * 2, state.record_bytes_max);
  }
  state.rest.assign(bytes, taken);
  bytes.resize(taken);
  chunk.byte_offset = state.byte_offset;
  chunk.first_line = state.line;
  chunk.index = state.index++;
  state.byte_offset += taken;
  state.line += CountByte(bytes, '\n');
  chunk.bytes = std::move(bytes);
  if (chunk.is_cut) {
    if (Status skipped = state.SkipLine(); !skipped) {
      state.has_failed = true;
      return std::move(skipped).error();
    }
  }
  return std::optional<Chunk>(std::move(chunk));
}

}  // namespace daypart::decode
