// SPDX-License-Identifier: Apache-2.0
//
// CsvForm: how the file of a CSV line is written, which the line alone does not tell. Quarantine
// keeps it beside the line as text, so that a replay decodes the line as the stream did when its
// file is long gone (docs/formats/quarantine.md, raw_format).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace daypart::ingest {

struct CsvForm {
  /// The file's columns in order; shared with the runs of the file.
  std::shared_ptr<const std::vector<std::string>> columns;
  char delimiter = ',';
};

/// {"format":"csv","delimiter":",","columns":["event_id","views"]}
std::string CsvFormToJson(const CsvForm& form);
/// errors: kCorruptData; kUnsupported if it is of another format.
Result<CsvForm> CsvFormFromJson(std::string_view json);

}  // namespace daypart::ingest
