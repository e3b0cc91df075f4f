#pragma once

#include "hsconas/latency/model.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Additive latency from multiply-adds: 1 ms, and for each layer 0.01 ms plus 1 ms per million. As
/// in every model, architectures with the same canonical form have the same latency.
class FakeLatency : public LatencyModel {
 public:
  explicit FakeLatency(const SearchSpace& space) {
    for (int layer = 0; layer < space.layers(); ++layer) {
      auto& ops = ms_.emplace_back();
      for (int op = 0; op < space.ops(); ++op) {
        auto& widths = ops.emplace_back();
        for (int width = 0; width < space.widths(); ++width) {
          const Cost cost = cost_of(space.block(layer, {op, width}));
          widths.push_back(0.01 + 1e-6 * static_cast<double>(cost.macs));
        }
      }
    }
  }

  double predict_ms(const Architecture& arch) const override {
    double total = 1.0;
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      total += ms_[layer][static_cast<std::size_t>(arch[layer].op)]
                  [static_cast<std::size_t>(arch[layer].width)];
    }
    return total;
  }

 private:
  std::vector<std::vector<std::vector<double>>> ms_;  ///< [layer][op][width].
};

}  // namespace hsconas
