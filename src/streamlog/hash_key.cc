// SPDX-License-Identifier: Apache-2.0
//
// MD5 by OpenSSL, decimal by hand: no C++ library prints 128-bit numbers.
#include "streamlog/hash_key.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>

namespace daypart::streamlog {
namespace {

struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

struct DigestFree {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
};

}  // namespace

HashKey HashKeyOf(std::string_view partition_key) {
  // Fetching the algorithm costs more than the digest of a short key, so each thread does it once.
  thread_local const std::unique_ptr<EVP_MD, DigestFree> md5(
      EVP_MD_fetch(nullptr, "MD5", nullptr));
  thread_local const std::unique_ptr<EVP_MD_CTX, ContextFree> context(EVP_MD_CTX_new());
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  EVP_DigestInit_ex2(context.get(), md5.get(), nullptr);
  EVP_DigestUpdate(context.get(), partition_key.data(), partition_key.size());
  EVP_DigestFinal_ex(context.get(), digest.data(), &digest_bytes);
  HashKey key;
  for (size_t i = 0; i < 16; ++i) key.value = (key.value << 8) | digest[i];
  return key;
}

std::string ToDecimal(HashKey key) {
  if (key.value == 0) return "0";
  std::string text;
  for (auto rest = key.value; rest != 0; rest /= 10) {
    text += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  std::reverse(text.begin(), text.end());
  return text;
}

Result<HashKey> ParseHashKey(std::string_view text) {
  const auto wrong = [text] {
    return InvalidArgument("a decimal number below 2^128 is expected, found '" +
                           std::string(text.substr(0, 80)) + "'");
  };
  if (text.empty() || text.size() > 39 || (text.size() > 1 && text[0] == '0')) return wrong();
  HashKey key;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return wrong();
    const auto unit = static_cast<unsigned>(digit - '0');
    if (key.value > (kHashKeyMax.value - unit) / 10) return wrong();
    key.value = key.value * 10 + unit;
  }
  return key;
}

HashKeyRange EvenRange(size_t index, size_t count) {
  // 2^128 / count, where 2^128 itself has no place in 128 bits.
  auto step = kHashKeyMax.value / count;
  if (kHashKeyMax.value % count == count - 1) ++step;
  HashKeyRange range;
  range.first.value = step * index;
  range.last.value = index + 1 == count ? kHashKeyMax.value : step * (index + 1) - 1;
  return range;
}

}  // namespace daypart::streamlog
