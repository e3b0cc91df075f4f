// Fuzzes the readers of JSON files that people write or exchange. The first byte selects one: 'c'
// config, 's' space, 't' latency table, 'a' accelerator, 'n' network.
#include <string>

#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/base/json_reader.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/latency/table.hpp"
#include "hsconas/space/search_space.hpp"

using namespace hsconas;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  fuzz::read_must_not_break([&] {
    const nlohmann::json json = parse_json(text, "input");
    switch (data[0]) {
      case 'c':
        static_cast<void>(to_json(read_config(json)).dump());
        break;
      case 's':
        static_cast<void>(SearchSpace(read_space(json)).layers());
        break;
      case 't':
        static_cast<void>(to_json(read_table(json, "input")).dump());
        break;
      case 'a':
        static_cast<void>(area_of(read_accelerator(json)).total());
        break;
      case 'n':
        static_cast<void>(read_network(json));
        break;
      default:
        break;
    }
  });
  return 0;
}
