// SPDX-License-Identifier: Apache-2.0
//
// A block holds a fixed number of events and the share of demand that belongs to it: its sessions
// start within that time, and its rows are put in order of arrival. Limited by the sort and by
// copying text.
#include "generate/viewership.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace daypart::generate {
namespace {

enum class EventType : uint8_t { kStart, kHeartbeat, kPause, kResume, kStop };
constexpr std::string_view kEventTypeNames[] = {"start", "heartbeat", "pause", "resume", "stop"};

constexpr uint32_t kLadderKbps[] = {400, 800, 1500, 2500, 4000, 6000, 8000};
constexpr size_t kLadderTop = std::size(kLadderKbps) - 1;
constexpr size_t kLadderStart[kDevicesCount] = {4, 1, 2, 2, 4};  // and up to two rungs above
constexpr uint32_t kSecondDeviceShares[kDevicesCount] = {30, 40, 15, 10, 5};

constexpr uint32_t kHeartbeatSeconds = 300;
constexpr uint32_t kClipHeartbeatSeconds = 60;
constexpr int64_t kLateMillisMin = 6 * kMillisPerHour;
constexpr int64_t kLateMillisMax = 48 * kMillisPerHour;
constexpr size_t kRowBytesMax = 1024;

struct Event {
  int64_t time_millis = 0;
  uint32_t session = 0;
  uint32_t buffering_ms = 0;
  uint16_t watch_seconds = 0;
  uint16_t bitrate_kbps = 0;
  EventType type = EventType::kStart;
};

/// What all events of a session have in common, as the text between their event_id and event_type.
struct Session {
  uint32_t csv_offset = 0;
  uint32_t csv_bytes = 0;
  uint32_t json_offset = 0;
  uint32_t json_bytes = 0;
  int64_t late_millis = 0;
};

struct Playback {
  int64_t time_millis = 0;
  uint32_t target_seconds = 0;
  uint32_t period_seconds = kHeartbeatSeconds;
  size_t rung = 0;
  size_t rung_max = 0;
  uint64_t buffering_permille = 0;
};

}  // namespace

/// One block in the making.
class ViewershipBlock {
 public:
  ViewershipBlock(const ViewershipTable& table, uint64_t block, FormattedBlock& out)
      : table_(table),
        options_(table.options_),
        out_(out),
        block_(block),
        begin_(block * kBlockEvents),
        end_(std::min(begin_ + kBlockEvents, options_.events_count)),
        random_(options_.seed, options_.purpose, block),
        late_random_(options_.seed, Purpose::kFaults, ~block) {}

  void Make() {
    events_.reserve(end_ - begin_);
    demand_begin_ = Share(table_.curve_.total(), begin_, options_.events_count);
    demand_end_ = Share(table_.curve_.total(), end_, options_.events_count);
    demand_end_ = std::max(demand_end_, demand_begin_ + 1);
    while (!is_full()) MakeSession();
    SortByArrival();
    Format();
    out_.sessions = sessions_.size();
  }

 private:
  bool is_full() const { return events_.size() == end_ - begin_; }

  /// returns: false once the session must end, because the block or the time span is full.
  bool Emit(EventType type, Playback& playback, uint32_t watch_seconds, uint32_t buffering_ms) {
    if (is_full() || playback.time_millis >= options_.days.end_millis()) return false;
    Event event;
    event.time_millis = playback.time_millis;
    event.session = static_cast<uint32_t>(sessions_.size() - 1);
    event.buffering_ms = buffering_ms;
    event.watch_seconds = static_cast<uint16_t>(watch_seconds);
    event.bitrate_kbps = static_cast<uint16_t>(kLadderKbps[playback.rung]);
    event.type = type;
    events_.push_back(event);
    return true;
  }

  int64_t LateMillis(int64_t start_millis) {
    if (!options_.has_faults || !late_random_.IsPermille(kLateSessionPermille)) return 0;
    const int64_t late_millis = late_random_.Between(kLateMillisMin, kLateMillisMax);
    return start_millis - late_millis >= options_.days.begin_millis() ? late_millis : 0;
  }

  void MakeSession() {
    int64_t start =
        table_.curve_.TimeAt(demand_begin_ + random_.Below(demand_end_ - demand_begin_));
    Session session;
    session.late_millis = LateMillis(start);
    start -= session.late_millis;
    // A draw below a draw: a few viewers watch a lot, many a little.
    const uint64_t place = random_.Below(random_.Below(table_.population_.count) + 1);
    const Viewer viewer = ViewerOf(table_.population_, table_.viewer_order_(place) + 1);
    const Channel& channel =
        table_.lineup_.Choose(viewer, WeekHourOf(start / kMillisPerHour), random_);
    const Content content = table_.lineup_.ChooseContent(channel, random_);
    const size_t device =
        random_.IsPermille(750) ? viewer.device : random_.Pick(kSecondDeviceShares);
    FormatSession(session, viewer, channel, content, device);
    sessions_.push_back(session);

    Playback playback;
    playback.time_millis = start;
    playback.target_seconds = TargetSeconds(content);
    playback.period_seconds = content.type == kClip ? kClipHeartbeatSeconds : kHeartbeatSeconds;
    playback.rung = kLadderStart[device] + random_.Below(3);
    playback.rung_max = std::min(kLadderStart[device] + 2, kLadderTop);
    playback.buffering_permille = kRegionBufferingPermille[viewer.kind.region];
    Play(playback);
  }

  /// How long this viewer stays: a fifth leave at once, a third see the end, others leave between.
  uint32_t TargetSeconds(const Content& content) {
    const uint64_t kind = random_.Below(100);
    const uint32_t length = content.length_seconds;
    if (kind < 20) return static_cast<uint32_t>(random_.Between(5, std::min<int64_t>(length, 120)));
    if (kind < 53) return length;
    return static_cast<uint32_t>(length * static_cast<uint64_t>(random_.Between(5, 95)) / 100 + 1);
  }

  uint32_t Buffering(Playback& playback) {
    if (!random_.IsPermille(playback.buffering_permille)) {
      if (playback.rung < playback.rung_max && random_.IsPermille(150)) ++playback.rung;
      return 0;
    }
    if (playback.rung > 0) --playback.rung;
    return static_cast<uint32_t>(random_.Between(120, 4'000) + random_.Between(0, 2'000));
  }

  void Play(Playback& playback) {
    const auto first_picture_ms =
        static_cast<uint32_t>(random_.Between(150, 900) + random_.Between(0, 1'500));
    if (!Emit(EventType::kStart, playback, 0, first_picture_ms)) return;
    uint32_t watched = 0;
    while (watched < playback.target_seconds) {
      uint32_t step = std::min(playback.period_seconds, playback.target_seconds - watched);
      const bool is_pausing = step > 20 && random_.IsPermille(35);
      if (is_pausing) step = static_cast<uint32_t>(random_.Between(5, step - 5));
      const uint32_t buffering_ms = Buffering(playback);
      watched += step;
      playback.time_millis += int64_t{step} * 1'000 + buffering_ms;
      if (is_pausing) {
        if (!Emit(EventType::kPause, playback, step, buffering_ms)) return;
        playback.time_millis += random_.Between(5'000, 900'000);
        if (!Emit(EventType::kResume, playback, 0, 0)) return;
      } else if (watched < playback.target_seconds) {
        if (!Emit(EventType::kHeartbeat, playback, step, buffering_ms)) return;
      } else if (!random_.IsPermille(15)) {  // some players are switched off and never say stop
        (void)Emit(EventType::kStop, playback, step, buffering_ms);  // the last one either way
      }
    }
  }

  void FormatSession(Session& session, const Viewer& viewer, const Channel& channel,
                     const Content& content, size_t device) {
    // A bijection of (block, number): no two sessions share an id.
    const uint64_t number = MixBits(options_.seed ^ static_cast<uint64_t>(options_.purpose)) ^
                            ((block_ << 16) | sessions_.size());
    const uint64_t id = MixBits(number);
    char* at = texts_.Reserve(kRowBytesMax);
    session.csv_offset = static_cast<uint32_t>(texts_.size());
    char* const csv = at;
    at = PutChar(PutHex(PutText(at, ",s"), id), ',');
    at = PutChar(PutNumber(at, viewer.id), ',');
    at = PutChar(PutNumber(at, channel.id), ',');
    at = PutChar(PutNumber(at, content.id), ',');
    at = PutChar(PutText(at, kContentTypeNames[content.type]), ',');
    at = PutChar(PutText(at, kRegionNames[viewer.kind.region]), ',');
    at = PutChar(PutText(at, kDeviceNames[device]), ',');
    session.csv_bytes = static_cast<uint32_t>(at - csv);
    if (options_.has_jsonl) {
      session.json_offset = session.csv_offset + session.csv_bytes;
      char* const json = at;
      at = PutHex(PutText(at, ",\"session_id\":\"s"), id);
      at = PutNumber(PutText(at, "\",\"viewer_id\":"), viewer.id);
      at = PutNumber(PutText(at, ",\"channel_id\":"), channel.id);
      at = PutNumber(PutText(at, ",\"content_id\":"), content.id);
      at = PutText(PutText(at, ",\"content_type\":\""), kContentTypeNames[content.type]);
      at = PutText(PutText(at, "\",\"region\":\""), kRegionNames[viewer.kind.region]);
      at = PutText(PutText(at, "\",\"device_type\":\""), kDeviceNames[device]);
      at = PutText(at, "\",\"event_type\":\"");
      session.json_bytes = static_cast<uint32_t>(at - json);
    }
    texts_.Commit(at);
  }

  void SortByArrival() {
    static_assert(kBlockEvents <= (1 << 16));
    order_.reserve(events_.size());
    const int64_t begin_millis = options_.days.begin_millis();
    for (size_t index = 0; index < events_.size(); ++index) {
      const Event& event = events_[index];
      const int64_t arrival =
          event.time_millis + sessions_[event.session].late_millis - begin_millis;
      order_.push_back((static_cast<uint64_t>(arrival) << 16) | index);
    }
    std::sort(order_.begin(), order_.end());
  }

  void Format() {
    std::vector<PlannedFault> plan;
    if (options_.has_faults) plan = PlanFaults(options_.seed, {begin_, end_});
    const uint64_t first_row = begin_ + (options_.has_faults ? ExtraRowsCount(begin_) : 0);
    auto fault = plan.begin();
    for (size_t row = 0; row < order_.size(); ++row) {
      const Event& event = events_[order_[row] & 0xFFFF];
      const uint64_t event_id = options_.first_event_id + begin_ + row;
      if (sessions_[event.session].late_millis != 0) {
        out_.faults.push_back({first_row + out_.rows, FaultKind::kLate, event_id});
      }
      PutRow(event, event_id, out_.csv, out_.jsonl);
      ++out_.rows;
      for (; fault != plan.end() && fault->row == row; ++fault) {
        PutFault(*fault, event, event_id, first_row);
      }
    }
  }

  void PutFault(const PlannedFault& fault, const Event& event, uint64_t event_id,
                uint64_t first_row) {
    if (fault.kind == FaultKind::kDuplicate) {
      out_.faults.push_back({first_row + out_.rows, fault.kind, event_id});
      PutRow(event, event_id, out_.csv, out_.jsonl);
    } else {
      const uint64_t broken_id = options_.first_broken_id + fault.ordinal * kFaultKindsCount +
                                 static_cast<uint64_t>(fault.kind);
      out_.faults.push_back({first_row + out_.rows, fault.kind, broken_id});
      RowBuffer csv;
      RowBuffer jsonl;
      PutRow(event, broken_id, csv, jsonl);
      out_.csv.Append(BreakCsvRow(fault.kind, csv.view()));
      if (options_.has_jsonl) out_.jsonl.Append(BreakJsonRow(fault.kind, jsonl.view()));
    }
    ++out_.rows;
  }

  void PutRow(const Event& event, uint64_t event_id, RowBuffer& csv, RowBuffer& jsonl) {
    const Session& session = sessions_[event.session];
    const std::string_view type = kEventTypeNames[static_cast<size_t>(event.type)];
    char* at = PutNumber(csv.Reserve(kRowBytesMax), event_id);
    at = PutText(at, texts_.view().substr(session.csv_offset, session.csv_bytes));
    at = PutChar(PutText(at, type), ',');
    at = PutChar(time_text_.PutTimestamp(at, event.time_millis), ',');
    at = PutChar(PutNumber(at, event.watch_seconds), ',');
    at = PutChar(PutNumber(at, event.bitrate_kbps), ',');
    at = PutChar(PutNumber(at, event.buffering_ms), '\n');
    csv.Commit(at);
    if (!options_.has_jsonl) return;
    at = PutNumber(PutText(jsonl.Reserve(kRowBytesMax), "{\"event_id\":"), event_id);
    at = PutText(at, texts_.view().substr(session.json_offset, session.json_bytes));
    at = PutText(PutText(at, type), "\",\"event_time\":\"");
    at = PutText(time_text_.PutTimestamp(at, event.time_millis), "\",\"watch_seconds\":");
    at = PutText(PutNumber(at, event.watch_seconds), ",\"bitrate_kbps\":");
    at = PutText(PutNumber(at, event.bitrate_kbps), ",\"buffering_ms\":");
    at = PutText(PutNumber(at, event.buffering_ms), "}\n");
    jsonl.Commit(at);
  }

  const ViewershipTable& table_;
  const ViewershipOptions& options_;
  FormattedBlock& out_;
  const uint64_t block_;
  const uint64_t begin_;  // of all events
  const uint64_t end_;
  RandomStream random_;
  RandomStream late_random_;
  uint64_t demand_begin_ = 0;
  uint64_t demand_end_ = 0;
  std::vector<Session> sessions_;
  RowBuffer texts_;  // of the sessions
  std::vector<Event> events_;
  std::vector<uint64_t> order_;  // arrival in milliseconds << 16 | index of the event
  TimeText time_text_;
};

ViewershipTable::ViewershipTable(const ViewershipOptions& options, const Lineup& lineup,
                                 const ViewerPopulation& population)
    : options_(options),
      lineup_(lineup),
      population_(population),
      curve_(lineup, options.days, 0),
      viewer_order_(population.count, RandomStream(population.seed, Purpose::kSession, 0)) {}

uint64_t ViewershipTable::blocks_count() const {
  return (options_.events_count + kBlockEvents - 1) / kBlockEvents;
}

void ViewershipTable::FormatBlock(uint64_t block, FormattedBlock& out) const {
  ViewershipBlock(*this, block, out).Make();
}

}  // namespace daypart::generate
