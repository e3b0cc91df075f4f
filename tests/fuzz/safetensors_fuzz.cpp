// Fuzzes the reader of checkpoint headers. If the first byte is 'r', the checksum is corrected, so
// that the code behind it is reached too.
#include <algorithm>
#include <string>

#include "fuzz/fuzz.hpp"
#include "hsconas/base/tensor_layout.hpp"

using namespace hsconas;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string file(fuzz::text_of(data + 1, size - 1));
  fuzz::read_must_not_break([&] {
    if (data[0] == 'r') set_checksum(file);
    const TensorLayout layout = parse_tensor_layout(file);
    for (const TensorPlace& place : layout.tensors) {
      if (place.begin > file.size() || place.bytes > file.size() - place.begin) std::abort();
    }
  });
  return 0;
}
