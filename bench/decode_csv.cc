// SPDX-License-Identifier: Apache-2.0
//
// How fast one core cuts and decodes CSV: decode_csv FILE [ROUNDS]. The file is read into memory
// first, so that neither the disk nor the page cache is measured; each round chunks and decodes all
// of it. Column types are guessed from the first row: int, long, double, timestamp, date, else
// string. Prints, for each vector level the machine has, MB/s of the chunker alone and of both
// together.
#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "base/calendar.h"
#include "decode/column_parse.h"
#include "decode/csv_dialect.h"
#include "decode/csv_index.h"
#include "decode/decoder.h"

namespace daypart::decode {
namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(const std::string& bytes) : bytes_(bytes) {}
  Result<size_t> Read(std::span<char> into) override {
    const size_t count = std::min(into.size(), bytes_.size() - taken_);
    std::memcpy(into.data(), bytes_.data() + taken_, count);
    taken_ += count;
    return count;
  }

 private:
  const std::string& bytes_;
  size_t taken_ = 0;
};

std::shared_ptr<arrow::DataType> GuessType(const std::string& cell) {
  int64_t integer = 0;
  double number = 0;
  if (ParseInteger<int64_t, false>(cell.data(), cell.size(), &integer)) {
    return cell.size() < 9 ? arrow::int32() : arrow::int64();
  }
  if (ParseDoubleSlow(cell, &number)) return arrow::float64();
  if (ParseDate(cell)) return arrow::date32();
  if (ParseTimestampMicros(cell)) return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  return arrow::utf8();
}

struct Totals {
  double chunk_seconds = 0;
  double decode_seconds = 0;
  uint64_t rows = 0;
  uint64_t rejects = 0;
};

Totals RunOnce(const std::string& text, Decoder& decoder, char delimiter) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  Totals totals;
  ChunkOptions options;
  options.delimiter = delimiter;
  Chunker chunker(std::make_unique<MemorySource>(text), options);
  while (true) {
    const auto begin = Clock::now();
    auto chunk = chunker.Next();
    const auto middle = Clock::now();
    totals.chunk_seconds += seconds(middle - begin);
    if (!chunk || !*chunk) return totals;
    auto decoded = decoder.Decode(**chunk);
    if (!decoded) return totals;
    totals.rows += static_cast<uint64_t>(decoded->rows->num_rows());
    totals.rejects += decoded->rejects.size();
    decoded = DecodedChunk{};  // frees the batch: the next chunk uses its memory again
    totals.decode_seconds += seconds(Clock::now() - middle);
  }
}

int Run(const char* path, int rounds) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const CsvDialect dialect = DetectDialect(std::string_view(text).substr(0, 65536), {});
  const auto lines_begin = dialect.has_header ? text.find('\n') + 1 : 0;
  const auto cells = SplitCsvRecord(std::string_view(text).substr(lines_begin, 65536),
                                    dialect.delimiter, dialect.quote);
  CsvOptions options;
  options.delimiter = dialect.delimiter;
  options.file_columns = dialect.columns;
  options.has_header = dialect.has_header;
  DecodeTarget target;
  arrow::FieldVector fields;
  for (size_t i = 0; i < dialect.columns.size(); ++i) {
    fields.push_back(
        arrow::field(dialect.columns[i], i < cells.size() ? GuessType(cells[i]) : arrow::utf8()));
    target.columns.push_back({dialect.columns[i], dialect.columns[i], false});
  }
  target.schema = arrow::schema(fields);
  std::printf("%s\n", target.schema->ToString().c_str());
  for (const VectorLevel level :
       {VectorLevel::kScalar, VectorLevel::kSse2, VectorLevel::kAvx2, VectorLevel::kAvx512}) {
    if (level > BestVectorLevel()) break;
    LimitVectorLevel(level);
    for (int round = 0; round < rounds; ++round) {
      auto decoder = MakeCsvDecoder(target, options);
      if (!decoder) return 1;
      const Totals totals = RunOnce(text, **decoder, dialect.delimiter);
      const double megabytes = static_cast<double>(text.size()) / 1e6;
      std::printf(
          "level %d: %llu rows, %llu rejects, chunk %.0f MB/s, decode %.0f MB/s, both %.0f\n",
          static_cast<int>(level), static_cast<unsigned long long>(totals.rows),
          static_cast<unsigned long long>(totals.rejects), megabytes / totals.chunk_seconds,
          megabytes / totals.decode_seconds,
          megabytes / (totals.chunk_seconds + totals.decode_seconds));
    }
  }
  return 0;
}

}  // namespace
}  // namespace daypart::decode

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: decode_csv FILE [ROUNDS]\n");
    return 2;
  }
  return daypart::decode::Run(argv[1], argc > 2 ? std::atoi(argv[2]) : 3);
}
