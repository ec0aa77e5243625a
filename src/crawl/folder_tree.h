// SPDX-License-Identifier: Apache-2.0
//
// The files under a prefix as a tree of folders. Pure: made from a listing, reads nothing.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/object_store.h"

namespace daypart::crawl {

struct Folder {
  std::string location;                                     // ends in '/'
  std::string name;                                         // the last segment
  std::vector<size_t> files;                                // indices into the listing
  std::map<std::string, std::unique_ptr<Folder>> children;  // by name
};

/// The files a crawl looks at: without hidden ones, folders' markers (zero bytes, '/' at the end)
/// and Hadoop's leftovers (…_$folder$).
std::vector<store::ObjectInfo> VisibleFiles(std::vector<store::ObjectInfo> listing,
                                            std::string_view prefix);

/// prefix: without a trailing slash. Files deeper than kFolderDepthMax folders are left out.
std::unique_ptr<Folder> BuildTree(const std::vector<store::ObjectInfo>& files,
                                  std::string_view prefix);

/// Whether the folder's name is key=value.
bool is_hive_folder(const Folder& folder);

/// Whether the name reads like a partition's value and not like a table's name: "2026",
/// "2026-11-24".
bool is_value_name(std::string_view name);

/// The folder's own files and those of its folders key=value at any depth: one table's, if it is
/// one.
std::vector<size_t> FamilyFiles(const Folder& folder);

/// `count` of `files` at even distances, the first and the last among them.
std::vector<size_t> EvenlySpread(const std::vector<size_t>& files, size_t count);

}  // namespace daypart::crawl
