// SPDX-License-Identifier: Apache-2.0
//
// Rows put together value by value, nested ones too: for tables about tables, whose rows are few.
// Data never goes this way.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "iceberg/literal.h"

namespace daypart::lake {

/// One value of any type. Default: null.
struct Cell {
  Cell() = default;
  // Not explicit: a row is a list of values, and that each is a cell goes without saying.
  Cell(iceberg::Literal value) : literal(std::move(value)) {}
  Cell(std::string text) : literal(std::move(text)) {}
  Cell(int64_t number) : literal(number) {}
  Cell(int32_t number) : literal(number) {}
  Cell(bool flag) : literal(flag) {}
  template <typename Value>
  Cell(const std::optional<Value>& value) {
    if (value) *this = Cell(*value);
  }
  /// A struct's fields, a list's elements, or a map's keys and values in turn.
  static Cell Of(std::vector<Cell> parts) {
    Cell cell;
    cell.parts = std::move(parts);
    cell.is_nested = true;
    return cell;
  }

  iceberg::Literal literal;
  std::vector<Cell> parts;
  bool is_nested = false;
};

using CellRow = std::vector<Cell>;

/// errors: kInvalidArgument if a cell is not of its column's type; kUnsupported for another type.
Result<std::shared_ptr<arrow::RecordBatch>> MakeCellBatch(
    const std::shared_ptr<arrow::Schema>& schema, const std::vector<CellRow>& rows);

}  // namespace daypart::lake
