// SPDX-License-Identifier: Apache-2.0
//
// Profiles of text: the columns of CSV and of JSON lines from pieces of a file. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "crawl/file_shape.h"

namespace daypart::crawl {

/// Pieces of one file, decompressed UTF-8.
struct TextPieces {
  std::string_view head;
  bool is_whole_file = false;  // head is all there is
  std::span<const std::string>
      parts;  // from the middle and the end; each begins anywhere in a record
  std::optional<char> delimiter = {};  // of CSV, if it is told and not to be found out
};

/// Fills delimiter, header, columns and counts. `shape` has none yet.
void ProfileCsv(const TextPieces& pieces, FileShape& shape);

/// As ProfileCsv; nested objects become columns "a.b", arrays none. Lines that are no object count
/// as spoilt.
void ProfileJsonLines(const TextPieces& pieces, FileShape& shape);

/// Whether the text is that of JSON lines: its first line that is not blank is a whole JSON object.
bool is_json_lines(std::string_view head, bool is_whole_file);

/// The whole lines of a piece: without the last, if it may be cut off, and without the first, if
/// the piece does not begin the file.
std::string_view WholeLines(std::string_view piece, bool begins_file, bool ends_file);

}  // namespace daypart::crawl
