// SPDX-License-Identifier: Apache-2.0
//
// Arrow's C data interface in both directions between DuckDB and our sources.
#include "query/duckdb_rows.h"

#include <arrow/array.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <duckdb.h>

#include <utility>

#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"
#include "query/limits.h"

namespace daypart::query {
namespace {

/// Takes an error object's message and frees it.
Error TakeError(duckdb_error_data data) {
  Error error = FromDuckdb(duckdb_error_data_message(data));
  duckdb_destroy_error_data(&data);
  return error;
}

Status CheckError(duckdb_error_data data) {
  if (data == nullptr) return Ok();
  if (duckdb_error_data_has_error(data)) return TakeError(data);
  duckdb_destroy_error_data(&data);
  return Ok();
}

class DuckdbRows final : public Rows {
 public:
  DuckdbRows(std::unique_ptr<Session> session, const ScanStatistics& statistics,
             std::unique_ptr<StatementSources> sources)
      : sources_(std::move(sources)), session_(std::move(session)), statistics_(statistics) {}

  ~DuckdbRows() override {
    if (has_result_) duckdb_destroy_result(&result_);
    if (options_ != nullptr) duckdb_destroy_arrow_options(&options_);
    if (statement_ != nullptr) duckdb_destroy_prepare(&statement_);
  }
  DuckdbRows(const DuckdbRows&) = delete;
  DuckdbRows& operator=(const DuckdbRows&) = delete;

  Status Start(const std::string& sql) {
    if (duckdb_prepare(session_->connection(), sql.c_str(), &statement_) == DuckDBError) {
      return Explained(FromDuckdb(duckdb_prepare_error(statement_)));
    }
    duckdb_pending_result pending = nullptr;
    if (duckdb_pending_prepared_streaming(statement_, &pending) == DuckDBError) {
      Error error = FromDuckdb(duckdb_pending_error(pending));
      duckdb_destroy_pending(&pending);
      return Explained(std::move(error));
    }
    const auto state = duckdb_execute_pending(pending, &result_);
    has_result_ = true;
    duckdb_destroy_pending(&pending);
    if (state == DuckDBError) return Explained(FromDuckdb(duckdb_result_error(&result_)));
    return MakeSchema();
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }
  const ScanStatistics& statistics() const override { return statistics_; }
  Result<std::unique_ptr<source::BatchCursor>> NewCursor() override {
    // The stream is one, so the first cursor has all rows and the others are at their end.
    const bool is_first = !std::exchange(has_cursor_, true);
    return std::unique_ptr<source::BatchCursor>(std::make_unique<Cursor>(*this, is_first));
  }

 private:
  class Cursor final : public source::BatchCursor {
   public:
    Cursor(DuckdbRows& rows, bool is_first) : rows_(rows), is_first_(is_first) {}
    Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
      if (!is_first_) return std::shared_ptr<arrow::RecordBatch>();
      ++index_;
      return rows_.NextBatch();
    }
    uint64_t batch_index() const override { return index_; }

   private:
    DuckdbRows& rows_;
    bool is_first_;
    uint64_t index_ = 0;
  };

  /// A source's own Error instead of DuckDB's words for it.
  Error Explained(Error error) const {
    if (auto cause = sources_->failure.error()) return *std::move(cause);
    return error;
  }

  Status MakeSchema() {
    options_ = duckdb_result_get_arrow_options(&result_);
    const idx_t count = duckdb_column_count(&result_);
    std::vector<duckdb_logical_type> types;
    std::vector<const char*> names;
    std::vector<int> uuids;
    for (idx_t column = 0; column < count; ++column) {
      types.push_back(duckdb_column_logical_type(&result_, column));
      names.push_back(duckdb_column_name(&result_, column));
      if (duckdb_column_type(&result_, column) == DUCKDB_TYPE_UUID) {
        uuids.push_back(static_cast<int>(column));
      }
    }
    ArrowSchema exported{};
    Status status =
        CheckError(duckdb_to_arrow_schema(options_, types.data(), names.data(), count, &exported));
    for (duckdb_logical_type& type : types) duckdb_destroy_logical_type(&type);
    DAYPART_RETURN_IF_ERROR(std::move(status));
    DAYPART_TRY(schema_, lake::FromArrow(arrow::ImportSchema(&exported)));
    // DuckDB exports uuids as texts; a table made of the rows is to have uuids all the same.
    for (const int column : uuids) {
      DAYPART_TRY(schema_, lake::FromArrow(schema_->SetField(
                               column, lake::WithUuidMark(*schema_->field(column)))));
    }
    return Ok();
  }

  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() {
    std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
    int64_t rows = 0;
    // A stream that has ended must not be asked again: DuckDB calls that an error.
    while (!is_at_end_ && rows < kResultBatchRows) {
      duckdb_data_chunk chunk = duckdb_fetch_chunk(result_);
      if (chunk == nullptr) {
        const char* error = duckdb_result_error(&result_);
        is_at_end_ = true;
        if (error != nullptr && *error != '\0') return Explained(FromDuckdb(error));
        session_->EndWell();
        break;
      }
      ArrowArray exported{};
      Status status = CheckError(duckdb_data_chunk_to_arrow(options_, chunk, &exported));
      duckdb_destroy_data_chunk(&chunk);
      DAYPART_RETURN_IF_ERROR(std::move(status));
      DAYPART_TRY(auto batch, lake::FromArrow(arrow::ImportRecordBatch(&exported, schema_)));
      rows += batch->num_rows();
      parts.push_back(std::move(batch));
    }
    if (parts.empty()) return std::shared_ptr<arrow::RecordBatch>();
    if (parts.size() == 1) return parts.front();
    return lake::FromArrow(arrow::ConcatenateRecordBatches(parts));
  }

  std::unique_ptr<StatementSources> sources_;  // outlives the session
  std::unique_ptr<Session> session_;
  ScanStatistics statistics_;
  duckdb_prepared_statement statement_ = nullptr;
  duckdb_arrow_options options_ = nullptr;
  duckdb_result result_{};
  bool has_result_ = false;
  bool has_cursor_ = false;
  bool is_at_end_ = false;
  std::shared_ptr<arrow::Schema> schema_;
};

}  // namespace

Result<std::unique_ptr<Rows>> ExecuteStreaming(std::unique_ptr<Session> session,
                                               const std::string& sql,
                                               const ScanStatistics& statistics,
                                               std::unique_ptr<StatementSources> sources) {
  auto rows = std::make_unique<DuckdbRows>(std::move(session), statistics, std::move(sources));
  DAYPART_RETURN_IF_ERROR(rows->Start(sql));
  return std::unique_ptr<Rows>(std::move(rows));
}

}  // namespace daypart::query
