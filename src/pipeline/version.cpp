#include "hsconas/pipeline/version.hpp"

#include <fmt/format.h>
#include <torch/torch.h>

#include "hsconas/supernet/device.hpp"

namespace hsconas {

std::string version_line() {
  return fmt::format("hsconas {}", HSCONAS_VERSION);
}

std::string version_text() {
  return fmt::format("{}\nLibTorch {}\ncompiler {}\n{}\n", version_line(), TORCH_VERSION,
                     __VERSION__, describe_device(torch::kCPU));
}

}  // namespace hsconas
