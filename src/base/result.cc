// SPDX-License-Identifier: Apache-2.0
//
// Names and constructors of errors; the only place that turns errno into an ErrorCode.
#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace daypart {

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid argument";
    case ErrorCode::kCorruptData: return "corrupt data";
    case ErrorCode::kNotFound: return "not found";
    case ErrorCode::kAlreadyExists: return "already exists";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kCommitUnknown: return "commit unknown";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kPermissionDenied: return "permission denied";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kResourceExhausted: return "resource exhausted";
  }
  return "unknown";
}

Error Error::WithContext(std::string_view context) && {
  message.insert(0, ": ");
  message.insert(0, context);
  return std::move(*this);
}

Error InvalidArgument(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message)};
}
Error CorruptData(std::string message) { return {ErrorCode::kCorruptData, std::move(message)}; }
Error NotFound(std::string message) { return {ErrorCode::kNotFound, std::move(message)}; }
Error AlreadyExists(std::string message) { return {ErrorCode::kAlreadyExists, std::move(message)}; }
Error Conflict(std::string message) { return {ErrorCode::kConflict, std::move(message)}; }
Error CommitUnknown(std::string message) { return {ErrorCode::kCommitUnknown, std::move(message)}; }
Error Unavailable(std::string message) { return {ErrorCode::kUnavailable, std::move(message)}; }
Error PermissionDenied(std::string message) {
  return {ErrorCode::kPermissionDenied, std::move(message)};
}
Error Unsupported(std::string message) { return {ErrorCode::kUnsupported, std::move(message)}; }
Error Cancelled(std::string message) { return {ErrorCode::kCancelled, std::move(message)}; }
Error ResourceExhausted(std::string message) {
  return {ErrorCode::kResourceExhausted, std::move(message)};
}

Error SystemError(std::string_view what, int error_number) {
  ErrorCode code = ErrorCode::kUnavailable;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: code = ErrorCode::kResourceExhausted; break;
    case EACCES:
    case EPERM:
    case EROFS: code = ErrorCode::kPermissionDenied; break;
    case ENOENT: code = ErrorCode::kNotFound; break;
    case EEXIST: code = ErrorCode::kAlreadyExists; break;
    default: break;
  }
  char text[256];
  // The GNU strerror_r returns the text, which may or may not lie in the buffer.
  const char* reason = strerror_r(error_number, text, sizeof(text));
  return {code, std::string(what) + ": " + reason};
}

}  // namespace daypart
