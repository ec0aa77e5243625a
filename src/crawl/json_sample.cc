// SPDX-License-Identifier: Apache-2.0
//
// JSON-lines samples, with simdjson's on-demand parser: it hands out a number's own text, which
// tells a decimal from a double.
#include <fmt/format.h>
#include <simdjson.h>

#include <map>

#include "crawl/crawl.h"
#include "crawl/limits.h"
#include "crawl/text_sample.h"

namespace daypart::crawl {
namespace {

namespace ondemand = simdjson::ondemand;

/// The columns found so far, and the keys that cannot be columns with the reason why.
class JsonColumns {
 public:
  explicit JsonColumns(FileShape& shape) : shape_(shape) {}

  /// One record. returns: false if the line is no JSON object.
  bool AddLine(std::string_view line) {
    const simdjson::padded_string padded(line);
    ondemand::document document;
    ondemand::object object;
    if (parser_.iterate(padded).get(document) != simdjson::SUCCESS) return false;
    if (document.get_object().get(object) != simdjson::SUCCESS) return false;
    // The values wait until the whole line was read, so that a spoilt one adds no columns.
    pending_.clear();
    if (!ReadObject(object, "", 1) || !ends_as_object(line)) return false;
    for (const PendingValue& value : pending_) AddPending(value);
    return true;
  }

  void WarnOfLeftOut() const {
    for (const auto& [key, reason] : left_out_) {
      shape_.warnings.push_back(
          fmt::format("{}{} is left out: {}", kLeftOutKeyWarning, key, reason));
    }
  }

 private:
  struct PendingValue {
    std::string name;
    ondemand::json_type type;
    std::string text;
  };

  bool ReadObject(ondemand::object object, const std::string& path, size_t depth) {
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      if (field.unescaped_key().get(key) != simdjson::SUCCESS) return false;
      const std::string name = path + std::string(key);
      if (field.value().get(value) != simdjson::SUCCESS) return false;
      if (key.find('.') != std::string_view::npos) {
        left_out_.emplace(name, "a '.' in a key reads as a step into an object");
      } else if (!ReadValue(value, name, depth)) {
        return false;
      }
    }
    return true;
  }

  bool ReadValue(ondemand::value value, const std::string& name, size_t depth) {
    ondemand::json_type type;
    if (value.type().get(type) != simdjson::SUCCESS) return false;
    switch (type) {
      case ondemand::json_type::object: {
        if (depth == kJsonDepthMax) {
          left_out_.emplace(name, fmt::format("nested deeper than {}", kJsonDepthMax));
          return true;
        }
        ondemand::object inner;
        if (value.get_object().get(inner) != simdjson::SUCCESS) return false;
        return ReadObject(inner, name + ".", depth + 1);
      }
      case ondemand::json_type::array:
        left_out_.emplace(name, "arrays are no columns");
        return true;
      case ondemand::json_type::number: {
        const std::string_view token = TrimToken(value.raw_json_token());
        if (!is_number(token)) return false;
        pending_.push_back({.name = name, .type = type, .text = std::string(token)});
        return true;
      }
      case ondemand::json_type::string: {
        std::string_view text;
        if (value.get_string().get(text) != simdjson::SUCCESS) return false;
        pending_.push_back({.name = name, .type = type, .text = std::string(text)});
        return true;
      }
      case ondemand::json_type::boolean: {
        bool truth = false;
        if (value.get_bool().get(truth) != simdjson::SUCCESS) return false;
        pending_.push_back({.name = name, .type = type, .text = {}});
        return true;
      }
      case ondemand::json_type::null: {
        bool is_null = false;
        if (value.is_null().get(is_null) != simdjson::SUCCESS || !is_null) return false;
        pending_.push_back({.name = name, .type = type, .text = {}});
        return true;
      }
    }
    return false;
  }

  static bool ends_as_object(std::string_view line) {
    const size_t last = line.find_last_not_of(" \t");
    return last != std::string_view::npos && line[last] == '}';
  }

  static std::string_view TrimToken(std::string_view token) {
    return token.substr(0, token.find_first_of(" \t\r\n"));
  }

  /// simdjson has no type for whole numbers beyond 64 bits, which are numbers all the same.
  static bool is_number(std::string_view token) {
    return token.find_first_of("0123456789") != std::string_view::npos &&
           token.find_first_not_of("+-.0123456789eE") == std::string_view::npos;
  }

  void AddPending(const PendingValue& value) {
    ValueProfile* profile = ProfileOf(value.name);
    if (profile == nullptr) return;
    switch (value.type) {
      case ondemand::json_type::number: return profile->AddJsonNumber(value.text);
      case ondemand::json_type::string: return profile->AddJsonString(value.text);
      case ondemand::json_type::boolean: return profile->AddJsonBoolean();
      case ondemand::json_type::null:
      case ondemand::json_type::object:  // Objects and arrays are never pending.
      case ondemand::json_type::array: return profile->AddNull();
    }
  }

  /// Null past kColumnsMax.
  ValueProfile* ProfileOf(const std::string& name) {
    const auto found = positions_.find(name);
    if (found != positions_.end()) return &shape_.columns[found->second].profile;
    if (shape_.columns.size() == kColumnsMax) {
      left_out_.emplace("(others)", fmt::format("more than {} keys", kColumnsMax));
      return nullptr;
    }
    positions_.emplace(name, shape_.columns.size());
    shape_.columns.push_back({.source_name = name, .profile = {}, .declared = {}});
    return &shape_.columns.back().profile;
  }

  FileShape& shape_;  // must outlive this
  ondemand::parser parser_;
  std::vector<PendingValue> pending_;
  std::map<std::string, size_t> positions_;
  std::map<std::string, std::string> left_out_;
};

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

bool is_json_lines(std::string_view head, bool is_whole_file) {
  head = WholeLines(head, true, is_whole_file);
  while (!head.empty()) {
    const std::string_view line = TakeLine(head);
    if (is_blank(line)) continue;
    FileShape unused;
    return JsonColumns(unused).AddLine(line);
  }
  return false;
}

void ProfileJsonLines(const TextPieces& pieces, FileShape& shape) {
  shape.format = catalog::RawFormat::kJsonLines;
  JsonColumns columns(shape);
  uint64_t spoilt = 0;
  const auto add_lines = [&](std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = TakeLine(text);
      if (is_blank(line)) continue;
      if (columns.AddLine(line)) {
        ++shape.records_count;
      } else {
        ++spoilt;
      }
    }
  };
  add_lines(WholeLines(pieces.head, true, pieces.is_whole_file));
  for (size_t i = 0; i < pieces.parts.size(); ++i) {
    add_lines(WholeLines(pieces.parts[i], false, i + 1 == pieces.parts.size()));
  }
  columns.WarnOfLeftOut();
  if (spoilt != 0) {
    shape.warnings.push_back(
        fmt::format("{} of {} sampled lines are no JSON objects: loads will quarantine them",
                    spoilt, spoilt + shape.records_count));
  }
}

}  // namespace daypart::crawl
