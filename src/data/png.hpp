#pragma once

#include <cstdint>

#include "codec_limits.hpp"
#include "hsconas/data/image_source.hpp"

namespace hsconas::codec {

/// Works as check_header() does.
void check_png_header(Bytes head, std::uint64_t file_bytes);

/// Works as decode_image() does. Only builds with libpng (HSCONAS_HAVE_PNG) define it.
void decode_png(Bytes file, Image& out);

}  // namespace hsconas::codec
