// SPDX-License-Identifier: Apache-2.0
//
// Chunk after chunk: read, decode, table, files, quarantine.
#include "ingest/quarantine_replay.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "ingest/csv_form.h"
#include "ingest/limits.h"
#include "ingest/quarantine.h"
#include "lake/arrow_io.h"
#include "lake/batch_list.h"
#include "lake/change_rows.h"
#include "lake/checkpoint.h"
#include "lake/table_scan.h"
#include "source/directory_record_source.h"

namespace daypart::ingest {
namespace {

using nlohmann::json;

/// As of ReadRecords, in this order. An earlier version's table lacks the last one.
std::vector<std::string> RecordColumns(const iceberg::Schema& quarantine) {
  std::vector<std::string> columns = {"target_table", "source_file", "source_version",
                                      "byte_offset", "raw"};
  const std::string_view format = kRawFormatColumn;
  if (quarantine.FindField(format) != nullptr) columns.emplace_back(format);
  return columns;
}

/// The text of a utf8 or dictionary<utf8> or binary column.
std::string_view TextAt(const arrow::Array& column, int64_t row) {
  if (column.type_id() == arrow::Type::DICTIONARY) {
    const auto& coded = static_cast<const arrow::DictionaryArray&>(column);
    return TextAt(*coded.dictionary(), coded.GetValueIndex(row));
  }
  // StringArray is a BinaryArray.
  return static_cast<const arrow::BinaryArray&>(column).GetView(row);
}

QuarantineKey KeyAt(const arrow::RecordBatch& batch, int64_t row) {
  return {std::string(TextAt(*batch.column(1), row)), std::string(TextAt(*batch.column(2), row)),
          static_cast<const arrow::Int64Array&>(*batch.column(3)).Value(row)};
}

/// What two equal ids have in common; nullopt for a null.
std::optional<std::string> IdAt(const arrow::Array& ids, int64_t row) {
  if (ids.IsNull(row)) return std::nullopt;
  switch (ids.type_id()) {
    case arrow::Type::INT32:
      return std::to_string(static_cast<const arrow::Int32Array&>(ids).Value(row));
    case arrow::Type::INT64:
      return std::to_string(static_cast<const arrow::Int64Array&>(ids).Value(row));
    case arrow::Type::STRING:
    case arrow::Type::DICTIONARY: return std::string(TextAt(ids, row));
    default: break;
  }
  const auto value = ids.GetScalar(row);
  if (!value.ok()) return std::nullopt;
  return (*value)->ToString();
}

/// Calls `look` with each batch of the quarantine's rows for this table.
Status ScanQuarantine(const lake::LakeContext& context, const lake::LoadedTable& quarantine,
                      const std::string& target, bool has_positions,
                      const std::function<Result<bool>(const arrow::RecordBatch&)>& look) {
  const iceberg::Schema& schema = quarantine.metadata.current_schema();
  const auto* field = schema.FindField(std::string_view("target_table"));
  if (field == nullptr) {
    return CorruptData(ToString(kQuarantineTable) + ": a column target_table is expected");
  }
  const auto filter = iceberg::Expression::Compare(iceberg::ExpressionKind::kEqual, field->id,
                                                   iceberg::Literal(target));
  DAYPART_TRY(auto plan, lake::PlanScan(context, quarantine, filter));
  DAYPART_TRY(const auto scan, lake::OpenScan(context, quarantine, std::move(plan),
                                              RecordColumns(schema), has_positions));
  DAYPART_TRY(const auto cursor, scan->NewCursor());
  while (true) {
    DAYPART_TRY(const auto batch, cursor->Next());
    if (batch == nullptr) return Ok();
    DAYPART_TRY(const bool goes_on, look(*batch));
    if (!goes_on) return Ok();
  }
}

}  // namespace

QuarantineReplay::QuarantineReplay(const lake::LakeContext& context, Clock& clock,
                                   ReplayOptions options)
    : context_(context),
      clock_(clock),
      options_(std::move(options)),
      ledger_key_("daypart.replay." + options_.table.source_name) {}

Result<ReplayReport> QuarantineReplay::Run() {
  if (!options_.is_dry_run) DAYPART_RETURN_IF_ERROR(FinishEarlier());
  while (true) {
    DAYPART_RETURN_IF_ERROR(context_.cancel.Check());
    DAYPART_TRY(const bool goes_on, ReplaySome());
    if (!goes_on) return report_;
  }
}

Result<std::vector<QuarantineReplay::KeptRecord>> QuarantineReplay::ReadRecords(
    const Filter& is_wanted) const {
  std::vector<KeptRecord> records;
  const auto quarantine = lake::LoadTable(context_, kQuarantineTable);
  if (!quarantine && quarantine.error().code == ErrorCode::kNotFound) return records;
  if (!quarantine) return quarantine.error();
  const std::string target = ToString(options_.table.table);
  int64_t bytes = 0;
  const auto look = [&](const arrow::RecordBatch& batch) -> Result<bool> {
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (TextAt(*batch.column(0), row) != target) continue;
      QuarantineKey key = KeyAt(batch, row);
      if (!is_wanted(key)) continue;
      std::string raw(TextAt(*batch.column(4), row));
      bytes += static_cast<int64_t>(raw.size());
      KeptRecord& kept = records.emplace_back();
      kept.key = std::move(key);
      kept.raw = std::move(raw);
      const auto format = batch.GetColumnByName(kRawFormatColumn);
      if (format != nullptr && format->IsValid(row)) kept.raw_format = TextAt(*format, row);
      const bool is_full = static_cast<int64_t>(records.size()) >= options_.commit_rows_max ||
                           bytes >= kRejectBytesMax;
      if (is_full) return false;
    }
    return true;
  };
  DAYPART_RETURN_IF_ERROR(ScanQuarantine(context_, *quarantine, target, false, look));
  return records;
}

std::string QuarantineReplay::WhyLeft(const KeptRecord& record) {
  // A line that was cut may look whole: its last text would be half of what was sent.
  if (static_cast<int64_t>(record.raw.size()) >= kRecordBytesMax) {
    return "expected a whole record, found one that was kept cut: send it again, shorter";
  }
  if (record.raw_format.empty() && source::is_csv_name(std::get<0>(record.key))) {
    return "expected the header of the line's CSV file, found a line kept without it, by daypart "
           "load or by an earlier version: put it into a file with the header and send it again";
  }
  if (record.raw_format.empty()) return {};
  const auto form = CsvFormFromJson(record.raw_format);
  return form ? std::string() : form.error().message;
}

Result<DecodedRun> QuarantineReplay::DecodeOne(RecordDecoder& decoder,
                                               const KeptRecord& record) const {
  InputRun input{.source_name = options_.table.source_name, .shard_id = "", .run = {}};
  if (record.raw_format.empty()) {
    source::RecordRun run;
    run.records.push_back(
        {.data = record.raw, .partition_key = {}, .position = "0", .arrival = UtcMicros(0)});
    input.run = std::move(run);
    return decoder.Decode(input);
  }
  DAYPART_TRY(auto form, CsvFormFromJson(record.raw_format));
  source::LineRun run;
  run.text = record.raw;
  run.file = std::get<0>(record.key);
  run.csv_columns = std::move(form.columns);
  run.csv_delimiter = form.delimiter;
  input.run = std::move(run);
  return decoder.Decode(input);
}

Result<QuarantineReplay::Fitting> QuarantineReplay::Decode(
    const lake::LoadedTable& table, const std::vector<KeptRecord>& records,
    std::vector<std::string>& reasons) const {
  DAYPART_TRY(const auto decoder,
              RecordDecoder::Make(clock_, {.schema = table.metadata.current_schema(),
                                           .source_names = SourceNames(table.metadata),
                                           .time_column = options_.table.time_column,
                                           .ahead_micros_max = options_.ahead_micros_max,
                                           .coerce_strings = options_.coerce_strings}));
  reasons.assign(records.size(), "");
  Fitting fitting;
  lake::BatchList batches(decoder->arrow_schema());
  lake::BatchList few(decoder->arrow_schema());
  // Record by record, so that each row's record is known: these are few beside a stream's.
  for (size_t i = 0; i < records.size(); ++i) {
    reasons[i] = WhyLeft(records[i]);
    if (!reasons[i].empty()) continue;
    DAYPART_TRY(DecodedRun decoded, DecodeOne(*decoder, records[i]));
    if (!decoded.rejects.empty()) {
      // Without the value, so that reasons come together.
      reasons[i] = decoded.rejects.front().row.reason;
      constexpr std::string_view kFound = ", found ";
      const size_t found = reasons[i].find(kFound);
      const size_t value =
          std::min(reasons[i].find(" \"", found), reasons[i].find(" '", found));
      if (value != std::string::npos) {
        reasons[i].resize(value == found + kFound.size() - 1 ? found : value);
      }
      if (!decoded.rejects.front().row.column.empty()) {
        reasons[i] = decoded.rejects.front().row.column + ": " + reasons[i];
      }
      continue;
    }
    if (decoded.rows == nullptr || decoded.rows->num_rows() == 0) {
      reasons[i] = "expected a record, found none";
      continue;
    }
    fitting.record_of_row.insert(fitting.record_of_row.end(),
                                 static_cast<size_t>(decoded.rows->num_rows()), i);
    few.Add(std::move(decoded.rows));
    if (few.batches_count() >= kReplayBatchRecords) {
      DAYPART_TRY(auto whole, few.Concatenate());
      batches.Add(std::move(whole));
      few.Clear();
    }
  }
  if (few.batches_count() > 0) {
    DAYPART_TRY(auto whole, few.Concatenate());
    batches.Add(std::move(whole));
  }
  DAYPART_TRY(fitting.rows, batches.Concatenate());
  return fitting;
}

Result<QuarantineReplay::Ledger> QuarantineReplay::ReadLedger(
    const lake::LoadedTable& table) const {
  Ledger ledger;
  DAYPART_TRY(std::string text, lake::CheckpointText(table.metadata, ledger_key_));
  if (text.empty()) return ledger;
  if (!text.starts_with('{')) {
    DAYPART_TRY(text, context_.store.Get(text));
  }
  const auto document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool is_whole = document.is_object() && document.value("version", 0) == 1 &&
                        document.contains("id") && document["id"].is_string() &&
                        document.contains("records") && document["records"].is_array();
  if (!is_whole) return CorruptData(ledger_key_ + ": a ledger of a replay is expected");
  ledger.id = document["id"].get<std::string>();
  for (const json& item : document["records"]) {
    const bool is_key = item.is_array() && item.size() == 3 && item[0].is_string() &&
                        item[1].is_string() && item[2].is_number_integer();
    if (!is_key) return CorruptData(ledger_key_ + ": [file, version, offset] is expected");
    ledger.keys.emplace_back(item[0].get<std::string>(), item[1].get<std::string>(),
                             item[2].get<int64_t>());
  }
  return ledger;
}

Status QuarantineReplay::FinishEarlier() {
  DAYPART_TRY(const auto table, lake::LoadTable(context_, options_.table.table));
  DAYPART_TRY(const Ledger ledger, ReadLedger(table));
  if (ledger.keys.empty()) return Ok();
  const std::set<QuarantineKey> keys(ledger.keys.begin(), ledger.keys.end());
  DAYPART_TRY(const auto records,
              ReadRecords([&](const QuarantineKey& key) { return keys.contains(key); }));
  if (records.empty()) return Ok();
  std::vector<std::string> reasons;
  DAYPART_TRY(const Fitting fitting, Decode(table, records, reasons));
  if (fitting.rows != nullptr) DAYPART_RETURN_IF_ERROR(AddToFiles(fitting.rows, ledger.id));
  report_.replayed += static_cast<int64_t>(records.size());
  return RemoveFromQuarantine(keys);
}

Result<bool> QuarantineReplay::ReplaySome() {
  DAYPART_TRY(const auto records,
              ReadRecords([this](const QuarantineKey& key) { return !seen_.contains(key); }));
  if (records.empty()) return false;
  DAYPART_TRY(const auto table, lake::LoadTable(context_, options_.table.table));
  std::vector<std::string> reasons;
  DAYPART_TRY(Fitting fitting, Decode(table, records, reasons));
  std::set<QuarantineKey> done;
  for (size_t i = 0; i < records.size(); ++i) {
    if (reasons[i].empty()) {
      done.insert(records[i].key);
      continue;
    }
    seen_.insert(records[i].key);
    ++report_.failing;
    ++report_.reasons[reasons[i]];
  }
  if (fitting.rows == nullptr) return true;
  const std::string ledger_id = NewUuid(context_.random);
  std::vector<int32_t> added;
  if (options_.is_dry_run) {
    DAYPART_TRY(added, RowsToAdd(table, fitting));
    seen_.insert(done.begin(), done.end());
  } else {
    DAYPART_TRY(added, AddToTable(records, fitting, ledger_id));
  }
  std::set<size_t> replayed;
  for (const int32_t row : added) {
    replayed.insert(fitting.record_of_row[static_cast<size_t>(row)]);
  }
  report_.replayed += static_cast<int64_t>(replayed.size());
  report_.repeated += static_cast<int64_t>(done.size() - replayed.size());
  if (options_.is_dry_run) return true;
  if (!added.empty()) {
    DAYPART_TRY(const auto rows, TakeRows(fitting.rows, added));
    DAYPART_RETURN_IF_ERROR(AddToFiles(rows, ledger_id));
  }
  DAYPART_RETURN_IF_ERROR(RemoveFromQuarantine(done));
  return true;
}

Result<std::vector<int32_t>> QuarantineReplay::RowsToAdd(const lake::LoadedTable& table,
                                                         const Fitting& fitting) const {
  const std::string id_column = ColumnOf(
      table.metadata.current_schema(), SourceNames(table.metadata), options_.table.id_column);
  const auto ids = id_column.empty() ? nullptr : fitting.rows->GetColumnByName(id_column);
  std::vector<int32_t> rows;
  std::unordered_map<std::string, int32_t> wanted;
  for (int32_t row = 0; row < fitting.rows->num_rows(); ++row) {
    const auto id = ids == nullptr ? std::nullopt : IdAt(*ids, row);
    if (!id) {
      rows.push_back(row);
    } else {
      wanted.emplace(*id, row);
    }
  }
  if (!wanted.empty()) {
    DAYPART_TRY(auto plan, lake::PlanScan(context_, table, iceberg::Expression::True()));
    DAYPART_TRY(const auto scan,
                lake::OpenScan(context_, table, std::move(plan), {id_column}));
    DAYPART_TRY(const auto cursor, scan->NewCursor());
    while (!wanted.empty()) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      for (int64_t row = 0; row < batch->num_rows(); ++row) {
        if (const auto id = IdAt(*batch->column(0), row)) wanted.erase(*id);
      }
    }
  }
  for (const auto& [id, row] : wanted) rows.push_back(row);
  std::sort(rows.begin(), rows.end());
  return rows;
}

Result<std::vector<int32_t>> QuarantineReplay::AddToTable(const std::vector<KeptRecord>& records,
                                                          Fitting& fitting,
                                                          const std::string& ledger_id) {
  for (int attempt = 1;; ++attempt) {
    DAYPART_TRY(const auto table, lake::LoadTable(context_, options_.table.table));
    DAYPART_TRY(const auto rows, RowsToAdd(table, fitting));
    if (rows.empty()) return rows;
    Ledger ledger{.id = ledger_id, .keys = {}};
    std::set<size_t> named;
    for (const int32_t row : rows) {
      const size_t record = fitting.record_of_row[static_cast<size_t>(row)];
      if (named.insert(record).second) ledger.keys.push_back(records[record].key);
    }
    DAYPART_TRY(const auto taken, TakeRows(fitting.rows, rows));
    const Status committed = CommitRows(table, taken, ledger);
    if (committed) return rows;
    if (committed.error().code == ErrorCode::kCommitUnknown) {
      DAYPART_TRY(const auto now, lake::LoadTable(context_, options_.table.table));
      DAYPART_TRY(const Ledger there, ReadLedger(now));
      if (there.id == ledger_id) return rows;
    } else if (committed.error().code != ErrorCode::kConflict || attempt >= kReplayAttemptsMax) {
      return committed.error();
    }
    if (attempt >= kReplayAttemptsMax) return committed.error();
  }
}

Status QuarantineReplay::CommitRows(const lake::LoadedTable& table,
                                    const std::shared_ptr<arrow::RecordBatch>& rows,
                                    const Ledger& ledger) {
  const iceberg::TableMetadata& metadata = table.metadata;
  lake::BatchList source(rows->schema());
  source.Add(rows);
  DAYPART_TRY(const auto files, lake::WriteDataFiles(context_, metadata, source,
                                                     options_.table.write, false));
  lake::SnapshotChange change;
  change.operation = "append";
  change.added_spec_id = metadata.default_spec_id;
  std::vector<std::string> locations;
  for (const lake::WrittenFile& file : files) {
    change.added.push_back(file.file);
    locations.push_back(file.file.location);
  }
  // Nobody has added an event of these ids since they were looked for.
  change.planned_on = metadata.current_snapshot_id;
  change.table_uuid = metadata.table_uuid;
  json records = json::array();
  for (const auto& [file, version, offset] : ledger.keys) {
    records.push_back(json::array({file, version, offset}));
  }
  std::string text =
      json{{"version", 1}, {"id", ledger.id}, {"records", std::move(records)}}.dump();
  if (text.size() > kStateInSummaryBytesMax) {
    const std::string location =
        lake::MetadataDirectory(metadata) + "/replay-" + NewUuid(context_.random) + ".json";
    DAYPART_RETURN_IF_ERROR(context_.store.Put(location, text, store::WriteMode::kIfAbsent));
    text = location;
  }
  // A consumer at work finds its state changed, begins anew and knows the ids of these rows then.
  DAYPART_TRY(StreamState state,
              ReadStreamState(context_, metadata, options_.table.source_name));
  state.replayed_count += rows->num_rows();
  DAYPART_TRY(const std::string state_text, WriteStreamState(context_, metadata, state));
  const std::string state_key = StreamStateKey(options_.table.source_name);
  for (auto* into : {&change.summary, &change.properties}) {
    (*into)[ledger_key_] = text;
    (*into)[state_key] = state_text;
  }
  const auto committed = lake::CommitSnapshot(context_, options_.table.table, change);
  if (committed) return Ok();
  if (committed.error().code != ErrorCode::kCommitUnknown) {
    lake::RemoveUncommitted(context_, locations);
  }
  return committed.error();
}

Status QuarantineReplay::AddToFiles(const std::shared_ptr<arrow::RecordBatch>& rows,
                                    const std::string& ledger_id) {
  if (!options_.files) return Ok();
  for (int attempt = 1;; ++attempt) {
    FilesSink sink(context_, *options_.files);
    const Status added = sink.AddReplayed(rows, ledger_id);
    const bool may_repeat = !added && (added.error().code == ErrorCode::kConflict ||
                                       added.error().code == ErrorCode::kCommitUnknown);
    if (!may_repeat || attempt >= kReplayAttemptsMax) return added;
  }
}

Status QuarantineReplay::RemoveFromQuarantine(const std::set<QuarantineKey>& keys) const {
  const std::string target = ToString(options_.table.table);
  for (int attempt = 1;; ++attempt) {
    DAYPART_TRY(const auto quarantine, lake::LoadTable(context_, kQuarantineTable));
    arrow::StringBuilder files;
    arrow::Int64Builder positions;
    const auto look = [&](const arrow::RecordBatch& batch) -> Result<bool> {
      const auto file = batch.GetColumnByName(lake::kFileColumn);
      const auto position = batch.GetColumnByName(lake::kPositionColumn);
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        if (TextAt(*batch.column(0), row) != target) continue;
        if (!keys.contains(KeyAt(batch, row))) continue;
        arrow::Status status = files.Append(TextAt(*file, row));
        status &= positions.Append(static_cast<const arrow::Int64Array&>(*position).Value(row));
        DAYPART_RETURN_IF_ERROR(lake::StatusFromArrow(status));
      }
      return true;
    };
    DAYPART_RETURN_IF_ERROR(ScanQuarantine(context_, quarantine, target, true, look));
    const int64_t rows_count = files.length();
    if (rows_count == 0) return Ok();
    DAYPART_TRY(auto file_column, lake::FromArrow(files.Finish()));
    DAYPART_TRY(auto position_column, lake::FromArrow(positions.Finish()));
    const auto schema = arrow::schema({arrow::field(lake::kFileColumn, arrow::utf8()),
                                       arrow::field(lake::kPositionColumn, arrow::int64())});
    lake::BatchList gone(schema);
    gone.Add(arrow::RecordBatch::Make(schema, rows_count,
                                      {std::move(file_column), std::move(position_column)}));
    lake::ChangeOptions change;
    change.is_serializable = false;  // records that others add meanwhile stay
    DAYPART_TRY(change.mode, lake::ChangeModeOf(quarantine.metadata, "write.delete.mode"));
    const auto changed =
        lake::ChangeRows(context_, quarantine, gone, change, options_.table.write);
    if (changed) return Ok();
    const bool may_repeat = changed.error().code == ErrorCode::kConflict ||
                            changed.error().code == ErrorCode::kCommitUnknown;
    if (!may_repeat || attempt >= kReplayAttemptsMax) return changed.error();
  }
}

}  // namespace daypart::ingest
