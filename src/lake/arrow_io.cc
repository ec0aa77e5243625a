// SPDX-License-Identifier: Apache-2.0
//
// Adapters between the object store and Arrow's I/O interfaces.
#include "lake/arrow_io.h"

#include <arrow/buffer.h>
#include <arrow/memory_pool.h>

#include <span>
#include <string>
#include <utility>

namespace daypart::lake {
namespace {

/// Carries an Error through Arrow's Status, so that a full disk is still a full disk above.
class ErrorDetail final : public arrow::StatusDetail {
 public:
  explicit ErrorDetail(Error error) : error_(std::move(error)) {}
  const char* type_id() const override { return kTypeId; }
  std::string ToString() const override { return error_.message; }
  const Error& error() const { return error_; }

  static constexpr char kTypeId[] = "daypart::Error";

 private:
  Error error_;
};

arrow::Status ToArrow(Error error) {
  std::string message = error.message;
  return {arrow::StatusCode::IOError, std::move(message),
          std::make_shared<ErrorDetail>(std::move(error))};
}

/// A buffer on bytes that are somewhere already.
class MappedBuffer final : public arrow::Buffer {
 public:
  explicit MappedBuffer(std::shared_ptr<const store::MappedBytes> mapped)
      : Buffer(reinterpret_cast<const uint8_t*>(mapped->bytes().data()),
               static_cast<int64_t>(mapped->bytes().size())),
        mapped_(std::move(mapped)) {}

 private:
  std::shared_ptr<const store::MappedBytes> mapped_;
};

class StoreFile final : public arrow::io::RandomAccessFile {
 public:
  explicit StoreFile(std::unique_ptr<store::ObjectReader> reader) : reader_(std::move(reader)) {}

  arrow::Status Close() override {
    is_closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return is_closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Seek(int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<int64_t> GetSize() override { return static_cast<int64_t>(reader_->size_bytes()); }

  arrow::Result<int64_t> ReadAt(int64_t position, int64_t bytes, void* out) override {
    auto read =
        reader_->ReadAt(static_cast<uint64_t>(position),
                        std::span(static_cast<std::byte*>(out), static_cast<size_t>(bytes)));
    if (!read) return ToArrow(std::move(read).error());
    return static_cast<int64_t>(*read);
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t bytes) override {
    if (auto mapped = reader_->Map(static_cast<uint64_t>(position), static_cast<size_t>(bytes))) {
      return std::make_shared<MappedBuffer>(std::move(mapped));
    }
    ARROW_ASSIGN_OR_RAISE(auto buffer, arrow::AllocateResizableBuffer(bytes));
    ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position, bytes, buffer->mutable_data()));
    if (read < bytes) ARROW_RETURN_NOT_OK(buffer->Resize(read));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  arrow::Result<int64_t> Read(int64_t bytes, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const int64_t read, ReadAt(position_, bytes, out));
    position_ += read;
    return read;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override {
    ARROW_ASSIGN_OR_RAISE(auto buffer, ReadAt(position_, bytes));
    position_ += buffer->size();
    return buffer;
  }

 private:
  std::unique_ptr<store::ObjectReader> reader_;
  int64_t position_ = 0;
  bool is_closed_ = false;
};

class StoreStream final : public arrow::io::OutputStream {
 public:
  explicit StoreStream(store::ObjectWriter& writer) : writer_(writer) {}

  arrow::Status Close() override {
    is_closed_ = true;
    return arrow::Status::OK();
  }
  bool closed() const override { return is_closed_; }
  arrow::Result<int64_t> Tell() const override { return position_; }
  arrow::Status Write(const void* data, int64_t bytes) override {
    auto status =
        writer_.Append(std::span(static_cast<const std::byte*>(data), static_cast<size_t>(bytes)));
    if (!status) return ToArrow(std::move(status).error());
    position_ += bytes;
    return arrow::Status::OK();
  }

 private:
  store::ObjectWriter& writer_;
  int64_t position_ = 0;
  bool is_closed_ = false;
};

}  // namespace

Error FromArrow(const arrow::Status& status) {
  if (status.detail() != nullptr && status.detail()->type_id() == ErrorDetail::kTypeId) {
    return static_cast<const ErrorDetail&>(*status.detail()).error();
  }
  if (status.IsOutOfMemory() || status.IsCapacityError()) {
    return ResourceExhausted(status.message());
  }
  if (status.IsNotImplemented()) return Unsupported(status.message());
  if (status.IsCancelled()) return Cancelled(status.message());
  return CorruptData(status.message());
}

std::shared_ptr<arrow::io::RandomAccessFile> MakeArrowFile(
    std::unique_ptr<store::ObjectReader> reader) {
  return std::make_shared<StoreFile>(std::move(reader));
}

std::shared_ptr<arrow::io::OutputStream> MakeArrowStream(store::ObjectWriter& writer) {
  return std::make_shared<StoreStream>(writer);
}

}  // namespace daypart::lake
