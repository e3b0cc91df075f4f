#pragma once

#include <cmath>
#include <vector>

#include "hsconas/base/rng.hpp"
#include "hsconas/codesign/pair_cost.hpp"
#include "hsconas/space/search_space.hpp"

namespace hsconas {

/// Costs that rank networks alike on every design: each layer's choice adds random latency and
/// energy, and every design applies its own strictly increasing functions to the two sums. With
/// `disorder` above 0, every design first adds `disorder` times random sums of its own.
class FakePairCost : public PairCostModel {
 public:
  FakePairCost(const SearchSpace& space, std::size_t designs, std::uint64_t seed,
               double disorder = 0.0)
      : disorder_(disorder) {
    Rng rng(seed, "fake-pair-cost");
    for (std::size_t design = 0; design < designs; ++design) {
      bends_.push_back({rng.uniform(0.1, 10.0), rng.uniform(0.3, 3.0), rng.uniform(0.1, 10.0),
                        rng.uniform(0.3, 3.0)});
    }
    for (std::size_t table = 0; table < 1 + designs; ++table) {
      auto& layers = tables_.emplace_back();
      for (int layer = 0; layer < space.layers(); ++layer) {
        auto& choices = layers.emplace_back();
        for (int i = 0; i < space.ops() * space.widths(); ++i) {
          choices.push_back({rng.uniform(0.1, 1.0), rng.uniform(0.1, 1.0)});
        }
      }
    }
    widths_ = space.widths();
  }

  std::size_t designs() const override { return bends_.size(); }
  PairCost cost(const Architecture& arch, std::size_t design) const override {
    PairCost sum = total(arch, 0);
    const PairCost own = total(arch, 1 + design);
    sum.ms += disorder_ * own.ms;
    sum.energy += disorder_ * own.energy;
    const Bend& bend = bends_[design];
    return {bend.ms * std::pow(sum.ms, bend.ms_power),
            bend.energy * std::pow(sum.energy, bend.energy_power)};
  }

 private:
  struct Bend {
    double ms, ms_power, energy, energy_power;
  };

  PairCost total(const Architecture& arch, std::size_t table) const {
    PairCost sum;
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      const PairCost& cost =
          tables_[table][layer]
                 [static_cast<std::size_t>(arch[layer].op * widths_ + arch[layer].width)];
      sum.ms += cost.ms;
      sum.energy += cost.energy;
    }
    return sum;
  }

  double disorder_;
  int widths_ = 1;
  std::vector<Bend> bends_;
  std::vector<std::vector<std::vector<PairCost>>> tables_;  ///< [common, then designs][layer].
};

}  // namespace hsconas
