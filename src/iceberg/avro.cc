// SPDX-License-Identifier: Apache-2.0
//
// The Avro container: schema tree, primitives, blocks.
#include "iceberg/avro.h"

#include <zlib.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

namespace daypart::iceberg {
namespace {

constexpr std::string_view kAvroMagic{"Obj\1", 4};
constexpr size_t kSyncBytes = 16;
/// Records gathered into one block before it is compressed: 256 KiB keeps deflate's window busy.
constexpr size_t kBlockBytesTarget = size_t{256} << 10;
/// A block that decompresses to more than this is refused as corrupt: a manifest's are far smaller.
constexpr size_t kBlockBytesMax = size_t{1} << 30;
/// Nesting of a schema or of a value that is skipped.
constexpr int kDepthMax = 64;

using NamedNodes = std::unordered_map<std::string, AvroNode>;

Result<AvroNode> ParseNode(const nlohmann::json& json, NamedNodes& named, int depth);

Result<AvroNode> ParseRecord(const nlohmann::json& json, NamedNodes& named, int depth) {
  AvroNode node;
  node.kind = AvroKind::kRecord;
  if (!json.contains("fields") || !json["fields"].is_array()) {
    return CorruptData("an Avro record without fields");
  }
  for (const auto& item : json["fields"]) {
    if (!item.is_object() || !item.contains("type") || !item.contains("name")) {
      return CorruptData("an Avro record field without name or type");
    }
    DAYPART_TRY(AvroNode field, ParseNode(item["type"], named, depth + 1));
    field.name = item["name"].is_string() ? item["name"].get<std::string>() : "";
    if (item.contains("field-id") && item["field-id"].is_number_integer()) {
      field.field_id = item["field-id"].get<int32_t>();
    }
    node.children.push_back(std::move(field));
  }
  return node;
}

Result<AvroNode> ParseNamed(const std::string& name, const NamedNodes& named) {
  static const std::unordered_map<std::string, AvroKind> kPrimitives = {
      {"null", AvroKind::kNull},   {"boolean", AvroKind::kBoolean}, {"int", AvroKind::kInt},
      {"long", AvroKind::kLong},   {"float", AvroKind::kFloat},     {"double", AvroKind::kDouble},
      {"bytes", AvroKind::kBytes}, {"string", AvroKind::kString}};
  const auto primitive = kPrimitives.find(name);
  if (primitive != kPrimitives.end()) {
    AvroNode node;
    node.kind = primitive->second;
    return node;
  }
  const auto found = named.find(name);
  if (found == named.end()) return CorruptData("Avro type '" + name + "' is not defined");
  return found->second;
}

Result<AvroNode> ParseNode(const nlohmann::json& json, NamedNodes& named, int depth) {
  if (depth > kDepthMax) return CorruptData("the Avro schema is nested too deeply");
  if (json.is_string()) return ParseNamed(json.get<std::string>(), named);
  AvroNode node;
  if (json.is_array()) {
    node.kind = AvroKind::kUnion;
    for (const auto& branch : json) {
      DAYPART_TRY(AvroNode child, ParseNode(branch, named, depth + 1));
      node.children.push_back(std::move(child));
    }
    return node;
  }
  if (!json.is_object() || !json.contains("type")) return CorruptData("an Avro type is expected");
  if (!json["type"].is_string()) return ParseNode(json["type"], named, depth + 1);
  const std::string type = json["type"].get<std::string>();
  if (type == "record") {
    DAYPART_TRY(node, ParseRecord(json, named, depth));
  } else if (type == "array" || type == "map") {
    const char* part = type == "array" ? "items" : "values";
    if (!json.contains(part)) return CorruptData("an Avro " + type + " without " + part);
    node.kind = type == "array" ? AvroKind::kArray : AvroKind::kMap;
    DAYPART_TRY(AvroNode child, ParseNode(json[part], named, depth + 1));
    node.children.push_back(std::move(child));
  } else if (type == "fixed") {
    node.kind = AvroKind::kFixed;
    node.fixed_bytes = json.value("size", size_t{0});
  } else if (type == "enum") {
    node.kind = AvroKind::kEnum;
  } else {
    DAYPART_TRY(node, ParseNamed(type, named));
  }
  node.is_decimal = json.value("logicalType", "") == "decimal";
  if (json.contains("name") && json["name"].is_string()) {
    named[json["name"].get<std::string>()] = node;
  }
  return node;
}

Result<std::string> Inflate(std::string_view compressed) {
  z_stream stream{};
  if (inflateInit2(&stream, -15) != Z_OK) return ResourceExhausted("zlib has no memory");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());
  std::string out;
  std::array<char, 64 << 10> piece;
  int code = Z_OK;
  while (code == Z_OK && out.size() <= kBlockBytesMax) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    code = inflate(&stream, Z_NO_FLUSH);
    out.append(piece.data(), piece.size() - stream.avail_out);
    if (code == Z_BUF_ERROR) break;
  }
  inflateEnd(&stream);
  if (code != Z_STREAM_END) return CorruptData("a deflated Avro block does not decompress");
  return out;
}

std::string Deflate(std::string_view bytes) {
  z_stream stream{};
  // Level 6 on windowBits -15: raw deflate, as the codec's definition has it. The call fails only
  // for lack of memory, which std::bad_alloc tells better.
  if (deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

Error CorruptAt(size_t offset, const std::string& what) {
  return CorruptData("Avro file, byte " + std::to_string(offset) + ": " + what);
}

}  // namespace

int64_t AvroInput::ReadLong() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (position_ >= bytes_.size()) break;
    const auto byte = static_cast<unsigned char>(bytes_[position_++]);
    value |= uint64_t{byte & 0x7FU} << shift;
    if ((byte & 0x80) == 0) {
      return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
    }
  }
  Fail();
  return 0;
}

bool AvroInput::ReadBoolean() {
  const std::string_view byte = ReadFixed(1);
  return is_good_ && byte[0] != '\0';
}

float AvroInput::ReadFloat() {
  float value = 0;
  const std::string_view bytes = ReadFixed(sizeof(value));
  if (is_good_) std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

double AvroInput::ReadDouble() {
  double value = 0;
  const std::string_view bytes = ReadFixed(sizeof(value));
  if (is_good_) std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

std::string_view AvroInput::ReadFixed(size_t bytes) {
  if (!is_good_ || bytes > bytes_.size() - position_) {
    Fail();
    return {};
  }
  const std::string_view value = bytes_.substr(position_, bytes);
  position_ += bytes;
  return value;
}

std::string_view AvroInput::ReadBytes() {
  const int64_t length = ReadLong();
  if (length < 0) {
    Fail();
    return {};
  }
  return ReadFixed(static_cast<size_t>(length));
}

const AvroNode* AvroInput::ReadUnion(const AvroNode& node) {
  if (node.kind != AvroKind::kUnion) return &node;
  const int64_t branch = ReadLong();
  if (!is_good_ || branch < 0 || static_cast<size_t>(branch) >= node.children.size()) {
    Fail();
    return nullptr;
  }
  const AvroNode& chosen = node.children[static_cast<size_t>(branch)];
  return chosen.kind == AvroKind::kNull ? nullptr : &chosen;
}

int64_t AvroInput::ReadBlockCount() {
  int64_t count = ReadLong();
  if (count < 0) {
    (void)ReadLong();  // the block's size in bytes, told for those who skip
    count = count == INT64_MIN ? 0 : -count;
  }
  // Each item of any type we meet takes at least one byte, except nulls, which arrays never hold
  // here.
  if (static_cast<uint64_t>(count) > bytes_.size()) Fail();
  return is_good_ ? count : 0;
}

void AvroInput::Skip(const AvroNode& node) { SkipAt(node, 0); }

void AvroInput::SkipAt(const AvroNode& node, int depth) {
  if (!is_good_) return;
  if (depth > kDepthMax) return Fail();
  switch (node.kind) {
    case AvroKind::kNull: return;
    case AvroKind::kBoolean: (void)ReadFixed(1); return;
    case AvroKind::kInt:
    case AvroKind::kEnum:
    case AvroKind::kLong: (void)ReadLong(); return;
    case AvroKind::kFloat: (void)ReadFixed(4); return;
    case AvroKind::kDouble: (void)ReadFixed(8); return;
    case AvroKind::kBytes:
    case AvroKind::kString: (void)ReadBytes(); return;
    case AvroKind::kFixed: (void)ReadFixed(node.fixed_bytes); return;
    case AvroKind::kUnion: {
      const AvroNode* branch = ReadUnion(node);
      if (branch != nullptr) SkipAt(*branch, depth + 1);
      return;
    }
    case AvroKind::kRecord:
      for (const AvroNode& field : node.children) SkipAt(field, depth + 1);
      return;
    case AvroKind::kArray:
    case AvroKind::kMap:
      for (int64_t count = ReadBlockCount(); count > 0; count = ReadBlockCount()) {
        for (int64_t item = 0; item < count && is_good_; ++item) {
          if (node.kind == AvroKind::kMap) (void)ReadBytes();
          SkipAt(node.children[0], depth + 1);
        }
      }
      return;
  }
}

Result<AvroFile> ReadAvro(std::string_view bytes) {
  if (!bytes.starts_with(kAvroMagic)) return CorruptAt(0, "'Obj' 01 is expected");
  AvroFile file;
  AvroInput input(bytes);
  (void)input.ReadFixed(kAvroMagic.size());
  for (int64_t count = input.ReadBlockCount(); count > 0; count = input.ReadBlockCount()) {
    for (int64_t item = 0; item < count && input.is_good(); ++item) {
      const std::string key(input.ReadBytes());
      file.metadata[key] = std::string(input.ReadBytes());
    }
  }
  const std::string_view sync = input.ReadFixed(kSyncBytes);
  if (!input.is_good()) return CorruptAt(input.position(), "the header is cut short");
  const auto json = nlohmann::json::parse(file.metadata["avro.schema"], nullptr, false);
  if (json.is_discarded()) return CorruptAt(0, "the header's avro.schema is no JSON");
  NamedNodes named;
  DAYPART_TRY(file.schema, ParseNode(json, named, 0));
  const auto codec = file.metadata.find("avro.codec");
  const bool is_deflated = codec != file.metadata.end() && codec->second == "deflate";
  if (!is_deflated && codec != file.metadata.end() && codec->second != "null") {
    return Unsupported("Avro codec null or deflate is expected, found " + codec->second);
  }
  while (!input.is_at_end()) {
    const size_t start = input.position();
    AvroBlock block;
    block.rows = input.ReadLong();
    const std::string_view data = input.ReadBytes();
    const std::string_view marker = input.ReadFixed(kSyncBytes);
    if (!input.is_good() || block.rows < 0) return CorruptAt(start, "a block is cut short");
    if (marker != sync) return CorruptAt(input.position(), "the block's sync marker is wrong");
    if (is_deflated) {
      auto inflated = Inflate(data);
      if (!inflated) return CorruptAt(start, inflated.error().message);
      block.data = std::move(inflated).value();
    } else {
      block.data = std::string(data);
    }
    file.blocks.push_back(std::move(block));
  }
  return file;
}

void AvroOutput::WriteLong(int64_t value) {
  auto bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (bits >= 0x80) {
    bytes_ += static_cast<char>(bits | 0x80);
    bits >>= 7;
  }
  bytes_ += static_cast<char>(bits);
}

void AvroOutput::WriteFloat(float value) {
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AvroOutput::WriteDouble(double value) {
  bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

void AvroOutput::WriteBytes(std::string_view bytes) {
  WriteLong(static_cast<int64_t>(bytes.size()));
  bytes_ += bytes;
}

std::string WriteAvro(std::string_view schema, const std::map<std::string, std::string>& metadata,
                      const std::vector<std::string>& records) {
  // The marker need only be unlikely in the data; a fixed one keeps equal content equal byte for
  // byte.
  static constexpr std::string_view kSync{
      "\xDA\x59\x50\xA7\x1C\xEB\xE4\x6D\x9F\x03\x77\xB8\x52\xC4\x0E\xF1", kSyncBytes};
  AvroOutput out;
  out.WriteFixed(kAvroMagic);
  out.WriteLong(static_cast<int64_t>(metadata.size()) + 2);
  out.WriteBytes("avro.schema");
  out.WriteBytes(schema);
  out.WriteBytes("avro.codec");
  out.WriteBytes("deflate");
  for (const auto& [key, value] : metadata) {
    out.WriteBytes(key);
    out.WriteBytes(value);
  }
  out.WriteLong(0);
  out.WriteFixed(kSync);
  std::string block;
  int64_t rows = 0;
  const auto flush = [&] {
    if (rows == 0) return;
    out.WriteLong(rows);
    out.WriteBytes(Deflate(block));
    out.WriteFixed(kSync);
    block.clear();
    rows = 0;
  };
  for (const std::string& record : records) {
    block += record;
    ++rows;
    if (block.size() >= kBlockBytesTarget) flush();
  }
  flush();
  return out.Take();
}

std::string SanitizeAvroName(std::string_view name) {
  std::string out;
  for (size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    const bool is_digit = std::isdigit(static_cast<unsigned char>(c)) != 0;
    const bool is_letter = std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (is_digit && at == 0) {
      out += '_';
      out += c;
    } else if (is_letter || is_digit) {
      out += c;
    } else {
      char hex[8];
      std::snprintf(hex, sizeof(hex), "_x%X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    }
  }
  return out;
}

}  // namespace daypart::iceberg
