// SPDX-License-Identifier: Apache-2.0
//
// Texts and bytes made fixed-size ones: offsets of slices, nulls, nesting, and what is refused.
#include "lake/fixed_bytes.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <string>

#include "lake/arrow_schema.h"

namespace daypart::lake {
namespace {

constexpr char kUuid[] = "80000000-0000-0000-0000-0000000000ff";

std::shared_ptr<arrow::Field> UuidField() {
  return WithUuidMark(*arrow::field("u", arrow::fixed_size_binary(16)));
}

template <typename Builder>
std::shared_ptr<arrow::Array> ArrayOf(const std::vector<const char*>& values) {
  Builder builder;
  for (const char* value : values) {
    EXPECT_TRUE((value == nullptr ? builder.AppendNull() : builder.Append(value)).ok());
  }
  return builder.Finish().ValueOrDie();
}

TEST(FixedBytes, TextsBecomeUuidsFromTheOffsetOfASlice) {
  const auto texts = ArrayOf<arrow::StringBuilder>({"left out", nullptr, kUuid})->Slice(1);
  const auto made = WithFixedBytes(texts, *UuidField());
  ASSERT_TRUE(made) << made.error().message;
  const auto& uuids = static_cast<const arrow::FixedSizeBinaryArray&>(**made);
  ASSERT_EQ(uuids.length(), 2);
  EXPECT_TRUE(uuids.IsNull(0));
  EXPECT_EQ(uuids.GetView(1), std::string("\x80") + std::string(14, '\0') + "\xff");
}

TEST(FixedBytes, StructsKeepTheirOffsetAndNulls) {
  const auto texts = ArrayOf<arrow::StringBuilder>({kUuid, nullptr, kUuid});
  const auto source =
      arrow::StructArray::Make({texts}, std::vector<std::string>{"u"}).ValueOrDie()->Slice(1);
  const auto made = WithFixedBytes(source, *arrow::field("s", arrow::struct_({UuidField()})));
  ASSERT_TRUE(made) << made.error().message;
  const auto inner = static_cast<const arrow::StructArray&>(**made).field(0);
  ASSERT_EQ(inner->length(), 2);
  EXPECT_EQ(inner->type_id(), arrow::Type::FIXED_SIZE_BINARY);
  EXPECT_TRUE(inner->IsNull(0));
  EXPECT_TRUE(inner->IsValid(1));
}

TEST(FixedBytes, RefusesAnotherLengthAndTextsThatAreNoUuids) {
  const auto fixed = arrow::field("f", arrow::fixed_size_binary(4));
  const auto fits = WithFixedBytes(ArrayOf<arrow::BinaryBuilder>({"abcd"}), *fixed);
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(static_cast<const arrow::FixedSizeBinaryArray&>(**fits).GetView(0), "abcd");
  const auto short_one = WithFixedBytes(ArrayOf<arrow::BinaryBuilder>({"abc"}), *fixed);
  ASSERT_FALSE(short_one);
  EXPECT_EQ(short_one.error().message, "a value of 4 bytes is expected, found 3");
  EXPECT_FALSE(WithFixedBytes(ArrayOf<arrow::StringBuilder>({"no uuid"}), *UuidField()));
  EXPECT_FALSE(is_source_of_fixed(*arrow::utf8(), *fixed));
  EXPECT_TRUE(is_source_of_fixed(*arrow::utf8(), *UuidField()));
}

}  // namespace
}  // namespace daypart::lake
