// SPDX-License-Identifier: Apache-2.0
//
// An hour of a channel in a region has four pods of four places. The hour's ads take places in an
// order that a permutation gives, so that no two share one unless there are more ads than places.
#include "generate/ad_table.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace daypart::generate {
namespace {

constexpr uint64_t kPods = 4;
constexpr uint64_t kPlaces = 4;  // of a pod
constexpr int64_t kPodMinutes[kPods] = {10, 25, 40, 55};
constexpr int64_t kPlaceMillis = 30'000;
constexpr uint64_t kCampaigns = 200;
constexpr uint64_t kFirstCampaignId = 1'001;

/// A viewer of the data stands for so many people: the data is a panel.
constexpr uint64_t kPersonsPerViewer = 100;
/// So many of a hundred people watch in the busiest hour.
constexpr uint64_t kPeakUsePercent = 40;

constexpr std::string_view kAdvertisers[] = {
    "Acorn Insurance",    "Bluebird Airlines",    "Copper Kettle Coffee",
    "Dune Motors",        "Elm & Oak Homes",      "Fathom Mobile",
    "Greenleaf Grocers",  "\"Hale, Finch & Co\"", "Ironwood Tools",
    "Jetstream Travel",   "Kite Streaming",       "Lantern Bank",
    "Maple Pharmacy",     "Nimbus Cloud",         "Opal Cosmetics",
    "Pinecrest Outdoors", "Quill Education",      "Riverbend Beer",
    "Saffron Foods",      "Tern Electronics",     "Umber Furniture",
    "Vista Eyewear",      "Willow Health",        "Zephyr Energy"};  // as CSV cells

/// A campaign's flight, as shares of the span in per cent, and how well its ads do.
struct Campaign {
  uint64_t number = 0;
  int64_t flight_begin = 0;
  int64_t flight_end = 100;
  uint64_t clicks_per_million = 0;
};

Campaign CampaignOf(uint64_t seed, uint64_t number) {
  RandomStream random(seed, Purpose::kCampaign, number);
  Campaign campaign;
  campaign.number = number;
  campaign.flight_begin = std::max<int64_t>(random.Between(-40, 70), 0);
  campaign.flight_end = std::min<int64_t>(campaign.flight_begin + random.Between(30, 110), 100);
  campaign.clicks_per_million =
      static_cast<uint64_t>(random.Between(300, 1'500) + random.Between(0, 2'500));
  return campaign;
}

}  // namespace

/// One block in the making.
class AdBlock {
 public:
  AdBlock(const AdTable& table, uint64_t block, FormattedBlock& out)
      : table_(table),
        out_(out),
        begin_(block * kBlockAds),
        end_(std::min(begin_ + kBlockAds, table.options_.rows_count)),
        random_(table.options_.seed, Purpose::kAds, block) {}

  void Make() {
    uint64_t hour = FirstHour();
    for (uint64_t ad = begin_; ad < end_; ++ad) {
      while (ad >= table_.AdsBefore(hour + 1)) {
        ++hour;
        places_.reset();
      }
      MakeAd(ad, hour);
    }
  }

 private:
  struct Spot {
    const Channel* channel = nullptr;
    size_t region = 0;
    uint64_t place = 0;
    int64_t start_millis = 0;
    size_t daypart = 0;
  };

  uint64_t FirstHour() const {
    uint64_t low = 0;
    uint64_t high = table_.curve_.hours_count() - 1;
    while (low < high) {
      const uint64_t middle = (low + high + 1) / 2;
      if (table_.AdsBefore(middle) <= begin_) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  Spot SpotOf(uint64_t ad, uint64_t hour) {
    const uint64_t places_count =
        table_.lineup_.channels().size() * kRegionsCount * kPods * kPlaces;
    const int64_t hour_number = table_.curve_.begin_hour() + static_cast<int64_t>(hour);
    if (!places_) {
      // Named by the hour, not by the block: two blocks may share an hour.
      places_.emplace(places_count, RandomStream(table_.options_.seed, Purpose::kAds,
                                                 ~static_cast<uint64_t>(hour_number)));
    }
    const uint64_t number = (*places_)((ad - table_.AdsBefore(hour)) % places_count);
    Spot spot;
    spot.place = number % kPlaces;
    const uint64_t pod = number / kPlaces % kPods;
    spot.region = number / (kPlaces * kPods) % kRegionsCount;
    spot.channel = &table_.lineup_.channels()[number / (kPlaces * kPods * kRegionsCount)];
    spot.start_millis = hour_number * kMillisPerHour + kPodMinutes[pod] * 60'000 +
                        static_cast<int64_t>(spot.place) * kPlaceMillis;
    spot.daypart = DaypartOf(static_cast<uint32_t>(spot.start_millis % kMillisPerDay / 60'000));
    return spot;
  }

  uint64_t Impressions(const Spot& spot) {
    const uint64_t persons = table_.options_.viewers_count * kPersonsPerViewer;
    const size_t week_hour = WeekHourOf(spot.start_millis / kMillisPerHour);
    const uint64_t demand = table_.lineup_.ChannelDemand(*spot.channel, week_hour);
    // Lineup::Demand is in millions of what ChannelDemand counts in.
    const auto audience =
        static_cast<uint64_t>(static_cast<unsigned __int128>(persons) * demand * kPeakUsePercent /
                              100 / table_.peak_demand_ / 1'000'000);
    const auto noise = static_cast<uint64_t>(random_.Between(700, 1'300));
    const auto scaled =
        static_cast<unsigned __int128>(audience) * kRegionShares[spot.region] * noise;
    return static_cast<uint64_t>((scaled + random_.Below(100'000)) / 100'000);
  }

  uint64_t DurationSeconds(const Spot& spot) {
    const uint64_t kind = random_.Below(10);
    if (kind < 4) return 15;
    return kind == 9 && spot.place == kPlaces - 1 ? 60 : 30;
  }

  /// A campaign that runs on that day; the early numbers are the big spenders.
  Campaign ChooseCampaign(const Spot& spot) {
    const DaySpan& days = table_.options_.days;
    const int64_t percent =
        (spot.start_millis - days.begin_millis()) * 100 / (days.end_millis() - days.begin_millis());
    Campaign campaign;
    for (int attempt = 0; attempt < 8; ++attempt) {
      campaign = CampaignOf(table_.options_.seed, random_.Below(random_.Below(kCampaigns) + 1));
      if (percent >= campaign.flight_begin && percent < campaign.flight_end) break;
    }
    return campaign;
  }

  void MakeAd(uint64_t ad, uint64_t hour) {
    const Spot spot = SpotOf(ad, hour);
    const Campaign campaign = ChooseCampaign(spot);
    const uint64_t duration_seconds = DurationSeconds(spot);
    const uint64_t impressions = Impressions(spot);
    const uint64_t clicks =
        (impressions * campaign.clicks_per_million + random_.Below(1'000'000)) / 1'000'000;
    const auto noise = static_cast<uint64_t>(random_.Between(900, 1'100));
    // In 1/10000 USD: cents * 100, CPM per 1000, daypart in per cent, noise in per mille.
    const auto revenue = static_cast<uint64_t>(
        (static_cast<unsigned __int128>(impressions) * spot.channel->base_cpm_cents * 100 *
             kDaypartCpmPercent[spot.daypart] * noise +
         50'000'000) /
        100'000'000);
    const int64_t updated_millis =
        spot.start_millis + random_.Between(kMillisPerHour, 72 * kMillisPerHour);
    char* at = out_.csv.Reserve(512);
    at = PutChar(PutNumber(at, ad + 1), ',');
    at = PutChar(PutNumber(at, kFirstCampaignId + campaign.number), ',');
    at = PutChar(PutText(at, kAdvertisers[campaign.number % std::size(kAdvertisers)]), ',');
    at = PutChar(PutNumber(at, spot.channel->id), ',');
    at = PutChar(PutText(at, kRegionNames[spot.region]), ',');
    at = PutChar(time_text_.PutTimestamp(at, spot.start_millis), ',');
    at = PutChar(PutText(at, kDaypartNames[spot.daypart]), ',');
    at = PutChar(PutNumber(at, duration_seconds), ',');
    at = PutChar(PutNumber(at, impressions), ',');
    at = PutChar(PutNumber(at, clicks), ',');
    at = PutChar(PutDecimal(at, revenue, 4), ',');
    at = PutChar(time_text_.PutTimestamp(at, updated_millis), '\n');
    out_.csv.Commit(at);
    ++out_.rows;
  }

  const AdTable& table_;
  FormattedBlock& out_;
  const uint64_t begin_;
  const uint64_t end_;
  RandomStream random_;
  std::optional<StridePermutation> places_;  // of the hour at work
  TimeText time_text_;
};

namespace {

uint64_t PeakDemand(const Lineup& lineup) {
  uint64_t peak = 0;
  for (size_t hour = 0; hour < kWeekHours; ++hour) peak = std::max(peak, lineup.Demand(hour));
  return peak;
}

}  // namespace

AdTable::AdTable(const AdOptions& options, const Lineup& lineup)
    : options_(options),
      lineup_(lineup),
      peak_demand_(PeakDemand(lineup)),
      // Pods are sold at night too, if fewer: with the audience alone to go by the small hours
      // would have next to none.
      curve_(lineup, options.days, peak_demand_ / 3) {}

uint64_t AdTable::blocks_count() const { return (options_.rows_count + kBlockAds - 1) / kBlockAds; }

uint64_t AdTable::AdsBefore(uint64_t hour) const {
  return Share(options_.rows_count, curve_.Before(hour), curve_.total());
}

void AdTable::FormatBlock(uint64_t block, FormattedBlock& out) const {
  AdBlock(*this, block, out).Make();
}

}  // namespace daypart::generate
