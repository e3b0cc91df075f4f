#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "hsconas/base/statistics.hpp"
#include "hsconas/codesign/codesign.hpp"
#include "support/fake_evaluator.hpp"
#include "support/fake_pair_cost.hpp"
#include "support/spaces.hpp"

namespace hsconas {

/// A tiny space, designs on axes of several phases, and fakes: what a co-design method needs.
struct PairMethodBench {
  SearchSpace space = tiny_space();
  DesignSpace designs{nlohmann::json::parse(R"({"name": "some", "dataflow": ["ws-x", "ws-kc"],
    "pes": [32, 64, 96, 128], "buffer_bytes": 65536, "noc_words": [1, 2, 3],
    "offchip_bytes": [8, 16]})")};
  FakeEvaluator evaluator{space};
  FakePairCost fake_costs{space, designs.size(), 1, 0.5};
  const PairCostModel* costs = &fake_costs;
  std::vector<Architecture> networks;
  Limits limits;
  Log log{Verbosity::Quiet, false};
  StopToken stop;
  CodesignConfig config;
  SearchConfig search{.population = 10, .generations = 5, .parents = 4};

  /// Accuracies are kept in `csv` unless it is empty, as a run keeps them.
  CodesignResult run(const std::string& method, const std::filesystem::path& csv = {}) {
    AccuracyCache accuracies(space, evaluator, csv, [](const Architecture&, double accuracy) {
      return AccuracyCache::Columns{1.0, accuracy};
    });
    config.method = method;
    return codesign({.accuracies = accuracies,
                     .costs = *costs,
                     .designs = designs,
                     .limits = limits,
                     .networks = networks},
                    config, search, 1, log, stop);
  }

  /// Limits that about the share `share` squared of the pairs meets.
  Limits limits_that_some_meet(double share) const {
    std::vector<double> ms;
    std::vector<double> energy;
    for (const Architecture& arch : enumerate(Subspace::full(space))) {
      for (std::size_t design = 0; design < designs.size(); ++design) {
        const PairCost cost = costs->cost(arch, design);
        ms.push_back(cost.ms);
        energy.push_back(cost.energy);
      }
    }
    return {.ms = quantile(ms, share), .energy = quantile(energy, share)};
  }

  /// The highest accuracy inside the limits.
  double optimum() const {
    double best = -1.0;
    for (const Architecture& arch : enumerate(Subspace::full(space))) {
      for (std::size_t design = 0; design < designs.size(); ++design) {
        if (limits.meets(costs->cost(arch, design))) {
          best = std::max(best, evaluator.accuracy_of(space.canonical(arch)));
        }
      }
    }
    return best;
  }
};

inline const char* const kPairMethods[] = {"two_level", "multi_phase", "bayesian"};

}  // namespace hsconas
