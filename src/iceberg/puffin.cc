// SPDX-License-Identifier: Apache-2.0
//
// Magic, blobs, and the footer: Magic FooterPayload FooterPayloadSize(4, little-endian) Flags(4)
// Magic.
#include "iceberg/puffin.h"

#include <zstd.h>

#include <nlohmann/json.hpp>

namespace daypart::iceberg {
namespace {

constexpr std::string_view kPuffinMagic = "PFA1";
/// Payload size, flags and magic.
constexpr size_t kTrailerBytes = 12;
constexpr unsigned char kFooterCompressedFlag = 1;
/// A blob or footer says itself how large it is; larger than this is taken for damage.
constexpr uint64_t kDecompressedBytesMax = uint64_t{1} << 30;

std::string LittleEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xFF);
  return bytes;
}

uint32_t FromLittleEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 4; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

nlohmann::json ToJson(const PuffinBlob& blob) {
  nlohmann::json fields = nlohmann::json::array();
  for (const FieldId id : blob.fields) fields.push_back(id.value());
  nlohmann::json json{{"type", blob.type},
                      {"fields", std::move(fields)},
                      {"snapshot-id", blob.snapshot_id},
                      {"sequence-number", blob.sequence_number},
                      {"offset", blob.offset},
                      {"length", blob.length}};
  if (!blob.compression.empty()) json["compression-codec"] = blob.compression;
  if (!blob.properties.empty()) json["properties"] = blob.properties;
  return json;
}

PuffinBlob BlobFromJson(const nlohmann::json& json) {
  PuffinBlob blob;
  blob.type = json.at("type").get<std::string>();
  for (const auto& id : json.at("fields")) blob.fields.emplace_back(id.get<int32_t>());
  blob.snapshot_id = json.at("snapshot-id").get<int64_t>();
  blob.sequence_number = json.at("sequence-number").get<int64_t>();
  blob.offset = json.at("offset").get<int64_t>();
  blob.length = json.at("length").get<int64_t>();
  blob.compression = json.value("compression-codec", "");
  if (json.contains("properties")) json.at("properties").get_to(blob.properties);
  return blob;
}

Result<std::string> DecompressZstd(std::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > kDecompressedBytesMax) {
    return CorruptData("one zstd frame with its size is expected in a Puffin file");
  }
  std::string out(size, '\0');
  const size_t done = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(done) != 0 || done != out.size()) {
    return CorruptData("a zstd frame of a Puffin file does not decompress");
  }
  return out;
}

}  // namespace

std::string EncodePuffin(PuffinFile& file, const std::vector<std::string>& contents) {
  std::string bytes(kPuffinMagic);
  nlohmann::json blobs = nlohmann::json::array();
  for (size_t i = 0; i < contents.size(); ++i) {
    file.blobs[i].offset = static_cast<int64_t>(bytes.size());
    file.blobs[i].length = static_cast<int64_t>(contents[i].size());
    bytes += contents[i];
    blobs.push_back(ToJson(file.blobs[i]));
  }
  nlohmann::json footer{{"blobs", std::move(blobs)}};
  if (!file.properties.empty()) footer["properties"] = file.properties;
  const std::string payload = footer.dump();
  bytes += kPuffinMagic;
  bytes += payload;
  bytes += LittleEndian(static_cast<uint32_t>(payload.size()));
  bytes += LittleEndian(0);
  bytes += kPuffinMagic;
  return bytes;
}

Result<int64_t> PuffinFooterBytes(std::string_view tail, int64_t file_bytes) {
  if (tail.size() < kTrailerBytes || !tail.ends_with(kPuffinMagic)) {
    return CorruptData("a Puffin file ends with PFA1, this one of " + std::to_string(file_bytes) +
                       " bytes does not");
  }
  const int64_t payload = FromLittleEndian(tail.substr(tail.size() - kTrailerBytes));
  const int64_t footer =
      payload + static_cast<int64_t>(kPuffinMagic.size()) + static_cast<int64_t>(kTrailerBytes);
  if (footer + static_cast<int64_t>(kPuffinMagic.size()) > file_bytes) {
    return CorruptData("a Puffin footer of " + std::to_string(footer) +
                       " bytes does not fit into a file of " + std::to_string(file_bytes));
  }
  return footer;
}

Result<PuffinFile> DecodePuffinFooter(std::string_view tail, int64_t file_bytes) {
  DAYPART_TRY(const int64_t footer_bytes, PuffinFooterBytes(tail, file_bytes));
  if (static_cast<int64_t>(tail.size()) < footer_bytes) {
    return InvalidArgument("the last " + std::to_string(footer_bytes) +
                           " bytes of the Puffin file are needed");
  }
  std::string_view footer = tail.substr(tail.size() - static_cast<size_t>(footer_bytes));
  if (!footer.starts_with(kPuffinMagic)) {
    return CorruptData("a Puffin footer begins with PFA1, this one at offset " +
                       std::to_string(file_bytes - footer_bytes) + " does not");
  }
  const std::string_view flags = footer.substr(footer.size() - 8, 4);
  footer.remove_prefix(kPuffinMagic.size());
  footer.remove_suffix(kTrailerBytes);
  const bool has_unknown =
      (flags[0] & ~kFooterCompressedFlag) != 0 || flags[1] != 0 || flags[2] != 0 || flags[3] != 0;
  if (has_unknown || (flags[0] & kFooterCompressedFlag) != 0) {
    return Unsupported("Puffin footers that are compressed or have unknown flags are not read yet");
  }
  PuffinFile file;
  try {
    const auto json = nlohmann::json::parse(footer);
    for (const auto& blob : json.at("blobs")) file.blobs.push_back(BlobFromJson(blob));
    if (json.contains("properties")) json.at("properties").get_to(file.properties);
  } catch (const nlohmann::json::exception& exception) {
    return CorruptData(std::string("the footer of a Puffin file: ") + exception.what());
  }
  for (const PuffinBlob& blob : file.blobs) {
    const bool is_inside = blob.offset >= 0 && blob.length >= 0 &&
                           blob.offset <= file_bytes - footer_bytes &&
                           blob.length <= file_bytes - footer_bytes - blob.offset;
    if (is_inside) continue;
    return CorruptData("blob " + blob.type + " at offset " + std::to_string(blob.offset) + " of " +
                       std::to_string(blob.length) + " bytes lies outside the Puffin file");
  }
  return file;
}

Result<std::string> DecodePuffinBlob(const PuffinBlob& blob, std::string_view stored) {
  if (static_cast<int64_t>(stored.size()) != blob.length) {
    return CorruptData("blob " + blob.type + " has " + std::to_string(blob.length) +
                       " bytes by its footer, found " + std::to_string(stored.size()));
  }
  if (blob.compression.empty()) return std::string(stored);
  if (blob.compression == "zstd") return DecompressZstd(stored);
  return Unsupported("Puffin blobs compressed with " + blob.compression + " are not read yet");
}

}  // namespace daypart::iceberg
