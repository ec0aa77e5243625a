// SPDX-License-Identifier: Apache-2.0
//
// Only the part of a location below the prefix is taken apart.
#include "crawl/folder_tree.h"

#include <algorithm>
#include <utility>

#include "crawl/limits.h"
#include "store/location.h"

namespace daypart::crawl {
namespace {

constexpr std::string_view kHadoopFolderSuffix = "_$folder$";

bool is_leftover(std::string_view relative) {
  return relative.empty() || relative.ends_with('/') || relative.ends_with(kHadoopFolderSuffix);
}

std::unique_ptr<Folder> MakeFolder(std::string location) {
  auto folder = std::make_unique<Folder>();
  folder->name = std::string(store::BaseName(location));
  folder->location = std::move(location);
  if (!folder->location.ends_with('/')) folder->location += '/';
  return folder;
}

void CollectHive(const Folder& folder, std::vector<size_t>& files) {
  files.insert(files.end(), folder.files.begin(), folder.files.end());
  for (const auto& [name, child] : folder.children) CollectHive(*child, files);
}

}  // namespace

std::vector<store::ObjectInfo> VisibleFiles(std::vector<store::ObjectInfo> listing,
                                            std::string_view prefix) {
  std::erase_if(listing, [prefix](const store::ObjectInfo& file) {
    const auto relative = store::RelativeTo(prefix, file.location);
    return !relative || is_leftover(*relative) || store::is_hidden_path(*relative);
  });
  return listing;
}

std::unique_ptr<Folder> BuildTree(const std::vector<store::ObjectInfo>& files,
                                  std::string_view prefix) {
  auto root = MakeFolder(std::string(prefix));
  for (size_t index = 0; index < files.size(); ++index) {
    const auto below = store::RelativeTo(prefix, files[index].location);
    std::string_view relative = below.value_or(std::string_view());
    const auto depth = static_cast<size_t>(std::count(relative.begin(), relative.end(), '/'));
    if (relative.empty() || depth > kFolderDepthMax) continue;
    Folder* folder = root.get();
    for (size_t slash = relative.find('/'); slash != std::string_view::npos;
         slash = relative.find('/')) {
      const std::string name(relative.substr(0, slash));
      relative.remove_prefix(slash + 1);
      std::unique_ptr<Folder>& child = folder->children[name];
      if (!child) child = MakeFolder(folder->location + name + "/");
      folder = child.get();
    }
    folder->files.push_back(index);
  }
  return root;
}

bool is_hive_folder(const Folder& folder) {
  return store::ParseHiveSegment(folder.name).has_value();
}

bool is_value_name(std::string_view name) {
  const bool has_digit_first = !name.empty() && name.front() >= '0' && name.front() <= '9';
  return has_digit_first && name.find_first_not_of("0123456789-_.T:Z") == std::string_view::npos;
}

std::vector<size_t> FamilyFiles(const Folder& folder) {
  std::vector<size_t> files = folder.files;
  for (const auto& [name, child] : folder.children) {
    if (is_hive_folder(*child)) CollectHive(*child, files);
  }
  return files;
}

std::vector<size_t> EvenlySpread(const std::vector<size_t>& files, size_t count) {
  if (files.size() <= count) return files;
  if (count <= 1) return {files.front()};
  std::vector<size_t> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(files[i * (files.size() - 1) / (count - 1)]);
  return chosen;
}

}  // namespace daypart::crawl
