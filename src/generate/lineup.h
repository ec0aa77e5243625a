// SPDX-License-Identifier: Apache-2.0
//
// What is on: the channels, how popular each is, and the choice a viewer makes at an hour.
// Popularity falls as 1/rank (Zipf); the choice is genre first, by hour and kind of viewer, then a
// channel of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "generate/counter_random.h"
#include "generate/market.h"
#include "generate/row_text.h"
#include "generate/viewer.h"

namespace daypart::generate {

struct Channel {
  uint64_t id = 0;  // from 1
  std::string name;
  std::string_view network;
  uint8_t genre = 0;
  std::string_view language;
  std::string_view country;
  int32_t launch_day = 0;
  std::string_view tier;
  uint32_t base_cpm_cents = 0;
  uint64_t popularity = 0;  // weight; the sum over the lineup is total_popularity()
};

/// A programme or clip of a channel.
struct Content {
  uint64_t id = 0;
  uint8_t type = 0;
  uint32_t length_seconds = 0;
};

struct LineupOptions {
  uint64_t seed = 0;
  uint64_t channels_count = 0;
  int32_t first_day = 0;  // of the data: every channel was launched before
};

class Lineup {
 public:
  explicit Lineup(const LineupOptions& options);

  const std::vector<Channel>& channels() const { return channels_; }  // by id
  uint64_t total_popularity() const { return total_popularity_; }

  /// How much is watched in that hour of the week, all channels together.
  uint64_t Demand(size_t week_hour) const { return demand_[week_hour]; }
  /// How much of it falls to one channel.
  uint64_t ChannelDemand(const Channel& channel, size_t week_hour) const {
    return channel.popularity * GenreDemand(channel.genre, week_hour);
  }

  /// The channel that `viewer` turns to: a favourite one time in three, else what the hour
  /// suggests.
  const Channel& Choose(const Viewer& viewer, size_t week_hour, RandomStream& random) const;
  /// Something that `channel` offers; some of it is far more liked.
  Content ChooseContent(const Channel& channel, RandomStream& random) const;

  void FormatChannels(RowBuffer& out) const;

 private:
  const Channel& ChannelOfGenre(size_t genre, RandomStream& random) const;
  size_t ChooseGenre(const Viewer& viewer, size_t week_hour, RandomStream& random) const;
  void FillChoices();

  uint64_t seed_;
  std::vector<Channel> channels_;
  uint64_t total_popularity_ = 0;
  uint64_t demand_[kWeekHours] = {};
  uint64_t genre_popularity_[kGenresCount] = {};
  std::vector<uint64_t> genre_members_[kGenresCount];     // indices into channels_
  std::vector<uint64_t> genre_cumulative_[kGenresCount];  // popularity up to and with that member
  /// Cumulative genre weights by kind of viewer, hour and weekend: 8*3*5*24*2 rows of ten, 230 KB.
  std::vector<uint32_t> choices_;
};

inline constexpr std::string_view kChannelHeader =
    "channel_id,channel_name,network,genre,language,country,launch_date,tier,base_cpm_usd\n";

}  // namespace daypart::generate
