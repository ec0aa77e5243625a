// SPDX-License-Identifier: Apache-2.0
//
// Avro object container files, as far as Iceberg's manifests need them. Reading follows the
// writer's schema from the file's header, whatever order and extra fields it has; fields are known
// by Iceberg's field-id, else by name. Source: Apache Avro 1.11 specification.
//
// The container:  "Obj" 01 | map<string, bytes> metadata | 16-byte sync
//                 then blocks: long rows | long bytes | data | 16-byte sync
// A long is zig-zag coded, 7 bits a byte, low first: 02 is 1, 01 is -1, 80 01 is 64. A torn write
// shows as a block that ends before its sync marker, or one whose marker is not the header's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace daypart::iceberg {

enum class AvroKind {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kFixed,
  kEnum,
  kArray,
  kMap,
  kRecord,
  kUnion,
};

/// A node of the writer's schema.
struct AvroNode {
  AvroKind kind = AvroKind::kNull;
  size_t fixed_bytes = 0;
  std::string name;                // of a record's field, on the field's node
  int32_t field_id = -1;           // of a record's field, where Iceberg wrote one
  bool is_decimal = false;         // logicalType decimal
  std::vector<AvroNode> children;  // record fields, union branches, array items, map values
};

/// Reads primitives off a block. After the first failure every read gives zero and is_good() is
/// false, so that a decoder checks once a record.
class AvroInput {
 public:
  explicit AvroInput(std::string_view bytes) : bytes_(bytes) {}
  int64_t ReadLong();
  bool ReadBoolean();
  float ReadFloat();
  double ReadDouble();
  std::string_view ReadBytes();
  std::string_view ReadFixed(size_t bytes);
  /// Enters a union: the branch's node, or null for a null branch or a failure.
  const AvroNode* ReadUnion(const AvroNode& node);
  /// Passes over one value of the node.
  void Skip(const AvroNode& node);
  /// Items in the array's or map's next block; 0 at its end.
  int64_t ReadBlockCount();

  bool is_good() const { return is_good_; }
  bool is_at_end() const { return position_ == bytes_.size(); }
  size_t position() const { return position_; }

 private:
  void Fail() { is_good_ = false; }
  void SkipAt(const AvroNode& node, int depth);

  std::string_view bytes_;
  size_t position_ = 0;
  bool is_good_ = true;
};

struct AvroBlock {
  int64_t rows = 0;
  std::string data;  // decompressed
};

struct AvroFile {
  std::map<std::string, std::string> metadata;
  AvroNode schema;
  std::vector<AvroBlock> blocks;
};

/// Reads header and blocks; codecs null and deflate.
/// errors: kCorruptData with the byte offset; kUnsupported for another codec.
Result<AvroFile> ReadAvro(std::string_view bytes);

/// Appends Avro primitives to a string.
class AvroOutput {
 public:
  void WriteLong(int64_t value);
  void WriteBoolean(bool value) { bytes_ += value ? '\1' : '\0'; }
  void WriteFloat(float value);
  void WriteDouble(double value);
  void WriteBytes(std::string_view bytes);
  void WriteFixed(std::string_view bytes) { bytes_ += bytes; }
  std::string Take() { return std::move(bytes_); }
  size_t size() const { return bytes_.size(); }

 private:
  std::string bytes_;
};

/// Puts a container together; blocks are compressed with deflate.
/// schema: the record's Avro schema as JSON. metadata: beside avro.schema and avro.codec.
/// records: each one record's bytes.
std::string WriteAvro(std::string_view schema, const std::map<std::string, std::string>& metadata,
                      const std::vector<std::string>& records);

/// A column name as Avro allows it: characters outside [A-Za-z0-9_] as _xHEX, a leading digit after
/// _. Source: the reference implementation's AvroSchemaUtil.sanitize.
std::string SanitizeAvroName(std::string_view name);

}  // namespace daypart::iceberg
