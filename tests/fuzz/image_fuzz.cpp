// Fuzzes the JPEG and PNG readers in the way the folder data set uses them: first the header, then
// the whole file.
#include <span>

#include "fuzz/fuzz.hpp"
#include "hsconas/data/codec.hpp"

using namespace hsconas;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> file(data, size);
  fuzz::read_must_not_break([&] {
    check_header(file, size);
    static_cast<void>(has_end_mark(sniff_format(file), file));
    Image image;
    for (const int min_side : {0, 8}) decode_image(file, min_side, image);
    const std::size_t expected = std::size_t{3} * static_cast<std::size_t>(image.height) *
                                 static_cast<std::size_t>(image.width);
    if (image.pixels.size() != expected) std::abort();
  });
  return 0;
}
