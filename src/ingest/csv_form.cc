// SPDX-License-Identifier: Apache-2.0
//
// One small JSON document.
#include "ingest/csv_form.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace daypart::ingest {

using nlohmann::ordered_json;

std::string CsvFormToJson(const CsvForm& form) {
  const ordered_json document{{"format", "csv"},
                              {"delimiter", std::string(1, form.delimiter)},
                              {"columns", *form.columns}};
  // Headers are what a file has: bytes that are no UTF-8 are replaced rather than thrown at.
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<CsvForm> CsvFormFromJson(std::string_view json) {
  const auto document = ordered_json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("format") || !document["format"].is_string()) {
    return CorruptData("raw_format: an object with a format is expected");
  }
  const auto format = document["format"].get<std::string>();
  if (format != "csv") {
    return Unsupported("raw_format: csv is expected, found " + format.substr(0, 64));
  }
  const auto has_text = [](const ordered_json& item) { return item.is_string(); };
  const bool is_whole = document.contains("delimiter") && document["delimiter"].is_string() &&
                        document["delimiter"].get_ref<const std::string&>().size() == 1 &&
                        document.contains("columns") && document["columns"].is_array() &&
                        !document["columns"].empty() &&
                        std::ranges::all_of(document["columns"], has_text);
  if (!is_whole) return CorruptData("raw_format: a delimiter and columns are expected");
  CsvForm form;
  form.delimiter = document["delimiter"].get_ref<const std::string&>().front();
  form.columns = std::make_shared<const std::vector<std::string>>(
      document["columns"].get<std::vector<std::string>>());
  return form;
}

}  // namespace daypart::ingest
