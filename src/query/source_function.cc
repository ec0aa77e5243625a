// SPDX-License-Identifier: Apache-2.0
//
// DuckDB's callbacks: bind tells the columns, init opens the source, local init makes a thread's
// cursor, the function itself copies up to one vector of rows.
#include "query/source_function.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "query/vector_writer.h"

namespace daypart::query {
namespace {

/// Of the one function that all sources are read by: DuckDB cannot forget a function, so that what
/// it reads is a parameter.
constexpr char kName[] = "daypart_source";
/// DuckDB takes no more threads than it has.
constexpr idx_t kThreadsMax = 64;

struct Scan {
  const SourceFunction* function = nullptr;
  source::BatchSource* source = nullptr;
  std::vector<int> columns;  // of the source, in the order of the output; -1: any value will do
  std::mutex mutex;          // guards cursors_count
  int cursors_count = 0;
};

struct ThreadScan {
  std::unique_ptr<source::BatchCursor> cursor;  // null for a thread that came too late for one
  std::shared_ptr<arrow::RecordBatch> batch;    // shared because Arrow shares its batches
  int64_t next_row = 0;
  std::vector<VectorWriter> writers;
};

template <typename T>
void Delete(void* pointer) {
  delete static_cast<T*>(pointer);
}

using SharedFunction = std::shared_ptr<const SourceFunction>;

void Bind(duckdb_bind_info info) {
  const auto& core = *static_cast<const Session::Core*>(duckdb_bind_get_extra_info(info));
  duckdb_value key = duckdb_bind_get_parameter(info, 0);
  const auto found = core.sources.find(duckdb_get_int64(key));
  duckdb_destroy_value(&key);
  if (found == core.sources.end()) {
    duckdb_bind_set_error(info, "there is no source of this number");
    return;
  }
  const SourceFunction& function = *found->second;
  duckdb_bind_set_bind_data(info, new SharedFunction(found->second), Delete<SharedFunction>);
  for (const auto& field : function.schema->fields()) {
    auto type = ToDuckdbType(*field);
    if (!type) {
      const Error error = std::move(type).error().WithContext("column " + field->name());
      function.failure->Set(error);
      duckdb_bind_set_error(info, error.message.c_str());
      return;
    }
    duckdb_bind_add_result_column(info, field->name().c_str(), type->get());
  }
  if (function.rows_estimate >= 0) {
    duckdb_bind_set_cardinality(info, static_cast<idx_t>(function.rows_estimate), false);
  }
}

void Init(duckdb_init_info info) {
  const SourceFunction& function =
      **static_cast<const SharedFunction*>(duckdb_init_get_bind_data(info));
  const auto fields_count = static_cast<idx_t>(function.schema->num_fields());
  std::vector<std::string> names;
  std::vector<idx_t> wanted;
  for (idx_t i = 0; i < duckdb_init_get_column_count(info); ++i) {
    const idx_t column = duckdb_init_get_column_index(info, i);
    wanted.push_back(column);
    // A statement that only counts rows asks for a row id that nobody reads.
    if (column < fields_count) {
      names.push_back(function.schema->field(static_cast<int>(column))->name());
    }
  }
  auto source = function.open(names);
  if (!source) {
    function.failure->Set(source.error());
    duckdb_init_set_error(info, source.error().message.c_str());
    return;
  }
  auto scan = std::make_unique<Scan>();
  scan->function = &function;
  scan->source = *source;
  const auto schema = scan->source->schema();
  for (const idx_t column : wanted) {
    const bool is_field = column < fields_count;
    scan->columns.push_back(
        is_field ? schema->GetFieldIndex(function.schema->field(static_cast<int>(column))->name())
                 : -1);
  }
  duckdb_init_set_max_threads(info, kThreadsMax);
  duckdb_init_set_init_data(info, scan.release(), Delete<Scan>);
}

void LocalInit(duckdb_init_info info) {
  auto local = std::make_unique<ThreadScan>();
  duckdb_init_set_init_data(info, local.release(), Delete<ThreadScan>);
}

/// Gives the thread its cursor on its first turn. A source with one cursor refuses the second: the
/// first then has all the rows and this thread none.
Status EnsureCursor(Scan& scan, ThreadScan& local, bool& has_cursor) {
  has_cursor = local.cursor != nullptr;
  if (has_cursor) return Ok();
  const std::lock_guard lock(scan.mutex);
  auto cursor = scan.source->NewCursor();
  if (!cursor) return scan.cursors_count > 0 ? Ok() : Status(std::move(cursor).error());
  ++scan.cursors_count;
  local.cursor = std::move(cursor).value();
  local.writers.resize(scan.columns.size());
  has_cursor = true;
  return Ok();
}

/// returns: rows written, 0 at the end.
Result<int64_t> Produce(Scan& scan, ThreadScan& local, duckdb_data_chunk output) {
  bool has_cursor = false;
  DAYPART_RETURN_IF_ERROR(EnsureCursor(scan, local, has_cursor));
  if (!has_cursor) return int64_t{0};
  while (local.batch == nullptr || local.next_row == local.batch->num_rows()) {
    if (scan.function->cancel != nullptr) DAYPART_RETURN_IF_ERROR(scan.function->cancel->Check());
    DAYPART_TRY(local.batch, local.cursor->Next());
    local.next_row = 0;
    if (local.batch == nullptr) return int64_t{0};
  }
  const int64_t rows = std::min(local.batch->num_rows() - local.next_row,
                                static_cast<int64_t>(duckdb_vector_size()));
  for (size_t i = 0; i < scan.columns.size(); ++i) {
    if (scan.columns[i] < 0) continue;
    const auto& array = local.batch->column(scan.columns[i]);
    DAYPART_RETURN_IF_ERROR(local.writers[i].Write(array, local.next_row, rows,
                                                   duckdb_data_chunk_get_vector(output, i)));
  }
  local.next_row += rows;
  return rows;
}

void Run(duckdb_function_info info, duckdb_data_chunk output) {
  auto& scan = *static_cast<Scan*>(duckdb_function_get_init_data(info));
  auto& local = *static_cast<ThreadScan*>(duckdb_function_get_local_init_data(info));
  auto rows = Produce(scan, local, output);
  if (!rows) {
    scan.function->failure->Set(rows.error());
    duckdb_function_set_error(info, rows.error().message.c_str());
    return;
  }
  duckdb_data_chunk_set_size(output, static_cast<idx_t>(*rows));
}

}  // namespace

void SourceFailure::Set(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = error;
}

std::optional<Error> SourceFailure::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

Result<std::string> RegisterSource(Session& session, SourceFunction function) {
  for (const auto& field : function.schema->fields()) {
    if (auto type = ToDuckdbType(*field); !type) {
      return std::move(type).error().WithContext("column " + field->name());
    }
  }
  Session::Core& core = session.core();
  if (!core.has_source_function) {
    const LogicalType key(duckdb_create_logical_type(DUCKDB_TYPE_BIGINT));
    duckdb_table_function table = duckdb_create_table_function();
    duckdb_table_function_set_name(table, kName);
    duckdb_table_function_add_parameter(table, key.get());
    duckdb_table_function_set_extra_info(table, &core, nullptr);
    duckdb_table_function_set_bind(table, Bind);
    duckdb_table_function_set_init(table, Init);
    duckdb_table_function_set_local_init(table, LocalInit);
    duckdb_table_function_set_function(table, Run);
    duckdb_table_function_supports_projection_pushdown(table, true);
    const duckdb_state state = duckdb_register_table_function(session.connection(), table);
    duckdb_destroy_table_function(&table);
    if (state != DuckDBSuccess) return InvalidArgument("DuckDB refuses a table function");
    core.has_source_function = true;
  }
  const int64_t number = core.sources.empty() ? 0 : core.sources.rbegin()->first + 1;
  core.sources[number] = std::make_shared<const SourceFunction>(std::move(function));
  return std::string(kName) + '(' + std::to_string(number) + ')';
}

}  // namespace daypart::query
