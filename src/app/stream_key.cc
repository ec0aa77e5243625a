// SPDX-License-Identifier: Apache-2.0
//
// Three places, one after the other.
#include "app/stream_key.h"

#include <cstdlib>

namespace daypart::app {

aws::AcceptedKey StreamKeyOf(const Config& config) {
  if (!config.access_key_id.empty()) return {config.access_key_id, config.secret_access_key};
  const char* id = std::getenv("AWS_ACCESS_KEY_ID");
  const char* secret = std::getenv("AWS_SECRET_ACCESS_KEY");
  if (id != nullptr && secret != nullptr && *id != '\0') return {id, secret};
  return {"daypart", "daypart"};
}

StreamKeySource::StreamKeySource(const Config& config) {
  const aws::AcceptedKey key = StreamKeyOf(config);
  credentials_.access_key_id = key.access_key_id;
  credentials_.secret_access_key = key.secret_access_key;
  credentials_.origin = "daypart.toml or the environment";
}

}  // namespace daypart::app
