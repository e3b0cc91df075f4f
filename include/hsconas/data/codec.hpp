#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hsconas/data/image_source.hpp"

namespace hsconas {

enum class ImageFormat { Unknown, Jpeg, Png };

/// The format that the first bytes of a file identify; the file's name is not considered.
ImageFormat sniff_format(std::span<const std::uint8_t> head);

/// Describes a file that is neither JPEG nor PNG, for an error message: "is a WebP image; ..." when
/// the format is recognised, else "neither a JPEG nor a PNG file".
std::string other_image(std::span<const std::uint8_t> head);

/// Empty when this build can decode `format`; else the missing library and the remedy.
std::string missing_codec(ImageFormat format);

/// Checks that `head`, the beginning of a JPEG or PNG file of `file_bytes` bytes, has a sound
/// header with plausible dimensions. Throws Error(Data), whose text does not name the file.
void check_header(std::span<const std::uint8_t> head, std::uint64_t file_bytes);

/// True when `tail`, the last bytes of a file, contains the end marker of `format`. False does not
/// prove damage: a sound file may have other data after its end marker.
bool has_end_mark(ImageFormat format, std::span<const std::uint8_t> tail);

/// Decodes a JPEG or PNG file to 8-bit RGB and turns it upright according to its Exif orientation.
///
/// Pixels equal those of PIL's convert("RGB"), OpenCV's imread() and torchvision's decode_image():
/// grey is repeated in all channels, 16-bit values keep their upper 8 bits, transparency is dropped
/// (a transparent pixel keeps its stored colour), and gamma, colour profiles and comments are
/// ignored. CMYK and YCCK are converted. `min_side` works as in ImageSource::load(); without it,
/// a JPEG of more than 134 million pixels is still reduced. Throws Error(Data), whose text does not
/// name the file, when it is truncated or damaged.
void decode_image(std::span<const std::uint8_t> file, int min_side, Image& out);

}  // namespace hsconas
