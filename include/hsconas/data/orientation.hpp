#pragma once

#include <cstdint>
#include <span>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

/// The Exif orientation (tag 0x0112) of a JPEG or PNG file, given from its start: 1 upright,
/// 2 mirrored left to right, 3 turned by 180 degrees, 4 mirrored top to bottom, 5 to 8 with rows
/// and columns exchanged. Returns 1 when the file has no orientation or an invalid one.
int jpeg_orientation(std::span<const std::uint8_t> file);
int png_orientation(std::span<const std::uint8_t> file);

/// Turns `image`, stored with Exif orientation `orientation`, upright.
void turn_upright(int orientation, Image& image);

}  // namespace hsconas
