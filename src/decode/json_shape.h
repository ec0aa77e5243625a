// SPDX-License-Identifier: Apache-2.0
//
// LineShape: the quick way through JSON lines that all look alike. Producers write the same keys in
// the same order line after line; the bytes between the values are learnt from one line and
// compared in later ones, the values parsed where they stand. A line that differs in any way
// (order, spaces, an escape, a value of another kind) is left to the real parser, which decides.
// What is accepted here means exactly what the parser would say.
//
// Limiting resource: instructions a line. Words of 8 and 16 bytes are looked at where a line has
// shorter ones, so the text must go on for kSlackBytes behind what is read.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "decode/column_builder.h"

namespace daypart::decode {

class LineShape {
 public:
  /// Bytes behind a line that must be readable (not of any value).
  static constexpr size_t kSlackBytes = 320;

  /// Where the values of a key go.
  struct Target {
    int column = -1;                   // -1: nowhere
    ColumnBuilder* builder = nullptr;  // of the column; must outlive the shape
    bool is_required = false;
  };

  /// Learns the shape of a line that the parser accepted. target_of: of a key. Lines with nested
  /// values, escapes, or values that this way does not read are not learnt: is_learnt() stays
  /// false.
  template <typename TargetOf>
  void Learn(std::string_view line, const TargetOf& target_of) {
    Forget();
    if (!Scan(line)) return Forget();
    for (Step& step : steps_) {
      const std::string_view before = step.before.text;
      step.target = target_of(before.substr(step.key_at, step.key_bytes));
    }
    if (!Prepare()) Forget();
  }
  bool is_learnt() const { return !steps_.empty(); }
  void Forget() { steps_.clear(); }
  /// Whether some step fills the column.
  bool Fills(int column) const;

  /// Pushes the values of the line that begins at `at` to their builders, which must have room for
  /// a row. returns: behind its closing brace; null after pushing some of them, which the caller
  /// takes back, if the line is to be left to the parser, or if fewer than kSlackBytes come behind
  /// it. [at, end): valid UTF-8.
  const char* Read(const char* at, const char* end) const;

 private:
  /// Bytes to compare; the first 32 by two SSE2 words.
  struct Literal {
    std::string text;
    std::array<char, 32> head = {};
    uint32_t mask = 0;  // a bit for each byte of head that counts
    void Set(std::string_view bytes);
    bool is_at(const char* at) const;
  };
  enum class Value : uint8_t { kNull, kOther };
  /// The bytes before a value, and where the value goes.
  struct Step {
    Literal before;
    Target target;
    size_t key_at = 0;  // of the key in before.text
    size_t key_bytes = 0;
    Value learnt = Value::kOther;
  };
  bool Scan(std::string_view line);
  bool Prepare();
  static const char* ReadValue(const Step& step, const char* at, const char* safe_end);
  static const char* SkipValue(const Step& step, const char* at, const char* safe_end);

  std::vector<Step> steps_;
  Literal after_;  // the last value
};

}  // namespace daypart::decode
