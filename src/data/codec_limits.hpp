#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"

namespace hsconas::codec {

using Bytes = std::span<const std::uint8_t>;

// Largest number of pixels that one byte of file can hold: a JPEG block of 64 pixels needs some
// bits in at least one scan, and deflate expands a byte to at most 1032 bytes of 8 one-bit pixels
// each. The limit keeps a damaged or malicious header from making the decoder allocate memory that
// the file cannot fill.
constexpr std::uint64_t kJpegPixelsPerByte = 4096;
constexpr std::uint64_t kPngPixelsPerByte = 8256;
// Largest decoded image. A larger JPEG is decoded at a smaller scale, up to kMaxJpegPixels. The
// limit is lower for a progressive JPEG, whose coefficients are all in memory at once.
constexpr std::uint64_t kMaxPixels = std::uint64_t{1} << 27U;
constexpr std::uint64_t kMaxProgressivePixels = std::uint64_t{1} << 28U;
constexpr std::uint64_t kMaxJpegPixels = std::uint64_t{1} << 30U;

[[noreturn]] inline void fail(std::string_view reason) {
  throw Error(ErrorKind::Data, std::string(reason));
}

/// Throws unless width x height is above 0, at most `held`, the pixels that a file of this size can
/// hold, and at most `most`, the limit for files of this `kind`.
inline void check_size(std::uint64_t width, std::uint64_t height, std::uint64_t held,
                       std::uint64_t most, std::string_view kind) {
  if (width == 0 || height == 0) fail("its header says it has no pixels");
  if (width * height > held) {
    fail(fmt::format("its header says {} x {} pixels, more than the file can hold", width, height));
  }
  if (width * height > most) {
    fail(
        fmt::format("its {} x {} pixels are more than the {} million that hsconas reads of a {}; "
                    "make it smaller",
                    width, height, most / 1'000'000, kind));
  }
}

}  // namespace hsconas::codec
