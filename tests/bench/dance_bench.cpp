// Measures how well DANCE's evaluator approximates an exhaustive search over its hardware, with and
// without feature forwarding, and how long its training takes.
//
//   hsconas_dance_bench [--cost edap|linear] [--steps N] [--seed N] [--threads N]
#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <torch/types.h>

#include "hsconas/dance/cost_networks.hpp"
#include "hsconas/supernet/device.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

void print(const char* what, const Metrics& error) {
  fmt::print("  mean relative error {}: latency {:.2f} %, energy {:.2f} %, area {:.2f} %\n", what,
             100 * error.ms, 100 * error.energy, 100 * error.area_mm2);
}

}  // namespace

int main(int argc, char** argv) {
  DanceConfig config;
  std::uint64_t seed = 1;
  int threads = 1;
  std::string space_name = "dance-32";
  CLI::App app("DANCE's evaluator against exhaustive search");
  app.add_option("--cost", config.cost);
  app.add_option("--cost-steps", config.cost_steps);
  app.add_option("--generator-steps", config.generator_steps);
  app.add_option("--batch", config.batch);
  app.add_option("--lr", config.evaluator_lr);
  app.add_option("--networks", config.generator_networks);
  app.add_option("--seed", seed);
  app.add_option("--threads", threads);
  app.add_option("--space", space_name);
  CLI11_PARSE(app, argc, argv);
  set_threads(threads);
  const SearchSpace space = shipped_space(space_name);
  const DesignSpace designs =
      load_design_space(source_folder() / "configs" / "designs" / "dance.json");
  const CostTable costs(space, designs.designs());
  Log log;
  const StopToken stop;
  for (const bool forwards : {true, false}) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    if (!forwards) config.generator_steps = 1;  // The generator is not used.
    CostNetworks networks(space, designs, costs, config, seed, forwards);
    networks.train(log, stop, 1e9, [] {});
    fmt::print(
        "{} feature forwarding: {} designs, labels and training {:.0f} s ({:.0f} s of CPU)\n",
        forwards ? "with" : "without", designs.size(), seconds_since(begin), cpu_seconds() - cpu);
    const CostNetworksReport report = networks.test();
    if (forwards) {
      fmt::print("  regret, generated / best: median {:.4f}, mean {:.4f}, 95 % {:.4f}\n",
                 report.regret_median, report.regret_mean, report.regret_p95);
      for (std::size_t axis = 0; axis < report.right.size(); ++axis) {
        fmt::print("  {} chosen as exhaustive search does: {:.1f} %\n", designs.axes()[axis].key,
                   100 * report.right[axis]);
      }
      print("on random pairs", report.pair_error);
    }
    print("of a network on its best design", report.best_error);
  }
  return 0;
}
