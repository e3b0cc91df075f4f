#pragma once

#include <cstdint>

#include "codec_limits.hpp"
#include "hsconas/data/image_source.hpp"

namespace hsconas::codec {

// Only builds with libturbojpeg (HSCONAS_HAVE_JPEG) define these functions. They work as
// check_header() and decode_image() do.
void check_jpeg_header(Bytes head, std::uint64_t file_bytes);
void decode_jpeg(Bytes file, int min_side, Image& out);

}  // namespace hsconas::codec
