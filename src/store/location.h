// SPDX-License-Identifier: Apache-2.0
//
// Locations as text: joining, splitting, schemes, and the key=value folders of hive partitioning. A
// location is a URI-like full name (file:///lake/a.parquet, s3://bucket/key) or an absolute path;
// it is never percent-decoded as a whole, because Iceberg readers do not either. Touches no store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace daypart::store {

struct LocationParts {
  std::string_view scheme;     // "file", "s3", …; empty for a plain path
  std::string_view authority;  // bucket or host; empty for none
  std::string_view path;       // what follows, with its leading '/'
};

/// Views into `location`, which must outlive them.
LocationParts SplitLocation(std::string_view location);

/// `base` and `relative` with exactly one '/' between; the base alone if `relative` is empty.
std::string JoinLocation(std::string_view base, std::string_view relative);

/// All before the last '/', without it: "file:///a/b" for "file:///a/b/c". Trailing slashes count
/// for nothing. The root is its own parent.
std::string_view ParentLocation(std::string_view location);

/// What follows the last '/'; trailing slashes count for nothing.
std::string_view BaseName(std::string_view location);

/// `location` without trailing slashes, so that "/a" and "/a/" name the same folder; "/" stays.
std::string_view WithoutTrailingSlash(std::string_view location);

/// The part of `location` below `prefix`, without a leading '/'; nullopt if it does not lie below
/// it.
std::optional<std::string_view> RelativeTo(std::string_view prefix, std::string_view location);

/// Whether a name is private bookkeeping that readers of a folder pass over: '_' or '.' in front.
bool is_hidden_name(std::string_view name);

/// Whether any folder or the name in `relative` is hidden; a folder key=value is judged by its
/// key's first letter only if there is no '=' in it, so that `_date=1/` stays a partition.
bool is_hidden_path(std::string_view relative);

/// One folder `key=value` of a hive-partitioned path, percent-decoded.
struct HivePartition {
  std::string key;
  std::string value;
  bool is_null = false;  // the value was __HIVE_DEFAULT_PARTITION__
  friend bool operator==(const HivePartition&, const HivePartition&) = default;
};

/// nullopt if `segment` is no key=value with a key.
std::optional<HivePartition> ParseHiveSegment(std::string_view segment);

/// The partitions among the folders of `relative`, in order; its last segment is the file's name
/// and is none. Folders that are no key=value are passed over.
std::vector<HivePartition> ParseHivePath(std::string_view relative);

/// `key=value` as a folder name, percent-encoded as Hive does (ParseHiveSegment is the inverse).
std::string FormatHiveSegment(const HivePartition& partition);

/// %XX decoded; a '%' that no two hex digits follow stays as it is.
std::string PercentDecode(std::string_view text);

inline constexpr std::string_view kHiveNull = "__HIVE_DEFAULT_PARTITION__";

}  // namespace daypart::store
