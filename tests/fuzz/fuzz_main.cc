// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz entry without libFuzzer, which g++ lacks. With clang, link the entry with
// -fsanitize=fuzzer instead of this file.
//   X_fuzz FILE…                  replays inputs
//   X_fuzz --corpus DIR RUNS [S]  replays DIR, then RUNS mutations of its files from seed S on
// Before each input runs it is written to X_fuzz.last in the working directory; a failure leaves it
// there.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

/// One to eight changes: a flipped bit, an edge value, a piece cut, repeated, or taken from
/// elsewhere.
std::string Mutate(const std::vector<std::string>& corpus, std::mt19937_64& random) {
  static const std::string kPieces[] = {",",
                                        "\n",
                                        "\"",
                                        "\"\"",
                                        "\r\n",
                                        "\r",
                                        "{",
                                        "}",
                                        "[",
                                        "]",
                                        ":",
                                        "null",
                                        "-1",
                                        "1e999",
                                        "\\u0000",
                                        "\xC3",
                                        "\xC3\xA9",
                                        "NaN",
                                        "99999999999999999999",
                                        std::string(1, '\0'),
                                        "\xFF\xFF\xFF\xFF"};
  std::string text = corpus[random() % corpus.size()];
  for (uint64_t changes = 1 + random() % 8; changes > 0; --changes) {
    const size_t at = text.empty() ? 0 : random() % text.size();
    const size_t length = std::min<size_t>(text.size() - at, random() % 64);
    switch (random() % 6) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << random() % 8));
        break;
      case 1:
        if (!text.empty()) text[at] = static_cast<char>(random());
        break;
      case 2: text.erase(at, length); break;
      case 3: text.insert(at, text.substr(at, length)); break;
      case 4: text.insert(at, kPieces[random() % std::size(kPieces)]); break;
      default: {
        const std::string& other = corpus[random() % corpus.size()];
        const size_t from = other.empty() ? 0 : random() % other.size();
        text.replace(at, length, other.substr(from, random() % 256));
      }
    }
  }
  return text;
}

int RunCorpus(const std::string& program, const std::string& folder, uint64_t runs,
              uint64_t first) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    corpus.push_back(ReadFile(path));
    std::printf("%s\n", path.filename().c_str());
    Run(corpus.back());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "no inputs in %s\n", folder.c_str());
    return 1;
  }
  const std::string last = std::filesystem::path(program).filename().string() + ".last";
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    std::mt19937_64 random(seed);
    const std::string input = Mutate(corpus, random);
    std::ofstream(last, std::ios::binary) << input;
    std::fflush(stdout);
    Run(input);
  }
  std::filesystem::remove(last);
  std::printf("%zu inputs and %llu mutations from seed %llu on hold\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(first));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3 && std::string(argv[1]) == "--corpus") {
    const uint64_t first = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
    return RunCorpus(argv[0], argv[2], std::strtoull(argv[3], nullptr, 10), first);
  }
  for (int i = 1; i < argc; ++i) Run(ReadFile(argv[i]));
  return argc > 1 ? 0 : 2;
}
