#include <fmt/format.h>

#include "hsconas/base/text.hpp"
#include "hsconas/codesign/methods.hpp"
#include "hsconas/search/methods.hpp"

namespace hsconas {

namespace {

std::string plan_compress(const CodesignConfig& config, const SearchConfig& search,
                          const CodesignSize& /*size*/) {
  std::string bits = "as wide as the design's words";
  if (!config.weight_bits.empty())
    bits = fmt::format("{} bits", fmt::join(config.weight_bits, " or "));
  return fmt::format(
      "start: {}\nweights of each block: {}\ninner channels: {}\n"
      "compressed networks: at most {}, each tuned for {} steps\n",
      join(config.start, " "), bits,
      config.cut_widths ? "up to those of the start" : "those of the start",
      find_search_method(search.method).evaluations(search), config.tune_steps);
}

}  // namespace

CodesignMethod compress_codesign() {
  return {
      .name = "compress",
      .meaning = "compresses trained networks, codesign.start, and chooses their design (HotNAS)",
      .has_proxy = false,
      .has_start = true,
      .run = nullptr,
      .plan = plan_compress,
      .keys = {"codesign.start", "codesign.weight_bits", "codesign.cut_widths",
               "codesign.tune_steps", "codesign.tune_lr"}};
}

}  // namespace hsconas
