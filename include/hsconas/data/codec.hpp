#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

enum class ImageFormat { Unknown, Jpeg, Png };

/// What the first bytes of a file say it is; a file's name plays no part.
ImageFormat sniff_format(std::span<const std::uint8_t> head);

/// What a file that is neither JPEG nor PNG is: "a WebP file; ...", "neither a JPEG nor a PNG
/// file".
std::string other_image(std::span<const std::uint8_t> head);

/// Empty, or why this program cannot decode `format` and what helps: it was built without.
std::string missing_codec(ImageFormat format);

/// Checks that `head`, the beginning of a JPEG or PNG file of `file_bytes` bytes, has a sound
/// header with believable dimensions. Throws Error(Data), whose text does not name the file.
void check_header(std::span<const std::uint8_t> head, std::uint64_t file_bytes);

/// True when `tail`, the last bytes of a file, holds the mark that ends a file of `format`.
/// False does not prove damage: a sound file may carry more behind its end.
bool has_end_mark(ImageFormat format, std::span<const std::uint8_t> tail);

/// Decodes a JPEG or PNG file to 8-bit RGB, upright: turned as its Exif orientation says.
///
/// Pixels are what PIL's convert("RGB"), OpenCV's imread() and torchvision's decode_image() hand to
/// a network: grey is repeated, of 16 bits the upper 8 count, transparency is dropped (a
/// transparent pixel keeps its stored colour), and gamma, colour profiles and comments change
/// nothing. CMYK and YCCK are converted. `min_side` as in ImageSource::load(); without it a JPEG of
/// more than 134 million pixels is reduced as well. Throws Error(Data), whose text does not name
/// the file, when it is truncated or damaged.
void decode_image(std::span<const std::uint8_t> file, int min_side, Image& out);

}  // namespace hsconas
