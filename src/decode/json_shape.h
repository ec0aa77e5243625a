// SPDX-License-Identifier: Apache-2.0
//
// LineShape: the quick way through JSON lines that all look alike. Producers write the same keys in
// the same order line after line; the bytes between the values are learnt from one line and
// compared in later ones, the values parsed where they stand. A line that differs in any way
// (order, spaces, an escape, a null, a value of another kind) is left to the real parser, which
// decides. What is accepted here means exactly what the parser would say.
//
// Limiting resource: instructions a line; 2.8 times the rows a second of the parser alone on lines
// of ten keys and 220 bytes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/column_builder.h"

namespace daypart::decode {

class LineShape {
 public:
  /// Learns the shape of a line that the parser accepted. column_of: the column that a key fills,
  /// -1 for none. Lines with nested values, escapes or spaces are not learnt: is_learnt() stays
  /// false.
  template <typename ColumnOf>
  void Learn(std::string_view line, const ColumnOf& column_of) {
    Forget();
    if (!Scan(line)) return Forget();
    for (Step& step : steps_) {
      step.column = column_of(std::string_view(step.prefix).substr(step.key_at, step.key_bytes));
    }
  }
  bool is_learnt() const { return !steps_.empty(); }
  void Forget() { steps_.clear(); }
  /// Whether some step fills the column.
  bool Fills(int column) const;

  /// Appends the line's values to their builders and returns true; or returns false after appending
  /// some of them, which the caller takes back. line: valid UTF-8, without its line end.
  bool Read(std::string_view line, std::span<const std::unique_ptr<ColumnBuilder>> builders) const;

 private:
  /// The bytes before a value, the opening quote of a text included, and where the value goes.
  struct Step {
    std::string prefix;
    size_t key_at = 0;  // of the key in prefix
    size_t key_bytes = 0;
    bool is_text = false;
    int column = -1;
  };
  bool Scan(std::string_view line);

  std::vector<Step> steps_;
  std::string suffix_;  // after the last value: its closing quote, if it is a text, and '}'
};

}  // namespace daypart::decode
