// SPDX-License-Identifier: Apache-2.0
//
// The order of an epoch, each step safe to die after: files under names that no reader looks at;
// the progress object, put if absent: from here on the epoch counts; the files' moves. A file that
// is not where it was written was moved before, by us or by another that opened the sink meanwhile.
#include "ingest/files_sink.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/calendar.h"
#include "ingest/id_window.h"
#include "ingest/limits.h"
#include "ingest/quarantine.h"
#include "ingest/stream_file_name.h"
#include "lake/batch_list.h"
#include "lake/table_writer.h"

namespace daypart::ingest {
namespace {

using nlohmann::json;

/// As Hive names what has no value.
constexpr char kNoHour[] = "event_date=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__/";

std::string EpochText(int64_t epoch) {
  char text[24];
  std::snprintf(text, sizeof(text), "%012lld", static_cast<long long>(epoch));
  return text;
}

/// <parent>/_<last segment>/<source>, a colon of the source's name being no letter of file names.
std::string HiddenFolder(const FilesSinkOptions& options) {
  const size_t slash = options.folder.rfind('/') + 1;
  std::string source = options.table.source_name;
  std::replace(source.begin(), source.end(), ':', '-');
  return options.folder.substr(0, slash) + '_' + options.folder.substr(slash) + '/' + source;
}

std::string HourFolder(const iceberg::PartitionTuple& hour) {
  const auto* hours = hour.empty() ? nullptr : std::get_if<int32_t>(&hour.front());
  if (hours == nullptr) return kNoHour;
  const int32_t day = *hours >= 0 ? *hours / 24 : (*hours - 23) / 24;
  const CivilDate date = CivilFromDays(day);
  char text[64];
  std::snprintf(text, sizeof(text), "event_date=%04d-%02d-%02d/hour=%02d/",
                static_cast<int>(date.year), static_cast<int>(date.month),
                static_cast<int>(date.day), *hours - day * 24);
  return text;
}

}  // namespace

FilesSink::FilesSink(const lake::LakeContext& context, FilesSinkOptions options)
    : context_(context),
      options_(std::move(options)),
      hidden_folder_(HiddenFolder(options_)),
      table_(context, options_.table) {}

std::string FilesSink::ProgressLocation(int64_t epoch) const {
  return hidden_folder_ + "/progress/" + EpochText(epoch) + ".json";
}

std::string FilesSink::ToText(const Progress& progress) const {
  const auto listed = [](const std::vector<KeptFile>& files) {
    json list = json::array();
    for (const KeptFile& file : files) {
      json item{{"name", file.name}, {"rows", file.rows}, {"bytes", file.bytes}};
      if (!file.pending.empty()) item["pending"] = file.pending;
      list.push_back(std::move(item));
    }
    return list;
  };
  json document{{"version", 1},
                {"epoch", progress.epoch},
                // Tells our object from that of another consumer after a lost answer.
                {"writer", NewUuid(context_.random)},
                {"state", json::parse(StreamStateToJson(progress.state))},
                {"files", listed(progress.files)},
                {"recent", listed(progress.recent)}};
  if (!progress.replay_id.empty()) document["replay"] = progress.replay_id;
  return document.dump();
}

Result<FilesSink::Progress> FilesSink::ReadProgress(const std::string& location) const {
  DAYPART_TRY(const std::string text, context_.store.Get(location));
  const auto document = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool is_whole = document.is_object() && document.value("version", 0) == 1 &&
                        document.contains("epoch") && document["epoch"].is_number_integer() &&
                        document.contains("state") && document["state"].is_object();
  if (!is_whole) {
    return CorruptData(location + ": the progress of a stream, version 1, is expected");
  }
  Progress progress;
  progress.epoch = document["epoch"].get<int64_t>();
  DAYPART_TRY(progress.state,
              StreamStateFromJson(document["state"].dump()).WithContext(location));
  const auto replay = document.find("replay");
  if (replay != document.end() && replay->is_string()) {
    progress.replay_id = replay->get<std::string>();
  }
  const auto read = [&](const char* key, std::vector<KeptFile>& files) -> Status {
    const auto list = document.find(key);
    if (list == document.end() || !list->is_array()) return Ok();
    for (const json& item : *list) {
      const bool is_file = item.is_object() && item.contains("name") && item["name"].is_string();
      if (!is_file) return CorruptData(location + ": a list of files is expected at " + key);
      const auto pending = item.find("pending");
      const auto number = [&item](const char* name) {
        const auto found = item.find(name);
        return found != item.end() && found->is_number_integer() ? found->get<int64_t>() : 0;
      };
      const bool is_pending = pending != item.end() && pending->is_string();
      files.push_back({.pending = is_pending ? pending->get<std::string>() : "",
                       .name = item["name"].get<std::string>(),
                       .rows = number("rows"),
                       .bytes = number("bytes")});
    }
    return Ok();
  };
  DAYPART_RETURN_IF_ERROR(read("files", progress.files));
  DAYPART_RETURN_IF_ERROR(read("recent", progress.recent));
  return progress;
}

Result<int64_t> FilesSink::NewestEpoch() const {
  DAYPART_TRY(const auto listed, context_.store.List(hidden_folder_ + "/progress"));
  int64_t newest = -1;
  for (const store::ObjectInfo& info : listed) {
    const std::string name = info.location.substr(info.location.rfind('/') + 1);
    int64_t epoch = -1;
    (void)std::from_chars(name.data(), name.data() + name.size(), epoch);  // -1 if it is none
    newest = std::max(newest, epoch);
  }
  return newest;
}

Status FilesSink::LoadTable() {
  DAYPART_TRY(auto table, lake::LoadTable(context_, options_.table.table));
  iceberg::TableMetadata metadata;
  metadata.format_version = 2;
  metadata.table_uuid = table.metadata.table_uuid;
  metadata.location = hidden_folder_;
  metadata.last_column_id = table.metadata.last_column_id;
  metadata.current_schema_id = table.metadata.current_schema_id;
  metadata.schemas = table.metadata.schemas;  // with the names that columns had
  metadata.properties = table.metadata.properties;  // names of JSON keys among them
  metadata.properties["write.data.path"] = hidden_folder_ + "/pending";
  const std::string time_column = ColumnOf(metadata.current_schema(), SourceNames(metadata),
                                           options_.table.time_column);
  DAYPART_TRY(auto spec,
              iceberg::ParsePartitionSpec(HourPartition(metadata.current_schema(), time_column),
                                          metadata.current_schema()));
  metadata.default_spec_id = spec.id;
  metadata.partition_specs = {std::move(spec)};
  metadata_ = std::move(metadata);
  return Ok();
}

Status FilesSink::Put(Progress progress) {
  const std::string location = ProgressLocation(progress.epoch);
  const std::string text = ToText(progress);
  const auto conflict = [&] {
    return Conflict("another consumer writes stream " + options_.stream + " to " + name() +
                    "; there may be one at a time");
  };
  const Status put = context_.store.Put(location, text, store::WriteMode::kIfAbsent);
  if (!put) {
    // A lost answer, or another consumer: what stands there tells which.
    const auto there = context_.store.Get(location);
    if (there && *there != text) return conflict();
    if (!there && put.error().code == ErrorCode::kAlreadyExists) return conflict();
    if (!there) return CommitUnknown(put.error().message);
    // It may have its name and the disk not know it: no commit then.
    if (Status sure = context_.store.Confirm(location); !sure) {
      return CommitUnknown(sure.error().message);
    }
  }
  // Objects of old epochs are removed, so that one whose consumer slept through others' epochs
  // finds its place free. Whoever is in front did not read this one, or has moved its files.
  DAYPART_TRY(const int64_t newest, NewestEpoch());
  if (newest > progress.epoch) return conflict();
  progress_ = std::move(progress);
  if (progress_.epoch >= kProgressKept) {
    // A failure leaves one more.
    (void)context_.store.Delete(ProgressLocation(progress_.epoch - kProgressKept));
  }
  return Ok();
}

Status FilesSink::Publish() const {
  const std::vector<KeptFile>& files = progress_.files;
  std::atomic<size_t> next{0};
  return lake::RunInParallel(
      static_cast<int>(std::clamp<size_t>(files.size(), 1, kMovesMax)), [&](int) -> Status {
        for (size_t i = next++; i < files.size(); i = next++) {
          Status shown = Show(files[i]);
          if (shown) continue;
          next = files.size();  // The others are for the next Open, as this one is.
          return shown;
        }
        return Ok();
      });
}

Status FilesSink::Show(const KeptFile& file) const {
  const std::string target = name() + file.name;
  Status moved = context_.store.Move(hidden_folder_ + '/' + file.pending, target);
  if (moved || moved.error().code != ErrorCode::kNotFound) return moved;
  // By a Move that may have failed after it. What is in neither place, somebody has taken away.
  Status sure = context_.store.Confirm(target);
  if (!sure && sure.error().code != ErrorCode::kNotFound) return sure;
  return Ok();
}

void FilesSink::RemoveLeftovers() const {
  const auto listed = context_.store.List(hidden_folder_ + "/pending");
  if (!listed) return;  // Space only, and the next start tries again.
  const int64_t oldest = context_.clock.Now().value() - kPendingMicrosMax;
  for (const store::ObjectInfo& info : *listed) {
    // Younger ones may be those of another consumer that is about to commit them.
    if (info.modified.value() < oldest) (void)context_.store.Delete(info.location);
  }
}

std::string FilesSink::ColumnForKey(const std::string& key) const {
  return ColumnOf(metadata_.current_schema(), SourceNames(metadata_), key);
}

Result<std::vector<std::shared_ptr<arrow::Array>>> FilesSink::RecentIds() const {
  std::vector<std::shared_ptr<arrow::Array>> ids;
  const std::string column = ColumnForKey(options_.table.id_column);
  if (column.empty()) return ids;
  const lake::LoadedTable table{.name = options_.table.table,
                                .metadata_location = {},
                                .metadata = metadata_};
  for (const KeptFile& file : progress_.recent) {
    const std::string location = name() + file.name;
    const auto there = context_.store.Head(location);
    // Files may be moved on by whoever takes them; their ids are then out of the window.
    if (!there && there.error().code == ErrorCode::kNotFound) continue;
    if (!there) return there.error();
    lake::ScanPlan plan;
    lake::ScanFile& scanned = plan.files.emplace_back();
    scanned.file.location = location;
    scanned.file.record_count = file.rows;
    scanned.file.file_bytes = file.bytes;
    scanned.spec_id = metadata_.default_spec_id;
    DAYPART_TRY(const auto scan, lake::OpenScan(context_, table, std::move(plan), {column}));
    DAYPART_TRY(const auto cursor, scan->NewCursor());
    while (true) {
      DAYPART_TRY(const auto batch, cursor->Next());
      if (batch == nullptr) break;
      ids.push_back(batch->column(0));
    }
  }
  return ids;
}

Result<std::optional<OpenedSink>> FilesSink::Open() {
  Status loaded = LoadTable();
  if (!loaded && loaded.error().code == ErrorCode::kNotFound) return std::optional<OpenedSink>();
  DAYPART_RETURN_IF_ERROR(loaded);
  progress_ = Progress{};
  DAYPART_TRY(const int64_t newest, NewestEpoch());
  if (newest >= 0) {
    const std::string location = ProgressLocation(newest);
    DAYPART_RETURN_IF_ERROR(context_.store.Confirm(location));
    DAYPART_TRY(progress_, ReadProgress(location));
    DAYPART_RETURN_IF_ERROR(Publish());
  }
  RemoveLeftovers();
  OpenedSink opened;
  opened.shape = {.schema = metadata_.current_schema(), .source_names = SourceNames(metadata_)};
  opened.state = progress_.state;
  DAYPART_TRY(opened.recent_ids, RecentIds());
  return std::optional(std::move(opened));
}

Result<std::optional<StreamState>> FilesSink::State() const {
  DAYPART_TRY(const int64_t newest, NewestEpoch());
  if (newest < 0) return std::optional<StreamState>();
  DAYPART_TRY(auto progress, ReadProgress(ProgressLocation(newest)));
  return std::optional(std::move(progress.state));
}

Status FilesSink::Create(const std::vector<LearntColumn>& columns) {
  return table_.Create(columns);
}

Result<SinkShape> FilesSink::AddColumns(const std::vector<LearntColumn>& columns) {
  DAYPART_TRY(auto shape, table_.AddColumns(columns));
  DAYPART_RETURN_IF_ERROR(LoadTable());
  return shape;
}

Status FilesSink::KeepRejects(const std::vector<RejectedRecord>& rejects) {
  // Under the table's name: the quarantine has a record once, whichever sink refuses it first.
  return table_.KeepRejects(rejects);
}

FilesSink::Progress FilesSink::After(const std::vector<lake::WrittenFile>& written,
                                     const StreamState& state, const std::string& replay_id) const {
  Progress next{.epoch = progress_.epoch + 1,
                .state = state,
                .replay_id = replay_id.empty() ? progress_.replay_id : replay_id,
                .files = {},
                .recent = progress_.recent};
  const auto names =
      replay_id.empty()
          ? StreamFileNames::OfRange(options_.stream, next.epoch, progress_.state, next.state)
          : StreamFileNames::OfReplay(options_.stream, next.epoch, replay_id);
  for (const lake::WrittenFile& file : written) {
    KeptFile kept{.pending = file.file.location.substr(hidden_folder_.size() + 1),
                  .name = HourFolder(file.file.partition) + names.Name(next.files.size()),
                  .rows = file.file.record_count,
                  .bytes = file.file.file_bytes};
    next.files.push_back(kept);
    kept.pending.clear();
    next.recent.push_back(std::move(kept));
  }
  int64_t recent_rows = 0;
  size_t first = next.recent.size();
  while (first > 0 && recent_rows < options_.table.window_ids_max &&
         next.recent.size() - first < kRecentFilesMax) {
    recent_rows += next.recent[--first].rows;
  }
  next.recent.erase(next.recent.begin(), next.recent.begin() + static_cast<ptrdiff_t>(first));
  return next;
}

Result<EpochCommit> FilesSink::WriteEpoch(source::BatchSource& rows,
                                          const std::function<EpochResult()>& end) {
  DAYPART_TRY(const auto written,
              lake::WriteDataFiles(context_, metadata_, rows, options_.table.write, false));
  EpochCommit out;
  out.epoch = end();
  if (written.empty() && out.epoch.state == progress_.state) return out;
  std::vector<std::string> locations;
  for (const lake::WrittenFile& file : written) {
    locations.push_back(file.file.location);
    out.bytes_written += file.file.file_bytes;
  }
  out.files_written = static_cast<int64_t>(written.size());
  if (Status kept = KeepRejects(out.epoch.rejects); !kept) {
    lake::RemoveUncommitted(context_, locations);
    return std::move(kept).error();
  }
  // After an error it is not told here whether the object is there: the files stay for Open.
  DAYPART_RETURN_IF_ERROR(Put(After(written, out.epoch.state, "")));
  DAYPART_RETURN_IF_ERROR(Publish());
  return out;
}

Status FilesSink::AddReplayed(const std::shared_ptr<arrow::RecordBatch>& rows,
                              const std::string& replay_id) {
  DAYPART_TRY(const auto opened, Open());
  if (!opened) return NotFound(ToString(options_.table.table) + ": the table is expected");
  if (progress_.replay_id == replay_id) return Ok();
  std::shared_ptr<arrow::RecordBatch> fresh = rows;
  const std::string id_column = ColumnForKey(options_.table.id_column);
  const auto ids = id_column.empty() ? nullptr : rows->GetColumnByName(id_column);
  if (ids != nullptr) {
    IdWindow window(INT64_MAX);
    for (const auto& recent : opened->recent_ids) {
      DAYPART_TRY(const auto taken, window.Insert(*recent));
      (void)taken;  // Only what the window then knows matters.
    }
    DAYPART_TRY(const auto kept, window.Insert(*ids));
    DAYPART_TRY(fresh, TakeRows(rows, kept));
  }
  lake::BatchList source(rows->schema());
  if (fresh->num_rows() > 0) source.Add(fresh);
  DAYPART_TRY(const auto written,
              lake::WriteDataFiles(context_, metadata_, source, options_.table.write, false));
  Progress next = After(written, progress_.state, replay_id);
  next.state.replayed_count += fresh->num_rows();
  DAYPART_RETURN_IF_ERROR(Put(std::move(next)));
  return Publish();
}

}  // namespace daypart::ingest
