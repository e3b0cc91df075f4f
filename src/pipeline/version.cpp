#include "hsconas/pipeline/version.hpp"

#include <fmt/format.h>
#include <torch/types.h>

#include "hsconas/base/version.hpp"
#include "hsconas/supernet/device.hpp"

namespace hsconas {

std::string version_text(const ProcessGroup& group) {
  const std::vector<torch::Device> devices = all_devices();
  std::string text = fmt::format("{}\n{}\ncompiler {}\n", version_line(),
                                 describe_libraries(devices.back()), __VERSION__);
  if (group.size() > 1) text += group.description() + "\n";
  std::string last;
  for (const torch::Device& device : devices) {
    const std::string line = describe_device(device) + "\n";
    if (line != last) text += line;  // Equal GPUs of a machine share one line.
    last = line;
  }
  return text;
}

}  // namespace hsconas
