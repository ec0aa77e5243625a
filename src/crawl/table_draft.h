// SPDX-License-Identifier: Apache-2.0
//
// From a tree of folders to drafts of tables: which files are one table, and which folders are its
// partitions. The rules are told at the top of crawl.h and table_draft.cc.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/raw_catalog.h"
#include "crawl/file_shape.h"
#include "crawl/folder_tree.h"
#include "crawl/sampler.h"

namespace daypart::crawl {

struct TableDraft {
  std::string location;  // a folder's, ending in '/', or one file's
  std::string name_hint;
  std::vector<std::string> partition_keys;  // "" for a folder that is no key=value
  std::vector<catalog::RawPartition> partitions;
  std::vector<size_t> files;  // indices into the listing
  FileShape shape;
  uint64_t sampled_files_count = 0;
  std::vector<std::string> warnings;
};

/// Samples what it needs. known_locations: of tables registered already, which stay what they are:
/// a folder that is a table is not split, and one within which a table lies is not merged.
Result<std::vector<TableDraft>> DraftTables(const Folder& root, Sampler& sampler,
                                            const std::set<std::string>& known_locations);

}  // namespace daypart::crawl
