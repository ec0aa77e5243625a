// SPDX-License-Identifier: Apache-2.0
//
// Open the sink, tell the tail where to begin, then epochs until something ends them.
#include "ingest/stream_consumer.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <optional>
#include <utility>

#include "base/log.h"
#include "ingest/left_out_keys.h"
#include "ingest/limits.h"
#include "lake/table_writer.h"

namespace daypart::ingest {
namespace {

/// Whether the same might work later, or from the sink's own state.
bool is_mendable(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kConflict:
    case ErrorCode::kCommitUnknown: return true;
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruptData:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnsupported:
    case ErrorCode::kCancelled:
    case ErrorCode::kResourceExhausted: return false;
  }
  return false;
}

/// key: "meta.depth", or "meta.*" for whatever is below it.
bool is_of(const LearntColumn& column, std::string_view key) {
  const std::string_view name = column.source_name;
  return name == key || (key.ends_with(".*") && name.starts_with(key.substr(0, key.size() - 1)));
}

}  // namespace

StreamConsumer::StreamConsumer(source::RecordSource& source, Sink& sink, Clock& clock,
                               Random& random, const CancelToken& stop, ConsumerOptions options)
    : source_(source),
      sink_(sink),
      clock_(clock),
      random_(random),
      stop_(stop),
      options_(std::move(options)),
      tail_(source, clock, stop,
            {.id_column = options_.id_column,
             .window_ids_max = options_.window_ids_max,
             .keeps_rows = options_.keeps_rows,
             .kept_bytes_max = options_.kept_bytes_max,
             .evolves = options_.evolves}) {}

int64_t StreamConsumer::uncommitted_ms() const {
  const int64_t failing_since = failing_since_;
  if (is_open_ || failing_since == 0) return tail_.uncommitted_ms();
  return (clock_.Now().value() - failing_since) / 1000;
}

void StreamConsumer::PumpUntilStopped() {
  while (!stop_.is_cancelled()) {
    // A failure is told by Run, which takes from the same tail.
    if (!tail_.Pump()) clock_.Sleep(std::chrono::milliseconds(kRetryMsMin));
  }
}

void StreamConsumer::BackOff(int failures) {
  const int64_t ceiling = std::min(kRetryMsMax, kRetryMsMin << std::min(failures, 10));
  const auto jitter = static_cast<int64_t>(random_.Next() % static_cast<uint64_t>(ceiling / 2 + 1));
  int64_t left = ceiling / 2 + jitter;
  for (; left > 0 && !stop_.is_cancelled(); left -= kRetryMsMin) {
    clock_.Sleep(std::chrono::milliseconds(std::min(left, kRetryMsMin)));
  }
}

Status StreamConsumer::Run() {
  while (true) {
    Status ended = RunOnce();
    if (ended || stop_.is_cancelled()) return ended;
    progress_.failures.fetch_add(1, std::memory_order_relaxed);
    if (failures_ == 0) failing_since_ = clock_.Now().value();
    const std::string what = source_.name() + " into " + sink_.name();
    const bool goes_on = options_.runs_forever ||
                         (is_mendable(ended.error().code) && failures_ + 1 < kFailuresMax);
    if (!goes_on) return std::move(ended).WithContext(what);
    Log(LogLevel::kWarning, what + ": " + ended.error().message + "; trying again");
    BackOff(failures_++);
  }
}

Result<std::shared_ptr<RecordDecoder>> StreamConsumer::DecoderFor(const SinkShape& shape) const {
  DAYPART_TRY(auto decoder, RecordDecoder::Make(clock_, {.schema = shape.schema,
                                                         .source_names = shape.source_names,
                                                         .time_column = options_.time_column,
                                                         .ahead_micros_max =
                                                             options_.ahead_micros_max,
                                                         .coerce_strings =
                                                             options_.coerce_strings}));
  return std::shared_ptr<RecordDecoder>(std::move(decoder));
}

Status StreamConsumer::KeepBroken(InputRun& run) {
  // Any column will do: a record that tells no column has no value for it.
  iceberg::Schema schema;
  schema.fields.push_back({.name = options_.id_column.empty() ? "id" : options_.id_column,
                           .type = iceberg::TypeKind::kString,
                           .doc = ""});
  schema = iceberg::AssignFreshIds(std::move(schema));
  DAYPART_TRY(const auto decoder, DecoderFor({.schema = std::move(schema), .source_names = {}}));
  DAYPART_TRY(const DecodedRun decoded, decoder->Decode(run));
  DAYPART_RETURN_IF_ERROR(sink_.KeepRejects(decoded.rejects));
  progress_.quarantined += static_cast<int64_t>(decoded.rejects.size());
  return Ok();
}

void StreamConsumer::TellOf(const std::vector<LearntColumn>& columns) const {
  for (const LearntColumn& column : columns) {
    if (!column.warning.empty()) Log(LogLevel::kWarning, sink_.name() + ": " + column.warning);
  }
}

Result<bool> StreamConsumer::CreateFromRecords(ShardReader& reader, ColumnSample& sample) {
  while (!sample.is_enough()) {
    DAYPART_TRY(auto run, reader.Next());
    if (!run) break;
    if (!sample.Add(run->input)) {
      DAYPART_RETURN_IF_ERROR(KeepBroken(run->input));
      continue;
    }
    if (!sampled_since_) sampled_since_ = clock_.Now();
    if (clock_.Now().value() - sampled_since_->value() >= kSampleMs * 1000) break;
  }
  if (sample.is_empty()) return false;
  const bool is_over = options_.ends_when_idle
                           ? reader.is_idle()
                           : clock_.Now().value() - sampled_since_->value() >= kSampleMs * 1000;
  if (!sample.is_enough() && !is_over) return false;
  const auto columns = sample.Columns();
  DAYPART_RETURN_IF_ERROR(sink_.Create(columns));
  TellOf(columns);
  // What was looked through is read again and counted then.
  progress_.quarantined = 0;
  return true;
}

Status StreamConsumer::RunOnce() {
  DAYPART_TRY(auto opened, sink_.Open());
  ShardReader first_reader(source_, clock_, StreamState{});
  ColumnSample sample;
  sampled_since_.reset();
  if (!opened) progress_.quarantined = 0;
  while (!opened) {
    if (stop_.is_cancelled()) return Ok();
    DAYPART_TRY(const bool is_created, CreateFromRecords(first_reader, sample));
    if (is_created) {
      DAYPART_TRY(opened, sink_.Open());
    } else if (options_.ends_when_idle && sample.is_empty() && !source_.has_unsettled()) {
      return Ok();
    } else {
      clock_.Sleep(std::chrono::milliseconds(kPollMs));
    }
  }
  DAYPART_RETURN_IF_ERROR(Begin(*std::move(opened)));
  while (true) {
    // What was read beside the commit that a stop fell into is committed as well: an epoch that
    // begins after it takes what is there and ends.
    const bool is_last = stop_.is_cancelled();
    DAYPART_TRY(const EpochResult epoch, RunEpoch());
    if (epoch.needs_columns && !stop_.is_cancelled()) {
      DAYPART_RETURN_IF_ERROR(Evolve());
      continue;
    }
    if (is_last || (options_.ends_when_idle && epoch.is_idle)) return Ok();
  }
}

Status StreamConsumer::Begin(OpenedSink opened) {
  shape_ = std::move(opened.shape);
  is_open_ = true;
  DAYPART_TRY(auto decoder, DecoderFor(shape_));
  return tail_.Reset(std::move(decoder), std::move(opened.state), opened.recent_ids);
}

Result<bool> StreamConsumer::OpenToRead() {
  DAYPART_TRY(auto opened, sink_.Open());
  if (!opened) return false;
  DAYPART_RETURN_IF_ERROR(Begin(*std::move(opened)));
  return true;
}

Result<EpochCommit> StreamConsumer::WriteEpoch(source::BatchSource& rows) {
  const auto end = [this] {
    EpochResult epoch = tail_.EndEpoch();
    epoch.left_out_keys.assign(left_out_keys_.begin(), left_out_keys_.end());
    return epoch;
  };
  if (!options_.decodes_ahead) return sink_.WriteEpoch(rows, end);
  struct EndOfWriting {
    std::atomic<bool>& is_over;
    ~EndOfWriting() { is_over.store(true, std::memory_order_relaxed); }
  };
  std::atomic<bool> is_over{false};
  std::optional<Result<EpochCommit>> commit;
  DAYPART_RETURN_IF_ERROR(lake::RunInParallel(2, [&](int thread) {
    if (thread == 1) {
      tail_.DecodeAhead(is_over);
    } else {
      const EndOfWriting end_of_writing{is_over};
      commit = sink_.WriteEpoch(rows, end);
    }
    return Ok();
  }));
  return std::move(*commit);
}

Result<EpochResult> StreamConsumer::RunEpoch() {
  const auto record_bytes = static_cast<double>(options_.commit_bytes) / written_share_;
  const auto rows = tail_.BeginEpoch(
      {.record_bytes_max = static_cast<int64_t>(record_bytes),
       .ends_at = UtcMicros(clock_.Now().value() + options_.commit_ms * 1000),
       .ends_when_idle = options_.ends_when_idle});
  DAYPART_TRY(const EpochCommit commit, WriteEpoch(*rows));
  const EpochResult& epoch = commit.epoch;
  tail_.Forget(epoch.state);
  failures_ = 0;
  failing_since_ = 0;
  if (commit.bytes_written > 0 && epoch.record_bytes >= kRunBytesMax) {
    written_share_ = std::clamp(static_cast<double>(commit.bytes_written) /
                                    static_cast<double>(epoch.record_bytes),
                                0.01, 4.0);
  }
  progress_.rows += epoch.rows_count;
  progress_.repeated += epoch.repeated_count;
  progress_.quarantined += static_cast<int64_t>(epoch.rejects.size());
  progress_.record_bytes += epoch.record_bytes;
  progress_.bytes_written += commit.bytes_written;
  progress_.files += commit.files_written;
  if (epoch.record_bytes > 0) ++progress_.commits;
  return epoch;
}

Status StreamConsumer::AddColumns(std::vector<LearntColumn>& columns) {
  if (columns.empty()) return Ok();
  auto shape = sink_.AddColumns(columns);
  if (!shape && shape.error().code == ErrorCode::kInvalidArgument) {
    Log(LogLevel::kWarning, sink_.name() + ": " + shape.error().message);
    return Ok();
  }
  if (!shape) return std::move(shape).error();
  shape_ = std::move(shape).value();
  // Of more than a table may have, the first ones were added.
  std::erase_if(columns, [this](const LearntColumn& column) {
    return shape_.schema.FindField(column.name) == nullptr;
  });
  std::string names;
  for (const auto& column : columns) names += (names.empty() ? "" : ", ") + column.name;
  if (!names.empty()) Log(LogLevel::kInfo, sink_.name() + " has new columns: " + names);
  TellOf(columns);
  return Ok();
}

void StreamConsumer::LeaveOut(const std::vector<std::string>& keys) {
  if (keys.empty()) return;
  left_out_keys_.insert(keys.begin(), keys.end());
  Log(LogLevel::kWarning, sink_.name() + " takes no values of " + ListedKeys(keys) +
                              ": arrays, objects without keys, names that differ in case only "
                              "and keys beyond the limit of columns become no columns");
}

Status StreamConsumer::Evolve() {
  const int64_t read_ms = options_.ends_when_idle ? kSampleMs : kSampleMoreMs;
  DAYPART_RETURN_IF_ERROR(tail_.ReadForSample(read_ms));
  StreamTail::UnknownKeys unknown = tail_.TakeUnknown();
  std::vector<LearntColumn> columns = std::move(unknown.csv_columns);
  for (auto& column : LearnColumns(unknown.text, unknown.keys)) {
    columns.push_back(std::move(column));
  }
  DAYPART_RETURN_IF_ERROR(AddColumns(columns));
  // Keys whose values are of no use as a column, or whose name is taken, hold nothing up again.
  std::vector<std::string> without;
  std::ranges::copy_if(unknown.keys, std::back_inserter(without), [&](const std::string& key) {
    return std::ranges::none_of(columns, [&key](const auto& column) { return is_of(column, key); });
  });
  LeaveOut(without);
  DAYPART_TRY(auto decoder, DecoderFor(shape_));
  tail_.SetDecoder(std::move(decoder), unknown.keys);
  return Ok();
}

}  // namespace daypart::ingest
