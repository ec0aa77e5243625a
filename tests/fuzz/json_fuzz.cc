// SPDX-License-Identifier: Apache-2.0
//
// JSON lines: each line that is not blank is one row or one reject, whatever it holds, and a chunk
// of many lines gives what its lines give one by one.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "decode/decoder.h"
#include "tests/fuzz/require.h"

namespace {

using namespace daypart::decode;
using daypart::fuzz::Require;

DecodeTarget Target() {
  return {.schema = arrow::schema(
              {arrow::field("id", arrow::int64()), arrow::field("name", arrow::utf8()),
               arrow::field("at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC")),
               arrow::field("price", arrow::decimal128(18, 4)),
               arrow::field("deep", arrow::float64())}),
          .columns = {{.name = "id", .source_name = "id", .is_required = true},
                      {.name = "name", .source_name = "name"},
                      {.name = "at", .source_name = "at"},
                      {.name = "price", .source_name = "price"},
                      {.name = "deep", .source_name = "a.b"}}};
}

Chunk ChunkOf(std::string text) {
  Chunk chunk;
  chunk.bytes = std::move(text);
  chunk.first_line = 1;
  return chunk;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto whole = MakeJsonDecoder(Target(), {});
  auto single = MakeJsonDecoder(Target(), {});
  Require(whole.has_value() && single.has_value(), "the target is decodable");
  const auto decoded = (*whole)->Decode(ChunkOf(text));
  Require(decoded.has_value(), "bad data is no error");
  const auto rows = static_cast<uint64_t>(decoded->rows->num_rows());
  Require(rows + decoded->rejects.size() == decoded->records_count, "each record is row or reject");
  uint64_t rows_one_by_one = 0;
  uint64_t records = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (is_blank(line)) continue;
    ++records;
    const auto one = (*single)->Decode(ChunkOf(line + '\n'));
    Require(one.has_value() && one->records_count == 1, "a line is one record");
    rows_one_by_one += static_cast<uint64_t>(one->rows->num_rows());
  }
  Require(records == decoded->records_count, "records are the lines that are not blank");
  Require(rows_one_by_one == rows, "a line means the same alone and among others");
  return 0;
}
