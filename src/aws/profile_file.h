// SPDX-License-Identifier: Apache-2.0
//
// The shared files of the AWS tools (~/.aws/config, ~/.aws/credentials) as values. Pure.
// source: AWS SDKs and Tools Reference Guide, "Format of the shared config and credentials files".
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace daypart::aws {

using ProfileSettings = std::map<std::string, std::string>;

/// Of a section [services NAME]: a service's id to its settings.
using ServiceSettings = std::map<std::string, ProfileSettings>;

struct ProfileFiles {
  std::map<std::string, ProfileSettings> profiles;
  std::map<std::string, ProfileSettings> sso_sessions;
  std::map<std::string, ServiceSettings> services;
};

/// Adds a file's sections; settings of the credentials file go before those of the config file.
void AddProfileFile(std::string_view text, bool is_credentials_file, ProfileFiles& files);

}  // namespace daypart::aws
