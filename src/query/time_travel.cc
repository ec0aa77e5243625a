// SPDX-License-Identifier: Apache-2.0
//
// The suffix of a travelling table's name is "@version=…" or "@timestamp=…".
#include "query/time_travel.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "base/calendar.h"
#include "query/duckdb_session.h"
#include "query/sql_reader.h"
#include "query/sql_tokens.h"

namespace daypart::query {
namespace {

constexpr std::string_view kVersionSuffix = "@version=";
constexpr std::string_view kTimestampSuffix = "@timestamp=";

/// Words that may follow a table and are no alias.
constexpr std::array<std::string_view, 20> kAfterTable = {
    "WHERE", "GROUP", "ORDER",  "HAVING",    "LIMIT",   "OFFSET",  "JOIN",
    "INNER", "LEFT",  "RIGHT",  "FULL",      "CROSS",   "NATURAL", "ON",
    "USING", "UNION", "EXCEPT", "INTERSECT", "QUALIFY", "WINDOW"};

bool is_name(const Token& token) {
  return token.text.front() == '"' || is_word_char(token.text.front());
}

/// Where the name that ends at token `last` begins: its parts are joined by dots.
size_t FirstOfName(const std::vector<Token>& tokens, size_t last) {
  size_t first = last;
  while (first >= 2 && tokens[first - 1].text == "." && is_name(tokens[first - 2])) first -= 2;
  return first;
}

/// Microseconds since 1970 of a time in UTC or with an offset; a date alone is its first moment.
Result<int64_t> MicrosOf(const std::string& text) {
  constexpr size_t kDateLength = 10;   // 2030-01-02
  constexpr size_t kOffsetLength = 6;  // +02:00
  std::string time = text.size() == kDateLength ? text + "T00:00:00" : text;
  int64_t offset_minutes = 0;
  if (time.size() > kDateLength + kOffsetLength) {
    const std::string_view offset = std::string_view(time).substr(time.size() - kOffsetLength);
    const std::string_view digits = "0123456789";
    const auto is_digit = [&](size_t at) { return digits.find(offset[at]) != digits.npos; };
    if ((offset[0] == '+' || offset[0] == '-') && offset[3] == ':' && is_digit(1) && is_digit(2) &&
        is_digit(4) && is_digit(5)) {
      const int hours = (offset[1] - '0') * 10 + offset[2] - '0';
      const int minutes = (offset[4] - '0') * 10 + offset[5] - '0';
      offset_minutes = (hours * 60 + minutes) * (offset[0] == '-' ? -1 : 1);
      time.resize(time.size() - kOffsetLength);
    }
  }
  const auto parsed = iceberg::ParseLiteral(time.ends_with('Z') ? time : time + 'Z',
                                            iceberg::Type::Of(iceberg::TypeKind::kTimestamptz));
  if (!parsed) return Error(parsed.error()).WithContext("FOR TIMESTAMP AS OF");
  return std::get<int64_t>(*parsed) - offset_minutes * 60'000'000;
}

Error Misplaced(const Token& token) {
  return InvalidArgument(
      "FOR VERSION AS OF snapshot id or 'name', or FOR TIMESTAMP AS OF 'time', is "
      "expected at character " +
      std::to_string(token.begin + 1));
}

}  // namespace

Result<std::string> NameTravels(std::string_view sql) {
  DAYPART_TRY(const auto tokens, Tokenize(sql));
  std::string named;
  size_t copied = 0;
  for (size_t i = 1; i + 1 < tokens.size(); ++i) {
    if (Upper(tokens[i].text) != "FOR" || !is_name(tokens[i - 1])) continue;
    const std::string kind = Upper(tokens[i + 1].text);
    if (kind != "VERSION" && kind != "TIMESTAMP" && kind != "SYSTEM_VERSION" &&
        kind != "SYSTEM_TIME") {
      continue;
    }
    if (i + 4 >= tokens.size() || Upper(tokens[i + 2].text) != "AS" ||
        Upper(tokens[i + 3].text) != "OF") {
      return Misplaced(tokens[i]);
    }
    size_t at = i + 4;
    const bool is_version = kind == "VERSION" || kind == "SYSTEM_VERSION";
    // TIMESTAMP '…' is a literal as well.
    if (!is_version && Upper(tokens[at].text) == "TIMESTAMP" && at + 1 < tokens.size()) ++at;
    std::string value(tokens[at].text);
    const bool is_text = value.size() > 1 && value.front() == '\'';
    if (is_text) value = value.substr(1, value.size() - 2);
    const bool is_number =
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (value.empty() || (!is_text && !(is_version && is_number))) return Misplaced(tokens[i]);
    const size_t first = FirstOfName(tokens, i - 1);
    const auto parts =
        NameParts(sql.substr(tokens[first].begin, tokens[i - 1].begin + tokens[i - 1].text.size() -
                                                      tokens[first].begin));
    named += sql.substr(copied, tokens[first].begin - copied);
    for (size_t part = 0; part + 1 < parts.size(); ++part)
      named += QuoteIdentifier(parts[part]) + '.';
    named += QuoteIdentifier(parts.back() +
                             std::string(is_version ? kVersionSuffix : kTimestampSuffix) + value);
    const size_t next = at + 1;
    const bool has_alias = next < tokens.size() && is_name(tokens[next]) &&
                           std::find(kAfterTable.begin(), kAfterTable.end(),
                                     Upper(tokens[next].text)) == kAfterTable.end();
    if (!has_alias) named += " AS " + QuoteIdentifier(parts.back());
    copied = tokens[at].begin + tokens[at].text.size();
    i = at;
  }
  return named + std::string(sql.substr(copied));
}

std::string NameOfVersion(const std::string& table, const std::string& version) {
  return table + std::string(kVersionSuffix) + version;
}

Travel ParseTravel(std::string_view table_name) {
  Travel travel;
  size_t at = table_name.rfind(kVersionSuffix);
  if (at != std::string_view::npos) {
    travel.version = table_name.substr(at + kVersionSuffix.size());
  } else if (at = table_name.rfind(kTimestampSuffix); at != std::string_view::npos) {
    travel.timestamp = table_name.substr(at + kTimestampSuffix.size());
  }
  travel.table = table_name.substr(0, at);
  return travel;
}

Result<lake::LoadedTable> TableAsOf(lake::LoadedTable table, const Travel& travel) {
  if (travel.is_now()) return table;
  iceberg::TableMetadata& metadata = table.metadata;
  const iceberg::Snapshot* found = nullptr;
  if (!travel.timestamp.empty()) {
    DAYPART_TRY(const int64_t micros, MicrosOf(travel.timestamp));
    // What main pointed to then: the log follows rollbacks, parents do not.
    for (const auto& entry : metadata.snapshot_log) {
      if (entry.timestamp.value() <= micros) found = metadata.FindSnapshot(entry.snapshot_id);
    }
    if (found == nullptr) {
      return NotFound("table " + ToString(table.name) + " has no snapshot as old as " +
                      travel.timestamp + "; see daypart snapshots");
    }
  } else {
    int64_t id = 0;
    const char* end = travel.version.data() + travel.version.size();
    const auto parsed = std::from_chars(travel.version.data(), end, id);
    const bool is_id = parsed.ec == std::errc() && parsed.ptr == end;
    const auto ref = metadata.refs.find(travel.version);
    if (ref != metadata.refs.end()) {
      found = metadata.FindSnapshot(ref->second.snapshot_id);
    } else if (is_id) {
      found = metadata.FindSnapshot(iceberg::SnapshotId(id));
    }
    if (found == nullptr) {
      return NotFound("table " + ToString(table.name) + " has no snapshot, branch or tag " +
                      travel.version + "; see daypart snapshots");
    }
  }
  metadata.current_snapshot_id = found->id;
  if (found->schema_id && metadata.FindSchema(*found->schema_id) != nullptr) {
    metadata.current_schema_id = *found->schema_id;
  }
  return table;
}

}  // namespace daypart::query
