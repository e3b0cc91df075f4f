#pragma once

#include <cstdint>
#include <span>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// How a stored picture must be turned to be upright, numbered as in Exif (tag 0x0112): 1 as it
/// is, 2 mirrored, 3 by 180 degrees, 4 upside down, 5 to 8 with rows and columns exchanged. 1 too
/// where `file`, a JPEG or PNG file from its start, says nothing or nothing sensible.
int jpeg_orientation(std::span<const std::uint8_t> file);
int png_orientation(std::span<const std::uint8_t> file);

/// Turns `image`, stored as `orientation` says, upright.
void turn_upright(int orientation, Image& image);

}  // namespace hsconas
