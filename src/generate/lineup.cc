// SPDX-License-Identifier: Apache-2.0
//
// Making the channels and choosing among them.
#include "generate/lineup.h"

#include <algorithm>
#include <iterator>

namespace daypart::generate {
namespace {

// Sixteen ranks at a time are given to genres like this, so that each has big and small channels.
constexpr Genre kGenrePattern[] = {kNews,   kDrama,       kSports, kMovies, kComedy,    kKids,
                                   kNews,   kReality,     kDrama,  kMusic,  kLifestyle, kSports,
                                   kComedy, kDocumentary, kMovies, kReality};

constexpr std::string_view kFirstNames[] = {
    "Aurora",   "Summit", "Harbor",  "Cedar",  "Beacon", "Meridian", "Lakeside", "Northstar",
    "Granite",  "Willow", "Pioneer", "Silver", "Canyon", "Atlas",    "Ember",    "Juniper",
    "Crescent", "Sierra", "Orchard", "Falcon", "Cobalt", "Prairie",  "Lumen",    "Redwood"};
constexpr std::string_view kLastNames[kGenresCount][4] = {
    {"News", "News Now", "Headlines", "News, Weather & Traffic"},
    {"Sports", "Sports Extra", "Arena", "Game Night"},
    {"Drama", "Stories", "Series", "Originals"},
    {"Comedy", "Laughs", "Sitcoms", "Late Show"},
    {"Movies", "Cinema", "Classics", "Film Club"},
    {"Kids", "Cartoons", "Junior", "Playhouse"},
    {"Music", "Hits", "Live Sessions", "Rhythm"},
    {"Documentary", "Discovery Road", "History", "Nature"},
    {"Reality", "Real Life", "Challenge", "House Party"},
    {"Living", "Kitchen", "Home, Food & Garden", "Travel"}};
constexpr std::string_view kNetworks[] = {"Brightline", "Continental", "Evergreen Media",
                                          "Helix",      "Keystone",    "Monarch",
                                          "Paragon",    "Tidewater"};
constexpr uint32_t kGenreCpmCents[kGenresCount] = {1400, 2600, 2000, 1700, 1800,
                                                   1100, 900,  1300, 1500, 1250};

struct Origin {
  std::string_view country;
  std::string_view language;
};
constexpr Origin kOrigins[] = {{"US", "en"}, {"US", "es"}, {"CA", "en"},
                               {"CA", "fr"}, {"MX", "es"}, {"GB", "en"}};
constexpr uint32_t kOriginShares[] = {74, 10, 5, 2, 4, 5};

/// The most popular channel's weight: large, so that 1/rank keeps its precision to rank 100,000.
constexpr uint64_t kTopPopularity = 1'000'000'000;
constexpr uint64_t kContentsPerChannel = 200;
constexpr uint64_t kContentIdsPerChannel = 1'000;
constexpr int64_t kLaunchDaysMax = 30 * 365;

size_t ChoiceRow(ViewerKind kind, size_t week_hour) {
  const size_t is_weekend = week_hour / 24 >= 5 ? 1 : 0;
  const size_t kind_index =
      (size_t{kind.age_group} * kGendersCount + kind.gender) * kRegionsCount + kind.region;
  return ((kind_index * 2 + is_weekend) * 24 + week_hour % 24) * kGenresCount;
}

/// The `index`-th channel of its genre; unique within it.
std::string ChannelName(size_t genre, uint64_t index) {
  constexpr uint64_t kFirsts = std::size(kFirstNames);
  // Shifted by genre, so that the first channels of all genres are not all of one first name.
  std::string name(kFirstNames[(index + genre * 7) % kFirsts]);
  name += ' ';
  name += kLastNames[genre][index / kFirsts % 4];
  if (index >= kFirsts * 4) name += " " + std::to_string(index / (kFirsts * 4) + 1);
  return name;
}

std::string_view TierOf(uint64_t rank, uint64_t channels_count) {
  if (rank * 100 < channels_count * 15) return "premium";
  return rank * 100 < channels_count * 60 ? "standard" : "niche";
}

uint32_t TierCpmPercent(std::string_view tier) {
  if (tier == "premium") return 160;
  return tier == "standard" ? 100 : 70;
}

}  // namespace

Lineup::Lineup(const LineupOptions& options) : seed_(options.seed) {
  const uint64_t count = options.channels_count;
  channels_.resize(count);
  // Ranks are dealt out at random: a channel's id tells nothing about its popularity.
  std::vector<uint64_t> channel_of_rank(count);
  for (uint64_t i = 0; i < count; ++i) channel_of_rank[i] = i;
  RandomStream shuffle(seed_, Purpose::kLineup, 0);
  for (uint64_t i = count; i > 1; --i)
    std::swap(channel_of_rank[i - 1], channel_of_rank[shuffle.Below(i)]);
  for (uint64_t rank = 0; rank < count; ++rank) {
    const uint64_t index = channel_of_rank[rank];
    RandomStream random(seed_, Purpose::kChannel, index);
    Channel& channel = channels_[index];
    channel.id = index + 1;
    channel.genre = kGenrePattern[rank % std::size(kGenrePattern)];
    channel.popularity = kTopPopularity / (rank + 1);
    channel.name = ChannelName(channel.genre, genre_members_[channel.genre].size());
    channel.network = kNetworks[random.Below(std::size(kNetworks))];
    const Origin& origin = kOrigins[random.Pick(kOriginShares)];
    channel.language = origin.language;
    channel.country = origin.country;
    channel.launch_day =
        options.first_day - static_cast<int32_t>(random.Between(90, kLaunchDaysMax));
    channel.tier = TierOf(rank, count);
    channel.base_cpm_cents =
        static_cast<uint32_t>(kGenreCpmCents[channel.genre] * TierCpmPercent(channel.tier) *
                              static_cast<uint64_t>(random.Between(85, 115)) / 10'000);
    total_popularity_ += channel.popularity;
    genre_popularity_[channel.genre] += channel.popularity;
    genre_members_[channel.genre].push_back(index);
    genre_cumulative_[channel.genre].push_back(genre_popularity_[channel.genre]);
  }
  FillChoices();
}

void Lineup::FillChoices() {
  for (size_t hour = 0; hour < kWeekHours; ++hour) {
    for (size_t genre = 0; genre < kGenresCount; ++genre) {
      demand_[hour] += genre_popularity_[genre] / 1'000 * GenreDemand(genre, hour) / 1'000;
    }
    demand_[hour] = std::max<uint64_t>(demand_[hour], 1);
  }
  choices_.resize(kAgeGroupsCount * kGendersCount * kRegionsCount * 48 * kGenresCount);
  for (uint8_t age = 0; age < kAgeGroupsCount; ++age) {
    for (uint8_t gender = 0; gender < kGendersCount; ++gender) {
      for (uint8_t region = 0; region < kRegionsCount; ++region) {
        for (size_t slot = 0; slot < 48; ++slot) {
          const ViewerKind kind{age, gender, region};
          const size_t week_hour = slot < 24 ? slot : 5 * 24 + slot - 24;  // a Monday, a Saturday
          uint64_t weights[kGenresCount];
          uint64_t sum = 0;
          for (size_t genre = 0; genre < kGenresCount; ++genre) {
            weights[genre] = genre_popularity_[genre] / 1'000 * GenreDemand(genre, week_hour) /
                             100 * GenreAffinity(genre, kind) / 100;
            sum += weights[genre];
          }
          uint64_t cumulative = 0;
          for (size_t genre = 0; genre < kGenresCount; ++genre) {
            cumulative += weights[genre];
            // Scaled to 2^32 - 1 in all.
            choices_[ChoiceRow(kind, week_hour) + genre] =
                static_cast<uint32_t>(static_cast<unsigned __int128>(cumulative) * UINT32_MAX /
                                      std::max<uint64_t>(sum, 1));
          }
        }
      }
    }
  }
}

size_t Lineup::ChooseGenre(const Viewer& viewer, size_t week_hour, RandomStream& random) const {
  const uint32_t* row = choices_.data() + ChoiceRow(viewer.kind, week_hour);
  const auto point = static_cast<uint32_t>(random.Below(UINT32_MAX));
  size_t genre = 0;
  while (genre + 1 < kGenresCount && point >= row[genre]) ++genre;
  return genre;
}

const Channel& Lineup::ChannelOfGenre(size_t genre, RandomStream& random) const {
  const auto& cumulative = genre_cumulative_[genre];
  const uint64_t point = random.Below(genre_popularity_[genre]);
  const auto at = std::upper_bound(cumulative.begin(), cumulative.end(), point);
  return channels_[genre_members_[genre][static_cast<size_t>(at - cumulative.begin())]];
}

const Channel& Lineup::Choose(const Viewer& viewer, size_t week_hour, RandomStream& random) const {
  constexpr uint64_t kFavourites = 3;
  constexpr size_t kPrimeTime =
      2 * 24 + 20;  // favourites are what one picks on a Wednesday evening
  if (random.IsPermille(350)) {
    RandomStream taste(seed_, Purpose::kFavourite,
                       viewer.id * kFavourites + random.Below(kFavourites));
    return ChannelOfGenre(ChooseGenre(viewer, kPrimeTime, taste), taste);
  }
  return ChannelOfGenre(ChooseGenre(viewer, week_hour, random), random);
}

Content Lineup::ChooseContent(const Channel& channel, RandomStream& random) const {
  const uint64_t index =
      std::min(random.Below(kContentsPerChannel), random.Below(kContentsPerChannel));
  Content content;
  content.id = channel.id * kContentIdsPerChannel + index;
  RandomStream nature(seed_, Purpose::kContent, content.id);
  content.type = static_cast<uint8_t>(nature.Pick(kContentTypeShares[channel.genre]));
  switch (static_cast<ContentType>(content.type)) {
    case kLive: content.length_seconds = static_cast<uint32_t>(nature.Between(1, 4) * 1800); break;
    case kEpisode:
      content.length_seconds =
          static_cast<uint32_t>(nature.Between(1, 2) * 1320 + nature.Between(-90, 120));
      break;
    case kMovie: content.length_seconds = static_cast<uint32_t>(nature.Between(5100, 8100)); break;
    case kClip: content.length_seconds = static_cast<uint32_t>(nature.Between(90, 600)); break;
  }
  return content;
}

void Lineup::FormatChannels(RowBuffer& out) const {
  TimeText time_text;
  for (const Channel& channel : channels_) {
    char* at = out.Reserve(512);
    at = PutChar(PutNumber(at, channel.id), ',');
    at = PutChar(PutCsvCell(at, channel.name), ',');
    at = PutChar(PutText(at, channel.network), ',');
    at = PutChar(PutText(at, kGenreNames[channel.genre]), ',');
    at = PutChar(PutText(at, channel.language), ',');
    at = PutChar(PutText(at, channel.country), ',');
    at = PutChar(time_text.PutDate(at, channel.launch_day), ',');
    at = PutChar(PutText(at, channel.tier), ',');
    at = PutChar(PutDecimal(at, channel.base_cpm_cents, 2), '\n');
    out.Commit(at);
  }
}

}  // namespace daypart::generate
