// SPDX-License-Identifier: Apache-2.0
//
// Files as shards: an open chunker a file that is being read, and for a file that was read to its
// end the etag at which it was, so that looking at it again costs nothing until it changes.
#include "source/directory_record_source.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "decode/csv_dialect.h"
#include "decode/csv_index.h"
#include "decode/decoder.h"

namespace daypart::source {

/// "<head bytes>-<hash>:<offset>"; the head of a file that nothing was read of is empty.
struct FilePosition {
  std::string identity;
  uint64_t head_bytes = 0;
  uint64_t offset = 0;
};

namespace {

/// First bytes of a file that tell its content from another's under the same name.
constexpr uint64_t kHeadBytesMax = 1024;
constexpr size_t kSignatureBytes = size_t{64} << 10;
constexpr size_t kChunkBytesMin = size_t{64} << 10;
constexpr int64_t kSampleLinesMin = 10;
/// Endings that are told of files left out.
constexpr size_t kUnknownEndingsMax = 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Result<FilePosition> ParsePosition(std::string_view text) {
  FilePosition position;
  const size_t colon = text.rfind(':');
  const size_t dash = text.find('-');
  if (colon == std::string_view::npos || dash == std::string_view::npos || dash > colon) {
    return InvalidArgument("<bytes>-<hash>:<offset> is expected as a file's position, found '" +
                           std::string(text.substr(0, 64)) + "'");
  }
  position.identity = text.substr(0, colon);
  const std::string_view offset = text.substr(colon + 1);
  const auto head = std::from_chars(text.data(), text.data() + dash, position.head_bytes);
  const auto end = std::from_chars(offset.data(), offset.data() + offset.size(), position.offset);
  if (head.ec != std::errc() || end.ec != std::errc()) {
    return InvalidArgument("<bytes>-<hash>:<offset> is expected as a file's position, found '" +
                           std::string(text.substr(0, 64)) + "'");
  }
  return position;
}

std::string FormatPosition(const std::string& identity, uint64_t offset) {
  return identity + ':' + std::to_string(offset);
}

std::string IdentityOf(std::string_view head) {
  char hash[17];
  std::snprintf(hash, sizeof(hash), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(head.data(), head.size())));
  return std::to_string(head.size()) + '-' + hash;
}

/// An object's bytes front to back.
class FileBytes final : public decode::ByteSource {
 public:
  /// Shared, because the begin of a file is read once more by itself: the same content must be it.
  FileBytes(std::shared_ptr<store::ObjectReader> reader, uint64_t offset)
      : reader_(std::move(reader)), offset_(offset) {}
  Result<size_t> Read(std::span<char> into) override {
    DAYPART_TRY(const size_t read, reader_->ReadAt(offset_, std::as_writable_bytes(into)));
    offset_ += read;
    return read;
  }

 private:
  std::shared_ptr<store::ObjectReader> reader_;
  uint64_t offset_;
};

Status Skip(decode::ByteSource& bytes, uint64_t count) {
  std::vector<char> scratch(size_t{64} << 10);
  while (count > 0) {
    const size_t want = static_cast<size_t>(std::min<uint64_t>(count, scratch.size()));
    DAYPART_TRY(const size_t read, bytes.Read(std::span(scratch).first(want)));
    if (read == 0) return Ok();  // Shorter than it was: there is nothing more to read.
    count -= read;
  }
  return Ok();
}

/// Names by which programs say that a file is not (yet) for others: those of hidden files, of
/// Hadoop's and Spark's own, of uploads and copies under way.
bool is_passed_over(std::string_view id) {
  const auto begins = [id](std::string_view how) {
    return id.starts_with(how) || id.find("/" + std::string(how)) != std::string_view::npos;
  };
  constexpr std::array<std::string_view, 11> kEndings = {
      ".parquet", ".tmp",        ".temp",      ".part", ".partial", ".filepart",
      ".crdownload", ".inprogress", "._COPYING_", ".swp",  "~"};
  return begins("_") || begins(".") ||
         std::any_of(kEndings.begin(), kEndings.end(),
                     [id](std::string_view ending) { return id.ends_with(ending); });
}

std::string_view WithoutPacking(std::string_view name) {
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (name.ends_with(packed)) name.remove_suffix(packed.size());
  }
  return name;
}

/// Whoever names a file so means text: bytes that are none are then broken records of it.
bool is_text_name(std::string_view name) {
  name = WithoutPacking(name);
  constexpr std::array<std::string_view, 4> kEndings = {".jsonl", ".ndjson", ".json", ".txt"};
  return is_csv_name(name) || std::any_of(kEndings.begin(), kEndings.end(),
                                          [name](auto ending) { return name.ends_with(ending); });
}

/// No ending at all is taken for text too: programs that write a log seldom give it one.
bool is_known_name(std::string_view id) {
  std::string_view name = WithoutPacking(id.substr(id.rfind('/') + 1));
  // A log that was turned over: events.jsonl.1, events.jsonl-20261124, events.2026-11-24.
  name = name.substr(0, name.find_last_not_of("0123456789-_") + 1);
  while (name.ends_with('.')) name.remove_suffix(1);
  return is_text_name(name) || name.ends_with(".log") || name.find('.') == std::string_view::npos;
}

}  // namespace

bool is_csv_name(std::string_view name) {
  name = WithoutPacking(name);
  return name.ends_with(".csv") || name.ends_with(".tsv");
}

struct DirectoryRecordSource::File {
  store::ObjectInfo info;
  UtcMicros seen;  // for the first time
  bool is_csv = false;
  bool is_compressed = false;
  /// No text: told once, then left alone until it changes.
  bool is_binary = false;
  /// Etag at which everything that can be taken was.
  std::string exhausted_etag;
  uint64_t exhausted_offset = 0;
  bool exhausted_settled = false;
  // Where the open chunker stands.
  std::unique_ptr<decode::Chunker> chunker;
  std::string open_etag;
  uint64_t opened_at = 0;
  uint64_t next_offset = 0;
  /// First bytes of the content that the chunker reads, whatever the name stands for by now.
  std::string head;
  decode::CsvDialect dialect;
  std::shared_ptr<const std::vector<std::string>> csv_columns;
};

DirectoryRecordSource::DirectoryRecordSource(store::ObjectStore& store, Clock& clock,
                                             DirectoryOptions options)
    : store_(store), clock_(clock), options_(std::move(options)) {}
DirectoryRecordSource::~DirectoryRecordSource() = default;

Result<std::vector<Shard>> DirectoryRecordSource::ListShards() {
  const std::lock_guard lock(mutex_);
  DAYPART_TRY(auto listed, store_.List(options_.folder + '/'));
  std::vector<Shard> shards;
  for (store::ObjectInfo& info : listed) {
    std::string id = info.location.substr(options_.folder.size() + 1);
    if (is_passed_over(id)) continue;
    if (!is_known_name(id)) {
      TellUnknown(id);
      continue;
    }
    auto& file = files_[id];
    if (file == nullptr) {
      file = std::make_unique<File>();
      file->seen = clock_.Now();
      file->is_csv = is_csv_name(id);
      file->is_compressed = id.ends_with(".gz") || id.ends_with(".zst");
    }
    if (file->info.etag != info.etag) file->is_binary = false;
    file->info = std::move(info);
    shards.push_back({.id = std::move(id), .parent_ids = {}, .is_closed = false});
  }
  return shards;
}

void DirectoryRecordSource::TellUnknown(const std::string& id) {
  // By ending, so that a folder of a thousand pictures is told in one line.
  const std::string ending = id.substr(std::min(WithoutPacking(id).rfind('.'), id.size()));
  if (unknown_endings_.size() >= kUnknownEndingsMax || !unknown_endings_.insert(ending).second) {
    return;
  }
  Log(LogLevel::kWarning, options_.folder + '/' + id + " and other files named *" + ending +
                              " are left out: .jsonl, .ndjson, .json, .csv, .tsv, .txt or .log is "
                              "expected, .gz or .zst behind it, or no ending");
}

Result<DirectoryRecordSource::File*> DirectoryRecordSource::FileOf(const std::string& shard_id) {
  const auto found = files_.find(shard_id);
  if (found != files_.end()) return found->second.get();
  return NotFound("no file " + shard_id + " in " + options_.folder);
}

Result<std::string> DirectoryRecordSource::PositionOf(const std::string& shard_id,
                                                      StartPosition start) {
  const std::lock_guard lock(mutex_);
  DAYPART_TRY(File * file, FileOf(shard_id));
  if (start == StartPosition::kOldest) return FormatPosition("0-0", 0);
  DAYPART_TRY(const std::string identity,
              HeadIdentity(*file, std::min(kHeadBytesMax, file->info.bytes)));
  return FormatPosition(identity, file->info.bytes);
}

Result<RecordRun> DirectoryRecordSource::Read(const std::string&, const std::string&,
                                              const ReadLimits&) {
  return Unsupported("a folder of files is read by lines");
}

int DirectoryRecordSource::ComparePositions(std::string_view left, std::string_view right) const {
  const auto first = ParsePosition(left);
  const auto second = ParsePosition(right);
  if (!first || !second) return left.compare(right);
  if (first->offset == second->offset) return 0;
  return first->offset < second->offset ? -1 : 1;
}

bool DirectoryRecordSource::has_unsettled() {
  const std::lock_guard lock(mutex_);
  return std::any_of(files_.begin(), files_.end(), [this](const auto& entry) {
    const File& file = *entry.second;
    const bool is_taken = file.exhausted_etag == file.info.etag &&
                          (file.exhausted_settled || file.exhausted_offset == file.info.bytes);
    return !file.is_binary && file.info.bytes > 0 && !is_taken;
  });
}

bool DirectoryRecordSource::has_settled(const File& file) const {
  return clock_.Now().value() - file.info.modified.value() >= options_.settle_ms * 1000;
}

Result<std::string> DirectoryRecordSource::HeadIdentity(const File& file, uint64_t bytes) const {
  DAYPART_TRY(const auto reader, store_.OpenRead(file.info.location));
  std::string head(bytes, '\0');
  DAYPART_TRY(const size_t read, reader->ReadAt(0, std::as_writable_bytes(std::span(head))));
  return IdentityOf(std::string_view(head).substr(0, read));
}

Status DirectoryRecordSource::Open(File& file, FilePosition& from, const ReadLimits& limits) {
  file.chunker.reset();
  DAYPART_TRY(std::shared_ptr<store::ObjectReader> reader, store_.OpenRead(file.info.location));
  std::string head(std::min<uint64_t>(kSignatureBytes, reader->size_bytes()), '\0');
  DAYPART_TRY(const size_t read, reader->ReadAt(0, std::as_writable_bytes(std::span(head))));
  head.resize(read);
  file.head = head.substr(0, kHeadBytesMax);
  const bool is_other = from.head_bytes > file.head.size() ||
                        IdentityOf(file.head.substr(0, from.head_bytes)) != from.identity;
  if (from.head_bytes > 0 && is_other) {
    from = {};  // Another content under the name: from its start.
    file.csv_columns = nullptr;
  }
  const uint64_t offset = from.offset;
  const decode::FileSignature signature = decode::DetectSignature(head);
  // A line with NUL bytes in a file of text is a broken record of it: the others count.
  const bool is_text = signature.is_binary && !signature.has_magic &&
                       signature.compression == decode::Compression::kNone &&
                       is_text_name(file.info.location);
  file.is_binary = signature.is_binary && !is_text;
  if (file.is_binary) {
    Log(LogLevel::kWarning, file.info.location +
                                " is left out until it changes: JSON lines or CSV are expected, "
                                "found a binary file");
    return Ok();
  }
  file.is_compressed = signature.compression != decode::Compression::kNone;
  const bool is_plain = !file.is_compressed && !head.starts_with(kByteOrderMark) &&
                        signature.encoding == decode::TextEncoding::kUtf8;
  std::unique_ptr<decode::ByteSource> text;
  if (is_text || (is_plain && offset > 0)) {
    text = std::make_unique<FileBytes>(reader, offset);
  } else {
    DAYPART_TRY(text, decode::OpenText(std::make_unique<FileBytes>(reader, 0)));
    DAYPART_RETURN_IF_ERROR(Skip(*text, offset));
  }
  decode::ChunkOptions options;
  options.chunk_bytes = std::max(kChunkBytesMin, static_cast<size_t>(limits.bytes_max));
  options.quote = '\0';
  if (file.is_csv) {
    if (file.csv_columns == nullptr || offset == 0) {
      DAYPART_TRY(auto start, decode::OpenText(std::make_unique<FileBytes>(reader, 0)));
      std::string sample(kSignatureBytes, '\0');
      DAYPART_TRY(const size_t sampled, start->Read(std::span(sample)));
      sample.resize(sampled);
      // Too little of a file that is being written may look like another dialect than all of it.
      const bool is_telling = has_settled(file) || sampled == kSignatureBytes ||
                              std::count(sample.begin(), sample.end(), '\n') >= kSampleLinesMin;
      if (!is_telling) return Ok();
      file.dialect = decode::DetectDialect(sample, {});
      file.csv_columns = std::make_shared<const std::vector<std::string>>(file.dialect.columns);
    }
    options.quote = file.dialect.quote;
    options.delimiter = file.dialect.delimiter;
  }
  file.chunker = std::make_unique<decode::Chunker>(std::move(text), options);
  file.open_etag = file.info.etag;
  file.opened_at = offset;
  file.next_offset = offset;
  return Ok();
}

Result<std::optional<LineRun>> DirectoryRecordSource::NextRun(File& file,
                                                              const std::string& identity,
                                                              uint64_t offset) {
  bool has_all = has_settled(file);
  DAYPART_TRY(auto chunk, file.chunker->Next());
  const bool ends_with_line = chunk && chunk->bytes.ends_with('\n') && !file.is_csv;
  if (has_all && !ends_with_line) {
    // The listing is of a while ago: a writer may be at it again, and this be half of a record.
    DAYPART_TRY(const store::ObjectInfo now, store_.Head(file.info.location));
    has_all = now.etag == file.info.etag && now.bytes == file.info.bytes;
  }
  const auto exhaust = [&](uint64_t at) {
    file.chunker.reset();
    file.exhausted_etag = file.info.etag;
    file.exhausted_offset = at;
    file.exhausted_settled = has_all;
    return std::optional<LineRun>();
  };
  if (!chunk) return exhaust(offset);
  std::string& text = chunk->bytes;
  const decode::CsvSyntax syntax{.delimiter = file.dialect.delimiter,
                                 .quote = file.is_csv ? file.dialect.quote : '\0'};
  const size_t whole = has_all ? text.size() : decode::WholeRecordsBytes(text, syntax);
  if (whole < text.size()) {
    // The end of the file, and maybe half of a record: it is looked at again when it has settled.
    if (whole == 0) return exhaust(offset);
    text.resize(whole);
    file.chunker.reset();
  }
  LineRun run;
  run.position = FormatPosition(identity, offset);
  // Behind a record that was cut the chunker has gone on by more than it gave.
  const uint64_t start = file.opened_at + chunk->byte_offset;
  file.next_offset = start + text.size();
  run.text = std::move(text);
  run.file = file.info.location;
  run.byte_offset = start;
  run.csv_columns = file.is_csv ? file.csv_columns : nullptr;
  run.csv_delimiter = file.is_csv ? file.dialect.delimiter : ',';
  run.has_header = file.is_csv && offset == 0 && file.dialect.has_header;
  run.is_cut = chunk->is_cut;
  return std::optional(std::move(run));
}

/// A file that is gone or broken holds up no other: it is left alone until it changes.
Result<std::optional<LineRun>> DirectoryRecordSource::Refuse(File& file, Error error) {
  file.chunker.reset();
  if (error.code == ErrorCode::kNotFound) return std::optional<LineRun>();
  if (error.code == ErrorCode::kCorruptData || error.code == ErrorCode::kInvalidArgument) {
    Log(LogLevel::kWarning, file.info.location + " is left out until it changes: " + error.message);
    file.is_binary = true;
    return std::optional<LineRun>();
  }
  return std::move(error).WithContext(file.info.location);
}

Result<std::optional<LineRun>> DirectoryRecordSource::ReadLines(const std::string& shard_id,
                                                                const std::string& position,
                                                                const ReadLimits& limits) {
  const std::lock_guard lock(mutex_);
  DAYPART_TRY(File * file, FileOf(shard_id));
  DAYPART_TRY(FilePosition from, ParsePosition(position));
  const bool is_known = file->exhausted_etag == file->info.etag &&
                        file->exhausted_offset == from.offset &&
                        (file->exhausted_settled || !has_settled(*file));
  if (is_known || file->is_binary || file->info.bytes == 0) return std::optional<LineRun>();
  // A CSV file that never stops growing is read by its whole records after all.
  const bool is_growing = clock_.Now().value() - file->seen.value() >= options_.settle_ms * 1000;
  const bool waits = !has_settled(*file) &&
                     (file->is_compressed || (file->is_csv && !is_growing));
  if (waits) return std::optional<LineRun>();
  const bool is_open = file->chunker != nullptr && file->open_etag == file->info.etag &&
                       file->next_offset == from.offset;
  if (!is_open) {
    Status opened = Open(*file, from, limits);
    if (!opened) return Refuse(*file, std::move(opened).error());
    if (file->is_binary || file->chunker == nullptr) return std::optional<LineRun>();
  }
  auto run = NextRun(*file, from.identity, from.offset);
  if (!run) return Refuse(*file, std::move(run).error());
  if (!*run) return std::optional<LineRun>();
  // What was taken is what the position stands for, so its head is that of those bytes at most.
  const uint64_t head = file->is_compressed
                            ? file->head.size()
                            : std::min<uint64_t>(file->head.size(), file->next_offset);
  std::string identity = from.identity;
  if (from.head_bytes < head) identity = IdentityOf(file->head.substr(0, head));
  (*run)->file_version = identity;
  (*run)->next_position = FormatPosition(identity, file->next_offset);
  return run;
}

}  // namespace daypart::source
