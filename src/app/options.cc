// SPDX-License-Identifier: Apache-2.0
//
// Checks of values say what is expected and what was found; those of the parser's own say neither.
#include "app/options.h"

#include <CLI/CLI.hpp>
#include <charconv>

#include "catalog/nearest_name.h"

namespace daypart::app {
namespace {

std::string Listed(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

}  // namespace

Result<int> WithSession(const Options& options, bool read_only,
                        const std::function<Result<int>(LakeSession&)>& run) {
  std::optional<std::string> given;
  if (!options.config.empty()) given = options.config;
  DAYPART_TRY(const auto file, FindConfig(given, std::filesystem::current_path()));
  DAYPART_TRY(auto config, LoadConfig(file));
  DAYPART_TRY(const auto session, LakeSession::Open(std::move(config), read_only, options.cancel));
  return run(*session);
}


CLI::Validator OneOf(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](const std::string& given) -> std::string {
        for (const std::string& word : words) {
          if (word == given) return "";
        }
        const auto nearest = catalog::NearestName(given, words);
        return Listed(words) + " is expected, found '" + given + "'" +
               (nearest ? "; did you mean " + *nearest + '?' : "");
      },
      "");
}

CLI::Validator WholeNumber(int64_t low, int64_t high) {
  return CLI::Validator(
      [low, high](const std::string& given) -> std::string {
        int64_t number = 0;
        const char* end = given.data() + given.size();
        const auto parsed = std::from_chars(given.data(), end, number);
        const bool is_number = parsed.ec == std::errc() && parsed.ptr == end;
        if (is_number && number >= low && number <= high) return "";
        return "a whole number " +
               (high == INT64_MAX ? "of " + std::to_string(low) + " or more"
                                  : "from " + std::to_string(low) + " to " + std::to_string(high)) +
               " is expected, found '" + given + "'";
      },
      "");
}

CLI::Validator HttpUrl() {
  return CLI::Validator(
      [](const std::string& given) -> std::string {
        for (const std::string_view scheme : {"http://", "https://"}) {
          if (given.starts_with(scheme) && given.size() > scheme.size()) return "";
        }
        return "a URL such as http://127.0.0.1:8480 is expected, found '" + given + "'";
      },
      "");
}

}  // namespace daypart::app
