// SPDX-License-Identifier: Apache-2.0
//
// The place's own record is asked for again only when it is so old that it may be gone.
#include "source/kinesis_fetch.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "base/log.h"
#include "source/kinesis_aggregate.h"
#include "source/limits.h"
#include "streamlog/sequence_number.h"

namespace daypart::source {
namespace {

/// A record of a run while the bytes may still move: offsets in RunMemory::bytes.
struct PlacedRecord {
  std::string_view data;
  std::string_view key;
  std::string_view sequence;
  std::optional<uint32_t> sub;
  UtcMicros arrival;
};

/// What the views of a page's runs are of. Does not move once it is made.
struct PageMemory {
  FetchedPage page;
  /// Positions of user records, "<sequence>:<sub>", one behind the other.
  std::string positions;
};

/// Takes a page apart into records behind `place`.
class PageReader {
 public:
  PageReader(FetchedPage page, const KinesisFetch& fetch)
      : memory_(std::make_shared<PageMemory>()), fetch_(fetch) {
    memory_->page = std::move(page);
    is_found_ = !fetch.cursor.is_at_record;
    Cut();
  }

  /// errors: kResourceExhausted if the place's record should have come and did not.
  Status Read(const std::string& stream) {
    for (const FetchedRecord& record : memory_->page.records) {
      const int order = fetch_.place.is_behind_record()
                            ? streamlog::CompareDecimals(record.sequence, fetch_.place.sequence)
                            : 1;
      if (order < 0 || (order == 0 && !fetch_.place.sub)) {
        is_found_ = is_found_ || order == 0;
        continue;  // It was taken before.
      }
      if (order > 0 && !is_found_) DAYPART_RETURN_IF_ERROR(Lose(stream));
      is_found_ = true;
      Add(record, order == 0 ? int64_t{*fetch_.place.sub} + 1 : 0);
    }
    const bool is_last = !memory_->page.next_iterator || memory_->page.behind_ms == 0;
    if (!is_found_ && is_last) DAYPART_RETURN_IF_ERROR(Lose(stream));
    return Ok();
  }

  bool is_found() const { return is_found_; }
  bool is_cut() const { return is_cut_; }
  const FetchedPage& page() const { return memory_->page; }

  /// next: the place behind the page.
  std::vector<RecordRun> Runs(bool is_at_end, KinesisPosition& next) {
    WritePositions();
    std::vector<RecordRun> runs;
    std::string_view last_sequence;
    size_t bytes = 0;
    for (size_t i = 0; i < records_.size(); ++i) {
      const PlacedRecord& placed = records_[i];
      // A new run begins at a record of the service, so that a place is behind whole ones.
      if (runs.empty() || (bytes >= kKinesisRunBytes && placed.sequence != last_sequence)) {
        runs.emplace_back().bytes = memory_;
        bytes = 0;
      }
      last_sequence = placed.sequence;
      runs.back().records.push_back({placed.data, placed.key, PositionOf(i), placed.arrival});
      bytes += placed.data.size() + placed.key.size();
    }
    // Records of which nothing came (empty aggregates) move the place all the same.
    if (runs.empty() && (is_at_end || has_passed())) runs.emplace_back().is_news = true;
    Close(runs, is_at_end, next);
    return runs;
  }

 private:
  void Cut() {
    if (fetch_.cut_sequence.empty()) return;
    std::vector<FetchedRecord>& records = memory_->page.records;
    const auto last = std::find_if(records.begin(), records.end(), [this](const auto& record) {
      return record.sequence == fetch_.cut_sequence;
    });
    if (last == records.end() || last + 1 == records.end()) return;
    records.erase(last + 1, records.end());
    is_cut_ = true;
  }

  Status Lose(const std::string& stream) {
    Error lost = LostRecords(fetch_, stream);
    if (!fetch_.skips_lost) return lost;
    Log(LogLevel::kWarning, lost.message);
    is_found_ = true;
    return Ok();
  }

  void Add(const FetchedRecord& record, int64_t first_sub) {
    const std::string_view bytes = memory_->page.bytes;
    const std::string_view data =
        bytes.substr(record.data_begin, record.data_end - record.data_begin);
    const std::string_view key = bytes.substr(record.data_end, record.key_end - record.data_end);
    const auto packed = UnpackAggregate(data);
    if (!packed) {
      if (first_sub == 0) {
        records_.push_back({data, key, record.sequence, std::nullopt, record.arrival});
      }
      return;
    }
    for (size_t i = static_cast<size_t>(first_sub); i < packed->size(); ++i) {
      records_.push_back({(*packed)[i].data, (*packed)[i].partition_key, record.sequence,
                          static_cast<uint32_t>(i), record.arrival});
    }
  }

  /// Whether the page leads to a place behind the one it was asked for.
  bool has_passed() const {
    const auto& fetched = memory_->page.records;
    if (fetched.empty()) return false;
    if (!fetch_.place.is_behind_record()) return true;
    const int order =
        streamlog::CompareDecimals(fetched.back().sequence, fetch_.place.sequence);
    return order > 0 || (order == 0 && fetch_.place.sub);
  }

  void WritePositions() {
    ends_.reserve(records_.size());
    for (const PlacedRecord& record : records_) {
      if (record.sub) {
        memory_->positions += record.sequence;
        memory_->positions += ':' + std::to_string(*record.sub);
      }
      ends_.push_back(memory_->positions.size());
    }
  }

  std::string_view PositionOf(size_t index) const {
    if (!records_[index].sub) return records_[index].sequence;
    const size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(memory_->positions).substr(begin, ends_[index] - begin);
  }

  /// Places behind the runs, and how far they are from the tip.
  void Close(std::vector<RecordRun>& runs, bool is_at_end, KinesisPosition& next) {
    const auto& fetched = memory_->page.records;
    next = fetch_.place;
    for (RecordRun& run : runs) {
      const bool is_last = &run == &runs.back();
      std::string_view sequence;
      UtcMicros arrival;
      if (!run.records.empty()) {
        sequence = run.records.back().position;
        sequence = sequence.substr(0, sequence.find(':'));
        arrival = run.records.back().arrival;
      }
      if (is_last && has_passed()) {
        sequence = fetched.back().sequence;
        arrival = fetched.back().arrival;
      }
      if (!sequence.empty()) {
        next = {.sequence = std::string(sequence), .sub = std::nullopt, .time_ms = std::nullopt};
        if (arrival.value() > 0) next.time_ms = arrival.value() / 1000;
      }
      run.next_position = ToText(next);
      run.behind_ms = memory_->page.behind_ms;
      if (!fetched.empty() && arrival.value() > 0) {
        run.behind_ms += (fetched.back().arrival.value() - arrival.value()) / 1000;
      }
      run.is_at_end = is_last && is_at_end;
    }
  }

  const std::shared_ptr<PageMemory> memory_;
  const KinesisFetch& fetch_;
  std::vector<PlacedRecord> records_;
  std::vector<size_t> ends_;  // of each record's position in PageMemory::positions
  bool is_found_ = false;
  bool is_cut_ = false;
};

/// False if the call was throttled.
Result<bool> EnsureIterator(KinesisApi& api, Clock& clock, KinesisFetch& fetch) {
  const UtcMicros now = clock.Now();
  const bool is_good =
      !fetch.cursor.iterator.empty() &&
      now.value() - fetch.cursor.made.value() < kKinesisIteratorMicrosMax &&
      (fetch.cursor.is_at_record ||
       now.value() - fetch.cursor.proven.value() < kKinesisProofMicros ||
       !may_have_lost(fetch.place, now, fetch.retention_micros));
  if (is_good) return true;
  const bool is_at = fetch.place.is_behind_record() &&
                     (fetch.place.sub || may_have_lost(fetch.place, now, fetch.retention_micros));
  DAYPART_TRY(auto iterator, api.Iterator(fetch.shard_id, fetch.place, is_at));
  if (!iterator) return false;
  fetch.cursor = {.iterator = std::move(*iterator), .made = now, .is_at_record = is_at};
  return true;
}

}  // namespace

bool may_have_lost(const KinesisPosition& place, UtcMicros now, int64_t retention_micros) {
  if (!place.is_behind_record()) return false;
  if (!place.time_ms) return true;
  return *place.time_ms * 1000 < now.value() - retention_micros + kKinesisClockMicros;
}

Error LostRecords(const KinesisFetch& fetch, const std::string& stream) {
  const int64_t hours = fetch.retention_micros / 3'600'000'000;
  return ResourceExhausted(
      "records of " + fetch.shard_id + " behind " + ToText(fetch.place) +
      " are expected, but stream " + stream + " keeps " + std::to_string(hours) +
      " hours and may have dropped some; to go on with the oldest that is left set lost_records = "
      "\"skip\" under [stream.NAME] in daypart.toml");
}

Result<KinesisRuns> RunsOfPage(FetchedPage fetched, const KinesisFetch& fetch, UtcMicros asked,
                               const std::string& stream) {
  KinesisRuns out;
  PageReader reader(std::move(fetched), fetch);
  DAYPART_RETURN_IF_ERROR(reader.Read(stream));
  const FetchedPage& page = reader.page();
  // Some servers never tell the end; a closed shard without more records is at it.
  const bool is_drained = fetch.is_closed && page.records.empty() && page.behind_ms == 0;
  const bool is_at_end = (!page.next_iterator || is_drained) && !reader.is_cut();
  out.runs = reader.Runs(is_at_end, out.next);
  out.behind_ms = reader.is_cut() ? std::max<int64_t>(page.behind_ms, 1) : page.behind_ms;
  if (out.behind_ms == 0 && out.next.is_behind_record()) {
    out.next.time_ms = std::max(out.next.time_ms.value_or(0), asked.value() / 1000);
    if (!out.runs.empty()) out.runs.back().next_position = ToText(out.next);
  }
  if (page.next_iterator && !reader.is_cut()) {
    const bool is_proof = fetch.cursor.is_at_record && reader.is_found();
    out.cursor = {.iterator = *page.next_iterator,
                  .made = asked,
                  .is_at_record = fetch.cursor.is_at_record && !reader.is_found(),
                  .proven = is_proof ? asked : fetch.cursor.proven};
  }
  return out;
}

Result<KinesisRuns> FetchRuns(KinesisApi& api, Clock& clock, KinesisFetch fetch) {
  KinesisRuns out;
  out.next = fetch.place;
  for (int attempt = 0; attempt < 2; ++attempt) {
    DAYPART_TRY(const bool has_iterator, EnsureIterator(api, clock, fetch));
    if (!has_iterator) break;
    const UtcMicros asked = clock.Now();
    DAYPART_TRY(PageAnswer answer, api.GetRecords(fetch.cursor.iterator));
    if (!answer.page) {
      if (answer.why == NoPage::kThrottled) break;
      fetch.cursor = {};  // Expired: one more at the same place.
      continue;
    }
    return RunsOfPage(std::move(*answer.page), fetch, asked, api.stream());
  }
  out.cursor = fetch.cursor;
  out.is_throttled = true;
  return out;
}

}  // namespace daypart::source
