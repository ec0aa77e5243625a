// SPDX-License-Identifier: Apache-2.0
//
// The spool: for each row a JSON header line with the lengths, then the raw bytes; read back in
// batches.
#include "ingest/quarantine.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/array/builder_time.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <array>
#include <cerrno>
#include <utility>

#include "iceberg/schema_update.h"
#include "lake/arrow_io.h"
#include "lake/arrow_schema.h"
#include "lake/commit.h"
#include "source/shared_source.h"

namespace daypart::ingest {
namespace {

/// Rows handed to the writer at a time.
constexpr int64_t kBatchRows = 4096;

std::shared_ptr<arrow::Schema> QuarantineSchema() {
  return arrow::schema(
      {arrow::field("target_table", arrow::utf8(), false),
       arrow::field("source_file", arrow::utf8(), false),
       arrow::field("source_version", arrow::utf8(), false),
       arrow::field("line", arrow::int64(), false),
       arrow::field("byte_offset", arrow::int64(), false),
       arrow::field("column_name", arrow::utf8()), arrow::field("reason", arrow::utf8(), false),
       arrow::field("raw", arrow::binary(), false),
       arrow::field("rejected_at", arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), false),
       arrow::field(kRawFormatColumn, arrow::utf8())});
}

/// Texts of a spooled row, in their order in the spool.
enum SpoolText : size_t { kFile, kVersion, kColumn, kReason, kRaw, kFormat, kTextsCount };

/// Sizes and numbers of one spooled row; its texts follow it.
struct SpoolHeader {
  uint64_t line = 0;
  uint64_t byte_offset = 0;
  std::array<uint64_t, kTextsCount> text_bytes{};
};

class SpoolSource final : public source::SharedSource {
 public:
  SpoolSource(std::FILE* spool, std::string target, UtcMicros now)
      : SharedSource(QuarantineSchema()), spool_(spool), target_(std::move(target)), now_(now) {}

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> NextBatch() override {
    arrow::StringBuilder target;
    arrow::StringBuilder file;
    arrow::StringBuilder version;
    arrow::Int64Builder line;
    arrow::Int64Builder byte_offset;
    arrow::StringBuilder column;
    arrow::StringBuilder reason;
    arrow::BinaryBuilder raw;
    arrow::TimestampBuilder at(schema()->field(8)->type(), arrow::default_memory_pool());
    arrow::StringBuilder format;
    int64_t rows = 0;
    for (; rows < kBatchRows; ++rows) {
      SpoolHeader header;
      if (std::fread(&header, sizeof(header), 1, spool_) != 1) break;
      std::array<std::string, kTextsCount> texts;
      for (size_t i = 0; i < texts.size(); ++i) {
        texts[i].resize(header.text_bytes[i]);
        if (std::fread(texts[i].data(), 1, texts[i].size(), spool_) != texts[i].size()) {
          return SystemError("reading rejected rows back", errno);
        }
      }
      arrow::Status status = target.Append(target_);
      status &= file.Append(texts[kFile]);
      status &= version.Append(texts[kVersion]);
      status &= line.Append(static_cast<int64_t>(header.line));
      status &= byte_offset.Append(static_cast<int64_t>(header.byte_offset));
      status &= texts[kColumn].empty() ? column.AppendNull() : column.Append(texts[kColumn]);
      status &= reason.Append(texts[kReason]);
      status &= raw.Append(texts[kRaw]);
      status &= at.Append(now_.value());
      status &= texts[kFormat].empty() ? format.AppendNull() : format.Append(texts[kFormat]);
      DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(status));
    }
    if (rows == 0) return std::shared_ptr<arrow::RecordBatch>();
    arrow::ArrayVector columns;
    for (arrow::ArrayBuilder* builder : std::initializer_list<arrow::ArrayBuilder*>{
             &target, &file, &version, &line, &byte_offset, &column, &reason, &raw, &at,
             &format}) {
      DAYPART_TRY(auto array, lake::FromArrow(builder->Finish()));
      columns.push_back(std::move(array));
    }
    return arrow::RecordBatch::Make(schema(), rows, std::move(columns));
  }

  std::FILE* spool_;
  std::string target_;
  UtcMicros now_;
};

/// Tables that an earlier version made lack it.
Status AddFormatColumn(const lake::LakeContext& context) {
  return lake::CommitUpdates(
      context, kQuarantineTable,
      [](const iceberg::TableMetadata& metadata) -> Result<std::vector<iceberg::TableUpdate>> {
        std::vector<iceberg::TableUpdate> updates;
        const std::string_view name = kRawFormatColumn;
        if (metadata.current_schema().FindField(name) != nullptr) return updates;
        iceberg::SchemaUpdate update(metadata);
        const auto type = iceberg::Type::Of(iceberg::TypeKind::kString);
        DAYPART_RETURN_IF_ERROR(update.Add({.path = {kRawFormatColumn}, .type = type}));
        updates.emplace_back(iceberg::AddSchema{update.schema()});
        updates.emplace_back(iceberg::SetCurrentSchema{iceberg::SchemaId(-1)});
        return updates;
      });
}

Status EnsureTable(const lake::LakeContext& context) {
  const auto location = context.catalog.MetadataLocation(kQuarantineTable);
  if (location) return AddFormatColumn(context);
  if (location.error().code != ErrorCode::kNotFound) return location.error();
  lake::CreateOptions options;
  DAYPART_TRY(options.schema, lake::FromArrowSchema(*QuarantineSchema()));
  auto created = lake::CreateTable(context, kQuarantineTable, options);
  // Another process may have been first, which serves as well.
  if (!created && created.error().code != ErrorCode::kAlreadyExists) {
    return std::move(created).error();
  }
  return Ok();
}

}  // namespace

Result<std::unique_ptr<Quarantine>> Quarantine::Open(catalog::TableName target) {
  std::FILE* spool = std::tmpfile();
  if (spool == nullptr) return SystemError("opening a temporary file for rejected rows", errno);
  return std::unique_ptr<Quarantine>(new Quarantine(std::move(target), spool));
}

Status Quarantine::Add(const source::InputFile& file, const decode::RejectedRow& reject,
                       const std::string& raw_format) {
  const std::array<const std::string*, kTextsCount> texts{
      &file.location, &file.version, &reject.column, &reject.reason, &reject.raw, &raw_format};
  SpoolHeader header{.line = reject.line, .byte_offset = reject.byte_offset};
  for (size_t i = 0; i < texts.size(); ++i) header.text_bytes[i] = texts[i]->size();
  bool is_written = std::fwrite(&header, sizeof(header), 1, spool_.get()) == 1;
  for (const std::string* text : texts) {
    is_written &= std::fwrite(text->data(), 1, text->size(), spool_.get()) == text->size();
  }
  if (!is_written) return SystemError("keeping a rejected row", errno);
  ++rows_;
  return Ok();
}

Status Quarantine::Commit(const lake::LakeContext& context) {
  if (rows_ == 0) return Ok();
  DAYPART_RETURN_IF_ERROR(EnsureTable(context));
  if (std::fflush(spool_.get()) != 0) return SystemError("keeping rejected rows", errno);
  std::rewind(spool_.get());
  SpoolSource rows(spool_.get(), ToString(target_), context.clock.Now());
  lake::WriteOptions options;
  options.threads_count = 1;
  const lake::MergeOptions merge{
      .key_columns = {"target_table", "source_file", "source_version", "byte_offset"},
      .inserts_only = true};
  DAYPART_TRY(const auto committed, lake::Merge(context, kQuarantineTable, rows, merge, options));
  (void)committed;
  return Ok();
}

}  // namespace daypart::ingest
