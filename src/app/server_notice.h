// SPDX-License-Identifier: Apache-2.0
//
// ServerNotice: how other processes on the machine find the server of a lake: a small file in the
// lake's folder with its address, locked for as long as the server lives. A file whose lock is free
// was left by a server that was killed and counts as none.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace daypart::app {

class ServerNotice {
 public:
  /// folder: the lake's. errors: those of writing the file; kAlreadyExists if another server lives.
  static Result<std::unique_ptr<ServerNotice>> Put(const std::string& folder,
                                                   const std::string& url);
  /// The address of the server that lives; nullopt for none.
  static std::optional<std::string> Find(const std::string& folder);

  ServerNotice(const ServerNotice&) = delete;
  ServerNotice& operator=(const ServerNotice&) = delete;
  /// Takes the file away.
  ~ServerNotice();

 private:
  ServerNotice(std::string path, int file) : path_(std::move(path)), file_(file) {}

  const std::string path_;
  const int file_;
};

}  // namespace daypart::app
