// SPDX-License-Identifier: Apache-2.0
//
// For tests and fuzzing only: a CSV reader in the plainest terms, one byte and one state at a time,
// over a whole text in memory. It shares no code with the decoder, the index or the chunker that it
// judges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daypart::decode::reference {

struct Cell {
  std::string text;
  bool is_quoted = false;
};

struct Record {
  uint64_t line = 1;
  uint64_t byte_offset = 0;
  std::string raw;  // without the line end
  bool is_malformed = false;
  std::vector<Cell> cells;
};

namespace internal {

/// Reads the quoted field at `at`. returns: the place behind it, or nullopt if it is malformed.
inline std::optional<size_t> ReadQuoted(std::string_view text, size_t at, char delimiter,
                                        char quote, Cell* cell) {
  cell->is_quoted = true;
  for (++at; at < text.size(); ++at) {
    if (text[at] != quote) {
      cell->text += text[at];
    } else if (at + 1 < text.size() && text[at + 1] == quote) {
      cell->text += quote;
      ++at;
    } else {
      ++at;
      const std::string_view rest = text.substr(at);
      if (rest.empty() || rest[0] == delimiter || rest[0] == '\n') return at;
      if (rest == "\r" || rest.starts_with("\r\n")) return at + 1;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace internal

/// All records that are no blank lines.
inline std::vector<Record> ReadAll(std::string_view text, char delimiter, char quote) {
  std::vector<Record> records;
  uint64_t line = 1;
  size_t at = 0;
  while (at < text.size()) {
    Record record;
    record.line = line;
    record.byte_offset = at;
    const size_t begin = at;
    bool is_record_done = false;
    while (!is_record_done) {
      Cell cell;
      if (quote != '\0' && at < text.size() && text[at] == quote) {
        const auto end = internal::ReadQuoted(text, at, delimiter, quote, &cell);
        if (!end) {
          record.is_malformed = true;
          while (at < text.size() && text[at] != '\n') ++at;
          break;
        }
        at = *end;
      } else {
        while (at < text.size() && text[at] != delimiter && text[at] != '\n')
          cell.text += text[at++];
        const bool is_last = at == text.size() || text[at] == '\n';
        if (is_last && cell.text.ends_with('\r')) cell.text.pop_back();
      }
      record.cells.push_back(cell);
      if (at < text.size() && text[at] == delimiter) {
        ++at;
      } else {
        is_record_done = true;
      }
    }
    record.raw = text.substr(begin, at - begin);
    if (record.raw.ends_with('\r')) record.raw.pop_back();
    const bool is_blank = record.raw.empty();
    for (const char c : text.substr(begin, at - begin)) line += c == '\n' ? 1 : 0;
    if (at < text.size()) {
      ++at;
      ++line;
    }
    if (!is_blank) records.push_back(std::move(record));
  }
  return records;
}

/// [+-]digits in the range of int32, spaces and tabs around allowed.
inline std::optional<int32_t> ReadInt(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  bool is_negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    is_negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
    if (value > int64_t{1} << 40) return std::nullopt;
  }
  if (is_negative) value = -value;
  if (value < INT32_MIN || value > INT32_MAX) return std::nullopt;
  return static_cast<int32_t>(value);
}

/// Whether the bytes are UTF-8 as RFC 3629 has it: shortest forms, no surrogates, up to U+10FFFF.
inline bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = [&](size_t i) {
      return at + i < text.size() ? static_cast<uint32_t>(static_cast<unsigned char>(text[at + i]))
                                  : 0U;
    };
    const uint32_t head = byte(0);
    const size_t size = head < 0x80   ? 1
                        : head < 0xC2 ? 0
                        : head < 0xE0 ? 2
                        : head < 0xF0 ? 3
                        : head < 0xF5 ? 4
                                      : 0;
    if (size == 0) return false;
    uint32_t point = size == 1 ? head : head & (0x7FU >> size);
    for (size_t i = 1; i < size; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
      point = (point << 6) | (byte(i) & 0x3F);
    }
    if (size == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return false;
    if (size == 4 && (point < 0x10000 || point > 0x10FFFF)) return false;
    at += size;
  }
  return true;
}

}  // namespace daypart::decode::reference
