// SPDX-License-Identifier: Apache-2.0
//
// Sections [default], [profile NAME] (config) or [NAME] (credentials), [sso-session NAME],
// [services NAME]; lines key = value; comments begin with # or ;. Indented lines belong to the
// setting above them: to a service within [services NAME], elsewhere they are passed over.
#include "aws/profile_file.h"

#include <algorithm>

namespace daypart::aws {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

/// Where a section's lines go; nullptr: nowhere.
struct Section {
  ProfileSettings* settings = nullptr;
  ServiceSettings* services = nullptr;
};

Section SectionOf(std::string_view name, bool is_credentials_file, ProfileFiles& files) {
  name = Trim(name);
  const auto rest = [&](std::string_view word) {
    return std::string(Trim(name.substr(word.size())));
  };
  if (is_credentials_file) return {.settings = &files.profiles[std::string(name)]};
  if (name == "default") return {.settings = &files.profiles["default"]};
  if (name.starts_with("profile ")) return {.settings = &files.profiles[rest("profile ")]};
  if (name.starts_with("sso-session ")) {
    return {.settings = &files.sso_sessions[rest("sso-session ")]};
  }
  if (name.starts_with("services ")) return {.services = &files.services[rest("services ")]};
  return {};
}

}  // namespace

void AddProfileFile(std::string_view text, bool is_credentials_file, ProfileFiles& files) {
  Section section;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::string_view trimmed = Trim(line);
    if (trimmed.empty() || trimmed.front() == '#' || trimmed.front() == ';') continue;
    if (trimmed.front() == '[') {
      const size_t close = trimmed.find(']');
      section = close == std::string_view::npos
                    ? Section{}
                    : SectionOf(trimmed.substr(1, close - 1), is_credentials_file, files);
      continue;
    }
    const size_t equals = trimmed.find('=');
    const bool is_nested = line.front() == ' ' || line.front() == '\t';
    if (equals == std::string_view::npos) continue;
    std::string_view value = Trim(trimmed.substr(equals + 1));
    const size_t comment = std::min(value.find(" #"), value.find(" ;"));
    value = Trim(value.substr(0, comment));
    std::string key(Trim(trimmed.substr(0, equals)));
    std::transform(key.begin(), key.end(), key.begin(), [](unsigned char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    if (section.services != nullptr && !is_nested) {
      section.settings = &(*section.services)[key];
    } else if (section.settings != nullptr && is_nested == (section.services != nullptr)) {
      (*section.settings)[key] = std::string(value);
    }
  }
}

}  // namespace daypart::aws
