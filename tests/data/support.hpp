#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "hsconas/data/image_source.hpp"

#if HSCONAS_HAVE_JPEG
#include <turbojpeg.h>
#endif
#if HSCONAS_HAVE_PNG
#include <png.h>
#endif

namespace hsconas::test {

/// A new temporary folder, removed at the end of the test.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "hsconas-data-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Writes a file at `name`, relative to the folder, and creates missing parent folders.
  std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

inline std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// An image of one colour.
inline Image plain_image(int width, int height, const std::vector<std::uint8_t>& colour) {
  Image image;
  image.reshape(static_cast<int>(colour.size()), height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = colour[i % colour.size()];
  }
  return image;
}

#if HSCONAS_HAVE_JPEG
/// `image` as a JPEG file, with 1 (grey), 3 (RGB) or 4 channels (CMYK, inverted as by Adobe).
inline std::string encode_jpeg(const Image& image) {
  const int format = image.channels == 1 ? TJPF_GRAY : image.channels == 3 ? TJPF_RGB : TJPF_CMYK;
  const int sampling = image.channels == 1 ? TJSAMP_GRAY : TJSAMP_444;
  unsigned char* out = nullptr;
  unsigned long size = 0;
  const tjhandle encoder = tjInitCompress();
  tjCompress2(encoder, image.pixels.data(), image.width, 0, image.height, format, &out, &size,
              sampling, 95, 0);
  std::string file(reinterpret_cast<const char*>(out), size);
  tjFree(out);
  tjDestroy(encoder);
  return file;
}
#endif

#if HSCONAS_HAVE_PNG
/// `pixels` as a PNG file; `format` is one of libpng's PNG_FORMAT_*; linear formats have 16 bits.
inline std::string encode_png(int width, int height, png_uint_32 format, const void* pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = format;
  png_alloc_size_t size = 0;
  png_image_write_get_memory_size(image, size, 0, pixels, 0, nullptr);
  std::string file(size, '\0');
  png_image_write_to_memory(&image, file.data(), &size, 0, pixels, 0, nullptr);
  file.resize(size);
  return file;
}
#endif

/// `value` as four bytes, the most significant first.
inline std::string word(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

}  // namespace hsconas::test
