// SPDX-License-Identifier: Apache-2.0
//
// Requests and answers of S3. A put that is "if absent" and whose first answer was lost meets its
// own object at the second try: a mark in the object's metadata tells whose it is.
#include "store/s3_client.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <pugixml.hpp>
#include <utility>

#include "aws/digest.h"
#include "store/location.h"

namespace daypart::store {
namespace {

constexpr std::string_view kMarkHeader = "x-amz-meta-daypart-write";
/// A listing of more pages is no folder of a lake: 100 million objects.
constexpr int kListPagesMax = 100'000;

std::string HeaderText(const http::Response& response, std::string_view name) {
  return std::string(http::FindHeader(response.headers, name).value_or(""));
}

uint64_t Number(std::string_view text) {
  uint64_t number = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

UtcMicros HttpDate(const std::string& text) {
  std::tm parts{};
  if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &parts) == nullptr) return UtcMicros(0);
  return UtcMicros(static_cast<int64_t>(timegm(&parts)) * 1'000'000);
}

std::string Named(std::string_view action, const S3Address& address) {
  return std::string(action) + " s3://" + address.bucket + '/' + address.key;
}

Error Refused(const http::Response& response, std::string_view action, const S3Address& address) {
  const std::string region = HeaderText(response, "x-amz-bucket-region");
  if ((response.status == 301 || response.status == 400) && !region.empty()) {
    return InvalidArgument(Named(action, address) + ": the bucket is in region " + region +
                           "; set store.region to it");
  }
  return aws::ToError(response, Named(action, address));
}

std::string XmlEscape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '"') {
      out += "&quot;";
    } else {
      out += c;
    }
  }
  return out;
}

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Result<pugi::xml_node> Parse(pugi::xml_document& document, const http::Response& response,
                             const char* root, const S3Address& address) {
  if (!document.load_buffer(response.body.data(), response.body.size()) || !document.child(root)) {
    return CorruptData(Named("s3", address) + ": an answer <" + root + "> is expected, found none");
  }
  return document.child(root);
}

}  // namespace

Result<S3Address> ParseS3Location(std::string_view location) {
  const LocationParts parts = SplitLocation(location);
  if ((parts.scheme != "s3" && parts.scheme != "s3a" && parts.scheme != "s3n") ||
      parts.authority.empty()) {
    return InvalidArgument("s3://bucket/key is expected, found '" + std::string(location) + "'");
  }
  std::string_view key = parts.path;
  if (key.starts_with('/')) key.remove_prefix(1);
  return S3Address{std::string(parts.authority), std::string(key)};
}

S3Client::S3Client(const S3Surroundings& surroundings, S3Options options)
    : around_(surroundings),
      options_(std::move(options)),
      service_(around_.http, around_.credentials, around_.clock, around_.random, around_.cancel,
               {.name = "s3",
                .region = options_.region,
                .endpoint = options_.endpoint,
                .retry = options_.retry,
                .may_leave_body_unsigned = true}) {}

aws::ServiceCall S3Client::CallFor(const S3Address& address, std::string method) const {
  aws::ServiceCall call;
  call.method = std::move(method);
  const bool is_in_path =
      options_.is_path_style || address.bucket.find('.') != std::string::npos;
  call.path = '/' + aws::UriEncode(address.key, "/");
  if (is_in_path) {
    call.path = '/' + address.bucket + (address.key.empty() ? "" : call.path);
  } else {
    call.host_prefix = address.bucket + '.';
  }
  if (options_.is_requester_paying) call.headers.emplace_back("x-amz-request-payer", "requester");
  return call;
}

void S3Client::AddEncryption(aws::ServiceCall& call) const {
  if (options_.encryption.empty()) return;
  call.headers.emplace_back("x-amz-server-side-encryption", options_.encryption);
  if (!options_.kms_key_id.empty()) {
    call.headers.emplace_back("x-amz-server-side-encryption-aws-kms-key-id", options_.kms_key_id);
  }
}

Result<S3Range> S3Client::Get(const S3Address& address, const std::string& range,
                              const std::string& etag, std::span<std::byte> into) {
  aws::ServiceCall call = CallFor(address, "GET");
  if (!range.empty()) call.headers.emplace_back("Range", range);
  if (!etag.empty()) call.headers.emplace_back("If-Match", etag);
  call.into = into;
  call.body_bytes_max = kGetBytesMax;
  DAYPART_TRY(aws::ServiceAnswer answer, service_.Call(call));
  http::Response& response = answer.response;
  if (response.status == 412) {
    return Unavailable(Named("GetObject", address) +
                       ": the object was replaced while it was read; try again");
  }
  if (!response.is_success()) return Refused(response, "GetObject", address);
  S3Range found{.into_bytes = response.into_bytes, .etag = HeaderText(response, "ETag")};
  found.bytes = std::move(response.body);
  const std::string total = HeaderText(response, "Content-Range");
  const size_t slash = total.find('/');
  found.object_bytes = slash == std::string::npos
                           ? std::max<uint64_t>(found.bytes.size(), found.into_bytes)
                           : Number(std::string_view(total).substr(slash + 1));
  return found;
}

Result<bool> S3Client::HasMark(const S3Address& address, const std::string& mark) {
  DAYPART_TRY(const auto answer, service_.Call(CallFor(address, "HEAD")));
  if (answer.response.status == 404) return false;
  if (!answer.response.is_success()) return Refused(answer.response, "HeadObject", address);
  return HeaderText(answer.response, kMarkHeader) == mark;
}

Status S3Client::AfterRefusal(const S3Address& address, const aws::ServiceAnswer& answer,
                              const std::string& mark, const std::string& what) {
  const int status = answer.response.status;
  const bool is_taken = status == 412 || status == 409;
  if (!is_taken && !(status == 404 && answer.may_have_acted_before)) {
    return Refused(answer.response, what, address);
  }
  if (answer.may_have_acted_before) {
    DAYPART_TRY(const bool is_ours, HasMark(address, mark));
    if (is_ours) return Ok();
    if (!is_taken) return Refused(answer.response, what, address);
  }
  return AlreadyExists("object is there already: s3://" + address.bucket + '/' + address.key);
}

Status S3Client::Put(const S3Address& address, std::span<const std::byte> bytes, WriteMode mode) {
  aws::ServiceCall call = CallFor(address, "PUT");
  const std::string mark = NewUuid(around_.random);
  call.headers.emplace_back("x-amz-checksum-crc32c", aws::Crc32cBase64(bytes));
  if (mode == WriteMode::kIfAbsent) {
    call.headers.emplace_back("If-None-Match", "*");
    call.headers.emplace_back(kMarkHeader, mark);
  }
  AddEncryption(call);
  call.body = bytes;
  DAYPART_TRY(const auto answer, service_.Call(call));
  if (answer.response.is_success()) return Ok();
  if (mode == WriteMode::kReplace) return Refused(answer.response, "PutObject", address);
  return AfterRefusal(address, answer, mark, "PutObject");
}

Result<ObjectInfo> S3Client::Head(const S3Address& address, std::string_view location) {
  DAYPART_TRY(const auto answer, service_.Call(CallFor(address, "HEAD")));
  const http::Response& response = answer.response;
  if (response.status == 404) return NotFound("no such object: " + std::string(location));
  if (!response.is_success()) return Refused(response, "HeadObject", address);
  return ObjectInfo{.location = std::string(location),
                    .bytes = Number(HeaderText(response, "Content-Length")),
                    .modified = HttpDate(HeaderText(response, "Last-Modified")),
                    .etag = HeaderText(response, "ETag")};
}

Result<std::vector<ObjectInfo>> S3Client::List(const S3Address& address) {
  std::vector<ObjectInfo> found;
  std::string token;
  for (int page = 0; page < kListPagesMax; ++page) {
    aws::ServiceCall call = CallFor({address.bucket, ""}, "GET");
    call.query = {{"list-type", "2"}, {"prefix", address.key}};
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
    DAYPART_TRY(const auto answer, service_.Call(call));
    if (!answer.response.is_success()) return Refused(answer.response, "ListBucket", address);
    pugi::xml_document document;
    DAYPART_TRY(const auto root, Parse(document, answer.response, "ListBucketResult", address));
    for (const auto& item : root.children("Contents")) {
      const std::string key = item.child_value("Key");
      // Consoles make objects of no bytes that stand for folders.
      if (key.ends_with('/')) continue;
      found.push_back(
          {.location = "s3://" + address.bucket + '/' + key,
           .bytes = Number(item.child_value("Size")),
           .modified =
               aws::ParseIsoTime(item.child_value("LastModified")).value_or(UtcMicros(0)),
           .etag = item.child_value("ETag")});
    }
    token = root.child_value("NextContinuationToken");
    if (std::string_view(root.child_value("IsTruncated")) != "true" || token.empty()) return found;
  }
  return ResourceExhausted(Named("ListBucket", address) + ": too many objects");
}

Status S3Client::Delete(const S3Address& address) {
  DAYPART_TRY(const auto answer, service_.Call(CallFor(address, "DELETE")));
  if (answer.response.is_success() || answer.response.status == 404) return Ok();
  return Refused(answer.response, "DeleteObject", address);
}

Status S3Client::Copy(const S3Address& from, const S3Address& to) {
  aws::ServiceCall call = CallFor(to, "PUT");
  call.headers.emplace_back("x-amz-copy-source",
                            '/' + from.bucket + '/' + aws::UriEncode(from.key, "/"));
  AddEncryption(call);
  DAYPART_TRY(const auto answer, service_.Call(call));
  if (!answer.response.is_success()) return Refused(answer.response, "CopyObject", from);
  // A copy may fail after the status was sent: the body tells.
  pugi::xml_document document;
  DAYPART_TRY(const auto root, Parse(document, answer.response, "CopyObjectResult", from));
  (void)root;  // Its presence is what was asked for.
  return Ok();
}

Result<std::string> S3Client::CreateUpload(const S3Address& address, const std::string& mark) {
  aws::ServiceCall call = CallFor(address, "POST");
  call.query = {{"uploads", ""}};
  call.headers.emplace_back(kMarkHeader, mark);
  call.headers.emplace_back("x-amz-checksum-algorithm", "CRC32C");
  AddEncryption(call);
  DAYPART_TRY(const auto answer, service_.Call(call));
  if (!answer.response.is_success()) {
    return Refused(answer.response, "CreateMultipartUpload", address);
  }
  pugi::xml_document document;
  DAYPART_TRY(const auto root,
              Parse(document, answer.response, "InitiateMultipartUploadResult", address));
  return std::string(root.child_value("UploadId"));
}

Result<S3Part> S3Client::UploadPart(const S3Address& address, const std::string& upload_id,
                                    int number, std::span<const std::byte> bytes) {
  aws::ServiceCall call = CallFor(address, "PUT");
  call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}};
  std::string crc32c = aws::Crc32cBase64(bytes);
  call.headers.emplace_back("x-amz-checksum-crc32c", crc32c);
  call.body = bytes;
  DAYPART_TRY(const auto answer, service_.Call(call));
  if (!answer.response.is_success()) return Refused(answer.response, "UploadPart", address);
  return S3Part{number, HeaderText(answer.response, "ETag"), bytes.size(), std::move(crc32c)};
}

Status S3Client::CompleteUpload(const S3Address& address, const std::string& upload_id,
                                const std::vector<S3Part>& parts, WriteMode mode,
                                const std::string& mark) {
  std::string body = "<CompleteMultipartUpload>";
  for (const S3Part& part : parts) {
    body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
            XmlEscape(part.etag) + "</ETag>";
    // A part that another process sent has none if the server does not list it.
    if (!part.crc32c.empty()) body += "<ChecksumCRC32C>" + part.crc32c + "</ChecksumCRC32C>";
    body += "</Part>";
  }
  body += "</CompleteMultipartUpload>";
  aws::ServiceCall call = CallFor(address, "POST");
  call.query = {{"uploadId", upload_id}};
  if (mode == WriteMode::kIfAbsent) call.headers.emplace_back("If-None-Match", "*");
  call.body = Bytes(body);
  http::Retries retries(options_.retry, budget_, around_.clock, around_.random, around_.cancel);
  bool may_have_acted = false;
  while (true) {
    DAYPART_TRY(auto answer, service_.Call(call));
    answer.may_have_acted_before |= may_have_acted;
    if (!answer.response.is_success()) {
      return AfterRefusal(address, answer, mark, "CompleteMultipartUpload");
    }
    // S3 begins to answer 200 before it is done, so a failure stands in the body.
    if (answer.response.body.find("<Error") == std::string::npos) return Ok();
    may_have_acted = true;
    if (!retries.Again()) {
      return Unavailable(aws::ToError(answer.response, Named("CompleteMultipartUpload", address))
                             .message);
    }
  }
}

Status S3Client::AbortUpload(const S3Address& address, const std::string& upload_id) {
  aws::ServiceCall call = CallFor(address, "DELETE");
  call.query = {{"uploadId", upload_id}};
  DAYPART_TRY(const auto answer, service_.Call(call));
  if (answer.response.is_success() || answer.response.status == 404) return Ok();
  return Refused(answer.response, "AbortMultipartUpload", address);
}

Result<std::vector<S3Part>> S3Client::ListParts(const S3Address& address,
                                                const std::string& upload_id) {
  std::vector<S3Part> parts;
  std::string marker;
  for (int page = 0; page < kListPagesMax; ++page) {
    aws::ServiceCall call = CallFor(address, "GET");
    call.query = {{"uploadId", upload_id}};
    if (!marker.empty()) call.query.emplace_back("part-number-marker", marker);
    DAYPART_TRY(const auto answer, service_.Call(call));
    if (!answer.response.is_success()) return Refused(answer.response, "ListParts", address);
    pugi::xml_document document;
    // Some servers name the root as the old documentation did.
    const bool is_old = answer.response.body.find("<ListPartsResponse") != std::string::npos;
    DAYPART_TRY(const auto root,
                Parse(document, answer.response, is_old ? "ListPartsResponse" : "ListPartsResult",
                      address));
    for (const auto& item : root.children("Part")) {
      parts.push_back({static_cast<int>(Number(item.child_value("PartNumber"))),
                       item.child_value("ETag"), Number(item.child_value("Size")),
                       item.child_value("ChecksumCRC32C")});
    }
    marker = root.child_value("NextPartNumberMarker");
    if (std::string_view(root.child_value("IsTruncated")) != "true") return parts;
  }
  return parts;
}

}  // namespace daypart::store
