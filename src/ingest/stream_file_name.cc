// SPDX-License-Identifier: Apache-2.0
//
// Letters of a name: those of [A-Za-z0-9] stand for themselves, '_' begins what replaces another
// byte, '-' parts fields and '.' the members of one. Nothing else occurs: S3's list of letters that
// are safe in keys has these, and '=' would make a reader of hive folders see a partition.
#include "ingest/stream_file_name.h"

#include <xxhash.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <vector>

#include "ingest/limits.h"

namespace daypart::ingest {
namespace {

constexpr std::string_view kShardIdBegin = "shardId-";
constexpr size_t kShardIdDigits = 12;
/// "-and1000000.<16 hex digits>"
constexpr size_t kMoreBytesMax = 28;
/// "-<number>.parquet"
constexpr size_t kEndBytesMax = 16;

bool is_plain(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string HashText(std::string_view bytes) {
  char text[24];
  std::snprintf(text, sizeof(text), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

std::string Escaped(char c) {
  if (is_plain(c)) return std::string(1, c);
  if (c == '-') return "__";
  char text[8];
  std::snprintf(text, sizeof(text), "_%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
  return text;
}

std::string Escaped(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += Escaped(c);
  return text;
}

/// "shardId-000000000012" -> "s12"; a file's path escaped, a long one's end behind a hash of it.
std::string ShardText(const std::string& id) {
  const bool is_numbered = id.starts_with(kShardIdBegin) &&
                           id.size() == kShardIdBegin.size() + kShardIdDigits &&
                           std::all_of(id.begin() + kShardIdBegin.size(), id.end(), is_digit);
  if (is_numbered) {
    const size_t first = std::min(id.find_first_not_of('0', kShardIdBegin.size()), id.size() - 1);
    return "s" + id.substr(first);
  }
  std::string text = Escaped(id);
  // What only looks like a numbered shard.
  if (text.size() > 1 && text[0] == 's' && std::all_of(text.begin() + 1, text.end(), is_digit)) {
    return "_73" + text.substr(1);
  }
  if (text.size() <= kShardTextBytesMax) return text;
  const std::string mark = "_x" + HashText(id);
  std::string end;
  for (auto c = id.rbegin(); c != id.rend(); ++c) {
    const std::string more = Escaped(*c);
    if (mark.size() + end.size() + more.size() > kShardTextBytesMax) break;
    end.insert(0, more);
  }
  return mark + end;
}

/// shard.from.to, or shard.from..end if only the end of `to` is another one than that of `from`.
std::string PartText(const std::string& id, const std::string& from, const std::string& to) {
  const std::string first = Escaped(from);
  const std::string last = Escaped(to);
  const auto differ = std::mismatch(first.begin(), first.end(), last.begin(), last.end());
  const bool is_shorter = first.size() == last.size() && differ.first != first.begin();
  return ShardText(id) + '.' + first + '.' +
         (is_shorter ? '.' + std::string(differ.second, last.end()) : last);
}

/// The parts joined; those that do not fit are counted, and a hash stands for the whole range.
std::string RangeText(const StreamState& from, const StreamState& to, size_t bytes_max) {
  std::string whole;
  std::vector<std::string> parts;
  for (const auto& [id, shard] : to.shards) {
    const auto known = from.shards.find(id);
    const std::string before = known == from.shards.end() ? "" : known->second.position;
    if (before == shard.position) continue;
    whole += id + '\n' + before + '\n' + shard.position + '\n';
    parts.push_back('-' + PartText(id, before, shard.position));
  }
  size_t bytes = 0;
  for (const std::string& part : parts) bytes += part.size();
  const bool fits = !parts.empty() && bytes <= bytes_max;
  std::string text;
  size_t shown = 0;
  while (shown < parts.size() &&
         (fits || text.size() + parts[shown].size() + kMoreBytesMax <= bytes_max)) {
    text += parts[shown++];
  }
  if (!fits) text += "-and" + std::to_string(parts.size() - shown) + '.' + HashText(whole);
  return text;
}

/// <stream>-<commit>. Readers pass over files whose names begin with '_' or '.'.
std::string Begin(std::string_view stream, int64_t commit) {
  char number[24];
  std::snprintf(number, sizeof(number), "-%012lld", static_cast<long long>(commit));
  return (!stream.empty() && is_plain(stream.front()) ? "" : "stream") + std::string(stream) +
         number;
}

}  // namespace

StreamFileNames StreamFileNames::OfRange(std::string_view stream, int64_t commit,
                                         const StreamState& from, const StreamState& to) {
  std::string stem = Begin(stream, commit);
  stem += RangeText(from, to, kStreamFileNameBytesMax - stem.size() - kEndBytesMax);
  return StreamFileNames(std::move(stem));
}

StreamFileNames StreamFileNames::OfReplay(std::string_view stream, int64_t commit,
                                          std::string_view replay_id) {
  return StreamFileNames(Begin(stream, commit) + "-replay." + HashText(replay_id));
}

std::string StreamFileNames::Name(size_t number) const {
  return stem_ + '-' + std::to_string(number) + ".parquet";
}

}  // namespace daypart::ingest
