// SPDX-License-Identifier: Apache-2.0
//
// The decompressing byte sources that OpenText (decode/chunk.h) puts together.
#pragma once

#include <memory>

#include "decode/chunk.h"

namespace daypart::decode {

/// All members of a gzip stream, one after the other; zero bytes behind the last are padding.
/// errors of Read: kCorruptData with the offset in the compressed bytes.
std::unique_ptr<ByteSource> MakeGzipSource(std::unique_ptr<ByteSource> source);

/// All frames of a zstd stream, skippable ones skipped; errors as above. A frame whose window is
/// larger than 128 MiB (zstd --ultra --long=28 and more) is refused.
std::unique_ptr<ByteSource> MakeZstdSource(std::unique_ptr<ByteSource> source);

}  // namespace daypart::decode
