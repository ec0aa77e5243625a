// SPDX-License-Identifier: Apache-2.0
//
// A folder is decided from the bottom up:
// 1. Its own files and those below its folders key=value are one table if most of the sampled ones
//    are alike; else, as long as there are no folders key=value, each file is a table by its stem.
// 2. Its plain subfolders, each decided by itself, join as partitions of this folder if every one
//    of them is one table, of one compression, and like the others by 70 %. Where their names are
//    values (2026-11-24), most of them suffice, so that one spoilt day does not make a table of
//    each day.
// 3. Right under the prefix rule 2 holds for names that are values only, and files are tables each,
//    unless the prefix holds nothing but a numbered series of them (part-0001.csv, part-0002.csv).
#include "crawl/table_draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "crawl/column_name.h"
#include "crawl/limits.h"
#include "store/location.h"

namespace daypart::crawl {
namespace {

using catalog::RawPartition;

bool are_alike(const FileShape& left, const FileShape& right) {
  // What has no records may lack columns, but not be of another form.
  if (left.columns.empty() || right.columns.empty()) return left.format == right.format;
  return SimilarShare(left, right) >= kSimilarShareMin;
}

/// Groups by likeness to each group's first member. returns: indices into `shapes`, the largest
/// first.
template <typename Alike>
std::vector<std::vector<size_t>> GroupAlike(const std::vector<const FileShape*>& shapes,
                                            const Alike& alike) {
  std::vector<std::vector<size_t>> groups;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
      return alike(*shapes[group.front()], *shapes[i]);
    });
    if (found != groups.end()) {
      found->push_back(i);
    } else {
      groups.push_back({i});
    }
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return groups;
}

void AddWarning(TableDraft& draft, std::string warning) {
  if (std::find(draft.warnings.begin(), draft.warnings.end(), warning) == draft.warnings.end()) {
    draft.warnings.push_back(std::move(warning));
  }
}

/// Whether the folder holds nothing but several files whose names differ in digits only, such as
/// part-0001.csv and part-0002.csv: parts of one table rather than tables each.
bool is_series(const Folder& folder, const std::vector<store::ObjectInfo>& files) {
  if (folder.files.size() < 2 || !folder.children.empty()) return false;
  const auto without_digits = [&files](size_t file) {
    std::string name(store::BaseName(files[file].location));
    std::erase_if(name, [](char c) { return c >= '0' && c <= '9'; });
    return name;
  };
  const std::string first = without_digits(folder.files.front());
  return std::all_of(folder.files.begin(), folder.files.end(),
                     [&](size_t file) { return without_digits(file) == first; });
}

class Drafter {
 public:
  Drafter(Sampler& sampler, const std::set<std::string>& known)
      : sampler_(sampler), known_(known) {}

  Result<std::vector<TableDraft>> DraftRoot(const Folder& root) {
    std::vector<TableDraft> drafts;
    const bool is_own_table = is_known(root.location) || is_series(root, sampler_.files());
    if (is_own_table || HasHiveChild(root)) drafts = DraftFamily(root, is_own_table);
    if (!is_own_table || drafts.empty()) {
      DAYPART_RETURN_IF_ERROR(sampler_.Sample(root.files));
      for (const size_t file : root.files) AddFileDraft(file, drafts);
    }
    DAYPART_RETURN_IF_ERROR(AddChildren(root, /*is_root=*/true, drafts));
    return drafts;
  }

  Result<std::vector<TableDraft>> DraftFolder(const Folder& folder) {
    std::vector<TableDraft> drafts = DraftFamily(folder, /*with_own_files=*/true);
    if (drafts.empty() && !folder.files.empty() && !HasHiveChild(folder)) {
      // Too unlike to be one table: all must be looked at, to be one each.
      DAYPART_RETURN_IF_ERROR(sampler_.Sample(folder.files));
      for (const size_t file : folder.files) AddFileDraft(file, drafts);
    }
    DAYPART_RETURN_IF_ERROR(AddChildren(folder, /*is_root=*/false, drafts));
    return drafts;
  }

 private:
  static bool HasHiveChild(const Folder& folder) {
    return std::any_of(folder.children.begin(), folder.children.end(),
                       [](const auto& child) { return is_hive_folder(*child.second); });
  }
  bool is_known(const std::string& location) const { return known_.contains(location); }
  bool has_known_files(const Folder& folder) const {
    return std::any_of(folder.files.begin(), folder.files.end(),
                       [this](size_t file) { return is_known(sampler_.files()[file].location); });
  }
  bool has_known_within(const std::string& location) const {
    const auto next = known_.upper_bound(location);
    return next != known_.end() && next->starts_with(location);
  }

  void AddFileDraft(size_t file, std::vector<TableDraft>& drafts) const {
    const FileShape* shape = sampler_.ShapeOf(file);
    if (shape == nullptr) return;
    TableDraft draft;
    draft.location = sampler_.files()[file].location;
    draft.name_hint = std::string(FileStem(store::BaseName(draft.location)));
    draft.files = {file};
    draft.shape = *shape;
    draft.sampled_files_count = 1;
    drafts.push_back(std::move(draft));
  }

  /// Rule 1: one draft, or none if there is nothing or no majority.
  std::vector<TableDraft> DraftFamily(const Folder& folder, bool with_own_files) const {
    TableDraft draft;
    draft.location = folder.location;
    draft.name_hint = folder.name;
    if (with_own_files) draft.files = folder.files;
    const bool has_hive = HasHiveChild(folder);
    if (has_hive) AddHivePartitions(folder, draft);
    std::vector<size_t> sampled;
    std::vector<const FileShape*> shapes;
    for (const size_t file : draft.files) {
      if (const FileShape* shape = sampler_.ShapeOf(file)) {
        sampled.push_back(file);
        shapes.push_back(shape);
      }
    }
    std::erase_if(draft.files, [this](size_t file) { return sampler_.RefusalOf(file) != nullptr; });
    if (shapes.empty()) return {};
    // Partitions by name are one table by intent, however much its columns changed over time.
    const auto groups =
        has_hive ? GroupAlike(shapes, has_same_form) : GroupAlike(shapes, are_alike);
    const bool has_majority = groups.front().size() * 2 > shapes.size() && !has_known_files(folder);
    if (!has_majority && !has_hive && !is_known(folder.location)) return {};
    draft.shape = *shapes[groups.front().front()];
    for (size_t i = 1; i < groups.front().size(); ++i) {
      const size_t member = groups.front()[i];
      MergeShape(draft.shape, *shapes[member], sampler_.files()[sampled[member]].location);
    }
    for (size_t group = 1; group < groups.size(); ++group) {
      for (const size_t member : groups[group]) {
        AddWarning(draft,
                   fmt::format("{} has another format or other columns than most files of this "
                               "table: move it elsewhere",
                               sampler_.files()[sampled[member]].location));
      }
    }
    draft.sampled_files_count = groups.front().size();
    return {std::move(draft)};
  }

  /// Files and partitions of the folders key=value, those of the first key there is.
  void AddHivePartitions(const Folder& folder, TableDraft& draft) const {
    for (const auto& [name, child] : folder.children) {
      const auto segment = store::ParseHiveSegment(name);
      if (!segment) continue;
      std::vector<std::string> keys = {segment->key};
      AddHiveLeaves(*child, keys, {ValueOf(*segment)}, draft);
    }
  }

  static std::string ValueOf(const store::HivePartition& segment) {
    return segment.is_null ? std::string(store::kHiveNull) : segment.value;
  }

  void AddHiveLeaves(const Folder& folder, const std::vector<std::string>& keys,
                     const std::vector<std::string>& values, TableDraft& draft) const {
    for (const auto& [name, child] : folder.children) {
      std::vector<std::string> child_keys = keys;
      std::vector<std::string> child_values = values;
      const auto segment = store::ParseHiveSegment(name);
      child_keys.push_back(segment ? segment->key : "");
      child_values.push_back(segment ? ValueOf(*segment) : name);
      AddHiveLeaves(*child, child_keys, child_values, draft);
    }
    const bool has_table_file =
        std::any_of(folder.files.begin(), folder.files.end(),
                    [this](size_t file) { return sampler_.RefusalOf(file) == nullptr; });
    if (!has_table_file) return;
    if (draft.partition_keys.empty()) draft.partition_keys = keys;
    if (draft.partition_keys != keys) {
      AddWarning(draft, fmt::format("{} is not partitioned by {}: left out", folder.location,
                                    fmt::join(draft.partition_keys, ", ")));
      return;
    }
    draft.files.insert(draft.files.end(), folder.files.begin(), folder.files.end());
    draft.partitions.push_back({.values = values, .location = folder.location});
  }

  /// Rule 2 and 3.
  Status AddChildren(const Folder& folder, bool is_root, std::vector<TableDraft>& drafts) {
    std::vector<const Folder*> children;
    std::vector<std::vector<TableDraft>> children_drafts;
    for (const auto& [name, child] : folder.children) {
      if (is_hive_folder(*child)) continue;
      DAYPART_TRY(std::vector<TableDraft> decided, DraftFolder(*child));
      if (decided.empty()) continue;
      children.push_back(child.get());
      children_drafts.push_back(std::move(decided));
    }
    if (children.empty()) return Ok();
    std::vector<size_t> joining = JoiningChildren(folder, is_root, children, children_drafts);
    if (!joining.empty() &&
        CanTakePartitions(folder, children_drafts[joining.front()].front(), drafts)) {
      drafts = {JoinChildren(folder, children, children_drafts, joining, drafts)};
      return Ok();
    }
    KeepOwnFilesApart(folder, drafts);
    for (std::vector<TableDraft>& decided : children_drafts) {
      std::move(decided.begin(), decided.end(), std::back_inserter(drafts));
    }
    return Ok();
  }

  /// The folder's own table when the folders below are tables too: its location must not cover
  /// theirs.
  static void KeepOwnFilesApart(const Folder& folder, std::vector<TableDraft>& own) {
    if (own.size() != 1 || own.front().location != folder.location) return;
    if (!own.front().partition_keys.empty()) return;
    AddWarning(own.front(),
               "the folders below it are tables of their own: move its files into a "
               "folder beside those");
  }

  /// Which children are to become partitions of this folder; none if it is no table.
  std::vector<size_t> JoiningChildren(const Folder& folder, bool is_root,
                                      const std::vector<const Folder*>& children,
                                      const std::vector<std::vector<TableDraft>>& drafts) const {
    const bool are_values = std::all_of(children.begin(), children.end(), [](const Folder* child) {
      return is_value_name(child->name);
    });
    if (!is_known(folder.location)) {
      if (has_known_within(folder.location)) return {};
      if (!are_values && (is_root || children.size() < 2)) return {};
    }
    std::vector<size_t> candidates;
    std::vector<const FileShape*> shapes;
    for (size_t i = 0; i < children.size(); ++i) {
      const TableDraft& draft = drafts[i].front();
      if (drafts[i].size() != 1 || draft.location != children[i]->location) continue;
      candidates.push_back(i);
      shapes.push_back(&draft.shape);
    }
    if (candidates.empty()) return {};
    const auto groups = GroupAlike(shapes, [](const FileShape& a, const FileShape& b) {
      return a.compression == b.compression && are_alike(a, b);
    });
    std::vector<size_t> joining;
    const TableDraft& first = drafts[candidates[groups.front().front()]].front();
    for (const size_t member : groups.front()) {
      const size_t child = candidates[member];
      if (drafts[child].front().partition_keys == first.partition_keys) joining.push_back(child);
    }
    const bool is_enough = are_values || is_known(folder.location)
                               ? joining.size() * 2 > children.size()
                               : joining.size() == children.size();
    return is_enough ? joining : std::vector<size_t>();
  }

  /// Whether the folder's own files, if it has any, are of the table that its children would be.
  static bool CanTakePartitions(const Folder& folder, const TableDraft& child,
                                const std::vector<TableDraft>& own) {
    if (own.empty()) return true;
    return own.size() == 1 && own.front().location == folder.location &&
           own.front().partition_keys.empty() && are_alike(own.front().shape, child.shape);
  }

  static TableDraft JoinChildren(const Folder& folder, const std::vector<const Folder*>& children,
                                 const std::vector<std::vector<TableDraft>>& drafts,
                                 const std::vector<size_t>& joining,
                                 const std::vector<TableDraft>& own) {
    TableDraft joined = drafts[joining.front()].front();
    joined.partition_keys.insert(joined.partition_keys.begin(), "");
    joined.location = folder.location;
    joined.name_hint = folder.name;
    joined.partitions.clear();
    joined.files.clear();
    if (!own.empty()) {
      joined.files = own.front().files;
      MergeShape(joined.shape, own.front().shape, own.front().location);
      joined.sampled_files_count += own.front().sampled_files_count;
      AddWarning(joined, fmt::format("{} files lie beside the partitions' folders: their partition "
                                     "columns are null",
                                     own.front().files.size()));
    }
    for (size_t i = 0; i < children.size(); ++i) {
      if (std::find(joining.begin(), joining.end(), i) != joining.end()) continue;
      AddWarning(joined, fmt::format("{} has another format or other columns than most folders of "
                                     "this table: left out",
                                     children[i]->location));
    }
    for (const size_t i : joining) {
      const TableDraft& child = drafts[i].front();
      joined.files.insert(joined.files.end(), child.files.begin(), child.files.end());
      std::vector<RawPartition> below = child.partitions;
      if (below.empty()) below.push_back({.values = {}, .location = child.location});
      for (RawPartition& partition : below) {
        partition.values.insert(partition.values.begin(), children[i]->name);
        joined.partitions.push_back(std::move(partition));
      }
      if (i == joining.front()) continue;
      MergeShape(joined.shape, child.shape, child.location);
      joined.sampled_files_count += child.sampled_files_count;
      for (const std::string& warning : child.warnings) AddWarning(joined, warning);
    }
    return joined;
  }

  Sampler& sampler_;                    // must outlive this
  const std::set<std::string>& known_;  // must outlive this
};

/// What the whole tree needs at least, so that one round of threads samples it.
void CollectFirstSamples(const Folder& folder, const SampleLimits& limits,
                         std::vector<size_t>& indices) {
  const std::vector<size_t> family = EvenlySpread(FamilyFiles(folder), limits.files_per_folder);
  indices.insert(indices.end(), family.begin(), family.end());
  for (const auto& [name, child] : folder.children) {
    if (!is_hive_folder(*child)) CollectFirstSamples(*child, limits, indices);
  }
}

}  // namespace

Result<std::vector<TableDraft>> DraftTables(const Folder& root, Sampler& sampler,
                                            const std::set<std::string>& known_locations) {
  std::vector<size_t> first;
  CollectFirstSamples(root, sampler.limits(), first);
  DAYPART_RETURN_IF_ERROR(sampler.Sample(first));
  return Drafter(sampler, known_locations).DraftRoot(root);
}

}  // namespace daypart::crawl
