// SPDX-License-Identifier: Apache-2.0
//
// The head line by line, the SELECT clause by clause.
#include "windows/window_declaration.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "query/sql_reader.h"
#include "query/sql_tokens.h"
#include "windows/limits.h"

namespace daypart::windows {
namespace {

using query::SqlReader;

struct Unit {
  std::string_view name;
  int64_t micros;
};
constexpr std::array<Unit, 6> kUnits{{{"millisecond", 1'000},
                                      {"second", 1'000'000},
                                      {"minute", int64_t{60} * 1'000'000},
                                      {"hour", int64_t{3'600} * 1'000'000},
                                      {"day", int64_t{86'400} * 1'000'000},
                                      {"week", int64_t{7} * 86'400 * 1'000'000}}};

std::string Trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

/// "10 minutes" -> microseconds.
Result<int64_t> ParseSpan(std::string_view text) {
  const std::string trimmed = Trimmed(text);
  int64_t count = 0;
  const auto parsed = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), count);
  std::string unit =
      Trimmed(std::string_view(trimmed).substr(static_cast<size_t>(parsed.ptr - trimmed.data())));
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
  if (unit.ends_with('s')) unit.pop_back();
  const auto known =
      std::ranges::find_if(kUnits, [&](const Unit& one) { return one.name == unit; });
  if (parsed.ec != std::errc() || known == kUnits.end()) {
    return InvalidArgument(
        "a span such as '10 minutes' is expected (millisecond, second, minute, hour, day, week), "
        "found '" + trimmed + "'");
  }
  if (count < 0 || count > kSpanMicrosMax / known->micros) {
    return InvalidArgument("a span of 0 to 3660 days is expected, found '" + trimmed + "'");
  }
  return count * known->micros;
}

/// INTERVAL '1 minute', INTERVAL '1' MINUTE or INTERVAL 1 MINUTE.
Result<int64_t> TakeInterval(SqlReader& reader) {
  DAYPART_RETURN_IF_ERROR(reader.Expect("INTERVAL"));
  std::string text;
  if (auto number = reader.Number()) {
    text = std::to_string(*number);
  } else {
    DAYPART_TRY(text, reader.Text());
  }
  if (reader.is_name()) {
    DAYPART_TRY(const std::string unit, reader.Identifier());
    text += ' ' + unit;
  }
  return ParseSpan(text);
}

Status SetHead(WindowDeclaration& window, const std::string& key, const std::string& value) {
  if (key == "target") {
    DAYPART_TRY(window.target, catalog::ParseTableName(value, "media"));
  } else if (key == "lateness") {
    DAYPART_TRY(window.lateness_micros, ParseSpan(value));
  } else if (key == "idle") {
    DAYPART_TRY(const int64_t micros, ParseSpan(value));
    window.idle_ms = micros / 1'000;
  } else if (key == "partition") {
    window.partition = value;
  } else {
    return InvalidArgument("-- " + key + ": is no setting of a window; target, lateness, idle and "
                           "partition are (a remark begins with a capital letter)");
  }
  return Ok();
}

/// Lines `-- key: value` before the statement.
Status ReadHead(WindowDeclaration& window, std::string_view text) {
  int number = 0;
  while (text.starts_with("--")) {
    ++number;
    const size_t end = text.find('\n');
    const std::string line = Trimmed(text.substr(2, end == std::string_view::npos ? end : end - 2));
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    const size_t colon = line.find(':');
    const bool has_key = colon != std::string::npos && colon > 0 &&
                         std::all_of(line.begin(), line.begin() + static_cast<long>(colon),
                                     [](unsigned char c) { return std::islower(c) != 0; });
    if (!has_key) continue;
    DAYPART_RETURN_IF_ERROR(
        SetHead(window, line.substr(0, colon), Trimmed(line.substr(colon + 1)))
            .WithContext("line " + std::to_string(number)));
  }
  return Ok();
}

/// The parts of a list between commas that no bracket holds.
Result<std::vector<std::string>> SplitList(std::string_view text) {
  DAYPART_TRY(const auto tokens, query::Tokenize(text));
  std::vector<std::string> items;
  size_t begin = 0;
  for (const query::Token& token : tokens) {
    if (token.text != "," || token.depth != 0) continue;
    items.push_back(Trimmed(text.substr(begin, token.begin - begin)));
    begin = token.begin + 1;
  }
  items.push_back(Trimmed(text.substr(begin)));
  return items;
}

/// tumble(time, INTERVAL size[, INTERVAL offset]), hop(time, INTERVAL slide, INTERVAL size[, …]),
/// session(time, INTERVAL gap). returns: false if the item is none of them.
Result<bool> TakeWindow(WindowDeclaration& window, const std::string& item) {
  DAYPART_TRY(auto reader, SqlReader::Open(item));
  if (reader.Take("TUMBLE")) {
    window.kind = WindowKind::kTumbling;
  } else if (reader.Take("HOP")) {
    window.kind = WindowKind::kHopping;
  } else if (reader.Take("SESSION")) {
    window.kind = WindowKind::kSession;
  } else {
    return false;
  }
  if (!reader.is_next("(")) return false;
  DAYPART_TRY(const std::string arguments_text, reader.Bracketed());
  DAYPART_RETURN_IF_ERROR(reader.ExpectEnd());
  DAYPART_TRY(auto arguments, SqlReader::Open(arguments_text));
  DAYPART_TRY(const std::string column, arguments.Name());
  window.time_column = query::NameParts(column).back();
  DAYPART_RETURN_IF_ERROR(arguments.Expect(","));
  DAYPART_TRY(window.slide_micros, TakeInterval(arguments));
  window.size_micros = window.slide_micros;
  if (window.kind == WindowKind::kHopping) {
    DAYPART_RETURN_IF_ERROR(arguments.Expect(","));
    DAYPART_TRY(window.size_micros, TakeInterval(arguments));
  }
  if (window.kind != WindowKind::kSession && arguments.Take(",")) {
    DAYPART_TRY(window.offset_micros, TakeInterval(arguments));
  }
  DAYPART_RETURN_IF_ERROR(arguments.ExpectEnd());
  if (window.slide_micros <= 0) return InvalidArgument("a window longer than nothing is expected");
  if (window.size_micros < window.slide_micros) {
    return InvalidArgument("hop(time, slide, size): a size of at least the slide is expected, so "
                           "that no row falls between two windows");
  }
  const int64_t windows = (window.size_micros + window.slide_micros - 1) / window.slide_micros;
  if (windows > kWindowsPerRowMax) {
    return InvalidArgument("a row would fall into " + std::to_string(windows) + " windows, " +
                           std::to_string(kWindowsPerRowMax) +
                           " are the most; take a longer slide");
  }
  return true;
}

Status TakeGroups(WindowDeclaration& window, std::string_view text) {
  DAYPART_TRY(const auto items, SplitList(text));
  bool has_window = false;
  for (const std::string& item : items) {
    auto taken = TakeWindow(window, item);
    if (!taken) return std::move(taken).error().WithContext("GROUP BY " + item);
    if (*taken) {
      if (has_window) return InvalidArgument("one window is expected in GROUP BY, found two");
      has_window = true;
      continue;
    }
    DAYPART_TRY(auto reader, SqlReader::Open(item));
    DAYPART_TRY(const std::string name, reader.Name());
    if (!reader.is_at_end()) {
      return InvalidArgument("GROUP BY takes names of columns of the SELECT and one of tumble(), "
                             "hop(), session(), found '" + item +
                             "'; give the expression a name with AS");
    }
    window.keys.push_back(query::NameParts(name).back());
  }
  if (!has_window) {
    return InvalidArgument("tumble(), hop() or session() is expected in GROUP BY");
  }
  return Ok();
}

/// FNV-1a, which is the same on every machine and in every version.
std::string Fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  std::array<char, 16> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16);
  return std::string(digits.data(), written.ptr);
}

Result<std::string> FingerprintOf(const WindowDeclaration& window, std::string_view sql) {
  DAYPART_TRY(const auto tokens, query::Tokenize(sql));
  std::string text = ToString(window.target);
  for (const query::Token& token : tokens) text += '\n' + std::string(token.text);
  return Fingerprint(text);
}

Status ReadSelect(WindowDeclaration& window, std::string_view sql) {
  DAYPART_TRY(auto reader, SqlReader::Open(sql));
  DAYPART_RETURN_IF_ERROR(reader.Expect("SELECT"));
  window.select_list = reader.Until({"FROM"});
  DAYPART_RETURN_IF_ERROR(reader.Expect("FROM"));
  DAYPART_TRY(const std::string source, reader.Name());
  std::string plain;
  for (const std::string& part : query::NameParts(source)) {
    plain += (plain.empty() ? "" : ".") + part;
  }
  DAYPART_TRY(window.source, catalog::ParseTableName(plain, "media"));
  window.alias = reader.Alias({"WHERE", "GROUP", "JOIN", "LEFT", "INNER", "CROSS", "FULL"});
  if (window.alias.empty()) window.alias = '"' + window.source.table + '"';
  if (reader.Take("WHERE")) window.where = reader.Until({"GROUP"});
  if (!reader.is_next("GROUP")) {
    return reader.Expected("[WHERE …] GROUP BY … (a window has one source; other tables are joined "
                           "when its table is read)");
  }
  DAYPART_RETURN_IF_ERROR(reader.ExpectAll({"GROUP", "BY"}));
  DAYPART_RETURN_IF_ERROR(TakeGroups(window, reader.Until({"HAVING", "ORDER", "LIMIT", "WINDOW",
                                                           "QUALIFY", "UNION"})));
  if (reader.Take("HAVING")) window.having = reader.Until({"ORDER", "LIMIT", "WINDOW", "QUALIFY"});
  return reader.ExpectEnd();
}

}  // namespace

std::string_view NameOf(WindowKind kind) {
  switch (kind) {
    case WindowKind::kTumbling:
      return "tumbling";
    case WindowKind::kHopping:
      return "hopping";
    case WindowKind::kSession:
      return "session";
  }
  return "";
}

Result<WindowDeclaration> ParseWindowDeclaration(std::string_view name, std::string_view text) {
  WindowDeclaration window;
  window.name = name;
  DAYPART_TRY(window.target, catalog::ParseTableName(name, "media"));
  DAYPART_RETURN_IF_ERROR(ReadHead(window, text));
  DAYPART_RETURN_IF_ERROR(ReadSelect(window, text));
  if (window.target == window.source) {
    return InvalidArgument("a target other than the source is expected, found " +
                           ToString(window.target) + " for both");
  }
  DAYPART_TRY(window.fingerprint, FingerprintOf(window, text));
  return window;
}

Result<std::vector<WindowDeclaration>> ReadWindowDeclarations(const std::filesystem::path& folder) {
  std::map<std::string, std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".sql") files[entry.path().stem().string()] = entry.path();
  }
  std::vector<WindowDeclaration> windows;
  for (const auto& [name, path] : files) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file || text.size() > kDeclarationBytesMax) {
      return InvalidArgument(path.string() + ": a readable file of at most 1 MiB is expected");
    }
    auto window = ParseWindowDeclaration(name, text);
    if (!window) return std::move(window).error().WithContext(path.string());
    for (const WindowDeclaration& other : windows) {
      if (other.target != window->target) continue;
      return InvalidArgument(path.string() + ": target " + ToString(window->target) +
                             " is that of window " + other.name + " already");
    }
    windows.push_back(*std::move(window));
  }
  return windows;
}

}  // namespace daypart::windows
