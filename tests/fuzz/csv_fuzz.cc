// SPDX-License-Identifier: Apache-2.0
//
// Differential fuzzing of the CSV half: chunker, index and decoder against the plain reference
// reader. The first two bytes choose the chunk size and how much one read gives; the rest is the
// text. With clang: -fsanitize=fuzzer,address,undefined. Without libFuzzer build with
// -DDAYPART_FUZZ_MAIN: then
//   csv_fuzz FILE...       replays files
//   csv_fuzz --runs N [S]  makes N texts from seed S by mutating CSV
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "decode/csv_compare.h"
#include "decode/csv_dialect.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace daypart::decode;
  if (size < 2) return 0;
  const size_t chunk_bytes = size_t{1} + data[0] * (size_t{1} + data[0] / 16);
  const size_t step = size_t{1} + data[1] * size_t{16};
  // The LF keeps texts with lone CRs from being read by their own rule.
  const std::string text = "\n" + std::string(reinterpret_cast<const char*>(data + 2), size - 2);
  const std::string difference = reference::Difference(text, chunk_bytes, step);
  if (!difference.empty()) {
    std::fprintf(stderr, "chunk_bytes %zu, step %zu: %s\n", chunk_bytes, step, difference.c_str());
    std::abort();
  }
  const CsvDialect dialect = DetectDialect(text, {.is_whole_file = size % 2 == 0});
  if (dialect.regular_share < 0 || dialect.regular_share > 1) std::abort();
  return 0;
}

#ifdef DAYPART_FUZZ_MAIN
#include <fstream>
#include <iterator>
#include <random>

namespace {

std::string MutatedCsv(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {",",
                                                   "\n",
                                                   "\"",
                                                   "\"\"",
                                                   "\r\n",
                                                   "\r",
                                                   "1",
                                                   "-5",
                                                   "name",
                                                   "a,1,b\n",
                                                   "\"q,\"\"x\n\"",
                                                   "NULL",
                                                   "\xC3\xA9",
                                                   "\xC3",
                                                   " ",
                                                   "\\N",
                                                   ",,",
                                                   "99999999999",
                                                   "\"a\",\"1\",\"b\"\r\n",
                                                   std::string(1, '\0')};
  std::string text = {static_cast<char>(random()), static_cast<char>(random())};
  const size_t rows = random() % 40;
  for (size_t i = 0; i < rows; ++i)
    text += random() % 2 == 0 ? "ab,12,cd\n" : "\"a,b\",1,\"c\nd\"\n";
  for (size_t i = random() % 60; i > 0; --i) {
    const size_t at = 2 + random() % (text.size() - 1);
    const size_t cut = random() % 3 == 0 ? random() % 5 : 0;
    text.replace(at, cut, kPieces[random() % kPieces.size()]);
  }
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const auto run = [](const std::string& text) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  };
  if (argc > 2 && std::string(argv[1]) == "--runs") {
    const uint64_t first = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
    const uint64_t runs = std::strtoull(argv[2], nullptr, 10);
    for (uint64_t seed = first; seed < first + runs; ++seed) {
      std::mt19937_64 random(seed);
      const std::string text = MutatedCsv(random);
      std::ofstream("csv_fuzz.last", std::ios::binary) << text;
      run(text);
    }
    std::printf("%llu texts agree\n", static_cast<unsigned long long>(runs));
    return 0;
  }
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    run(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
  }
  return 0;
}
#endif
