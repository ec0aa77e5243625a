// SPDX-License-Identifier: Apache-2.0
//
// Signature first, then decompression and UTF-8, then JSON lines or CSV.
#include "crawl/file_sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "crawl/column_name.h"
#include "crawl/parquet_shape.h"
#include "crawl/text_sample.h"
#include "store/location.h"

namespace daypart::crawl {
namespace {

using Sample = std::variant<FileShape, NotATable>;

constexpr std::array<std::string_view, 7> kCsvExtensions = {"csv", "tsv", "psv", "txt",
                                                            "tab", "dat", "dsv"};

/// An object front to back.
class ObjectBytes final : public decode::ByteSource {
 public:
  explicit ObjectBytes(store::ObjectReader& reader) : reader_(reader) {}
  Result<size_t> Read(std::span<char> into) override {
    DAYPART_TRY(const size_t count, reader_.ReadAt(offset_, std::as_writable_bytes(into)));
    offset_ += count;
    return count;
  }

 private:
  store::ObjectReader& reader_;  // must outlive this
  uint64_t offset_ = 0;
};

Result<std::string> ReadRange(store::ObjectReader& reader, uint64_t offset, size_t bytes) {
  std::string text(bytes, '\0');
  DAYPART_TRY(const size_t count,
              reader.ReadAt(offset, std::as_writable_bytes(std::span(text.data(), text.size()))));
  text.resize(count);
  return text;
}

struct TextHead {
  std::string text;
  bool is_whole_file = false;
  std::string broken;  // why reading stopped, if not at the end
};

/// Up to `bytes` of decompressed UTF-8. errors: those that no text came before.
Result<TextHead> ReadTextHead(store::ObjectReader& reader, size_t bytes) {
  DAYPART_TRY(auto source, decode::OpenText(std::make_unique<ObjectBytes>(reader)));
  TextHead head;
  head.text.resize(bytes);
  size_t filled = 0;
  while (filled < bytes) {
    const auto count = source->Read(std::span(head.text).subspan(filled));
    if (!count) {
      if (filled == 0 || count.error().code != ErrorCode::kCorruptData) return count.error();
      head.broken = count.error().message;
      break;
    }
    if (*count == 0) {
      head.is_whole_file = true;
      break;
    }
    filled += *count;
  }
  head.text.resize(filled);
  return head;
}

bool begins_json_array(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '[') return false;
  const size_t second = text.find_first_not_of(" \t\r\n", first + 1);
  return second != std::string_view::npos && (text[second] == '{' || text[second] == ']');
}

/// Whether one column of text is meant as a table, for which its name is all the evidence.
bool has_csv_name(std::string_view location) {
  const std::string extension = FormatExtension(store::BaseName(location));
  return std::find(kCsvExtensions.begin(), kCsvExtensions.end(), extension) != kCsvExtensions.end();
}

Sample ProfileText(const TextPieces& pieces, std::string_view location, FileShape shape) {
  if (begins_json_array(pieces.head)) {
    return NotATable{"a JSON array; expected JSON lines, one object a line"};
  }
  const size_t first = pieces.head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return NotATable{"nothing but blank lines"};
  if (pieces.head[first] == '{') {
    if (is_json_lines(pieces.head, pieces.is_whole_file)) {
      ProfileJsonLines(pieces, shape);
      return shape;
    }
    return NotATable{
        "begins like JSON, but its first line is no whole object; expected one object a line"};
  }
  ProfileCsv(pieces, shape);
  if (shape.columns.size() < 2 && !has_csv_name(location)) {
    return NotATable{"text without columns; expected CSV, JSON lines or Parquet"};
  }
  if (shape.records_count == 0) {
    shape.warnings.push_back("no records, so its columns' types are unknown");
  }
  return shape;
}

Result<Sample> SampleText(store::ObjectReader& reader, const decode::FileSignature& signature,
                          std::string_view location, const SampleLimits& limits) {
  FileShape shape;
  shape.compression = signature.compression;
  shape.encoding = signature.encoding;
  const bool is_plain = signature.compression == decode::Compression::kNone &&
                        signature.encoding == decode::TextEncoding::kUtf8;
  const uint64_t size = reader.size_bytes();
  // A file little larger than the sample is read whole.
  const bool has_parts = is_plain && size > limits.head_bytes + 2 * limits.part_bytes;
  const size_t head_bytes =
      has_parts || !is_plain ? limits.head_bytes : static_cast<size_t>(size) + 1;
  auto head = ReadTextHead(reader, head_bytes);
  if (!head) {
    if (head.error().code == ErrorCode::kCorruptData)
      return Sample(NotATable{head.error().message});
    return std::move(head).error();
  }
  if (!is_plain) {
    const decode::FileSignature inner = decode::DetectSignature(head->text);
    if (inner.is_binary) return Sample(NotATable{"compressed " + inner.binary_kind});
  }
  if (!head->broken.empty()) shape.warnings.push_back(head->broken);
  std::vector<std::string> parts;
  if (has_parts) {
    for (const uint64_t offset : {size / 2, size - limits.part_bytes}) {
      DAYPART_TRY(std::string part, ReadRange(reader, offset, limits.part_bytes));
      parts.push_back(std::move(part));
    }
  }
  return ProfileText({.head = head->text,
                      .is_whole_file = head->is_whole_file,
                      .parts = parts,
                      .delimiter = limits.delimiter},
                     location, std::move(shape));
}

Result<Sample> SampleOpened(store::ObjectReader& reader, std::string_view location,
                            const SampleLimits& limits) {
  DAYPART_TRY(const std::string head, ReadRange(reader, 0, kSignatureBytes));
  if (head.empty()) return Sample(NotATable{"empty file"});
  const decode::FileSignature signature = decode::DetectSignature(head);
  if (!signature.is_binary) return SampleText(reader, signature, location, limits);
  if (signature.binary_kind != "Parquet" || signature.compression != decode::Compression::kNone) {
    return Sample(NotATable{signature.binary_kind});
  }
  auto shape = ReadParquetShape(reader);
  if (shape) return Sample(std::move(*shape));
  if (shape.error().code == ErrorCode::kCorruptData)
    return Sample(NotATable{shape.error().message});
  return std::move(shape).error();
}

}  // namespace

Result<Sample> SampleFile(store::ObjectStore& store, const store::ObjectInfo& file,
                          const SampleLimits& limits) {
  const auto as_reason = [](Error error) -> Result<Sample> {
    const bool is_passing = error.code == ErrorCode::kUnavailable;
    if (is_passing) return error;
    return Sample(NotATable{std::move(error.message)});
  };
  if (file.bytes == 0) return Sample(NotATable{"empty file"});
  auto reader = store.OpenRead(file.location);
  if (!reader) return as_reason(std::move(reader).error());
  auto sample = SampleOpened(**reader, file.location, limits);
  if (!sample) return as_reason(std::move(sample).error().WithContext(file.location));
  return sample;
}

}  // namespace daypart::crawl
