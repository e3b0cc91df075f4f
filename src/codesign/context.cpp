#include "context.hpp"

#include <limits>

#include <fmt/format.h>

#include "hsconas/base/error.hpp"
#include "hsconas/search/methods.hpp"
#include "pair_search.hpp"

namespace hsconas {

namespace {

constexpr double kUm2PerMm2 = 1e6;

}  // namespace

Rng CodesignContext::rng(std::uint64_t index) const {
  const std::uint64_t own = search_config.seed;
  return {seed, own == 0 ? "codesign" : fmt::format("codesign {}", own), index};
}

std::vector<std::size_t> CodesignContext::evaluate_networks() {
  std::vector<std::size_t> indices;
  for (const Architecture& arch : problem.networks) indices.push_back(archive.index_of(arch));
  archive.evaluate(indices);
  return indices;
}

BestPairs CodesignContext::sweep_networks(std::span<const std::size_t> on, const Limits& limits,
                                          bool keep_pairs) {
  return sweep(archive, evaluate_networks(), on, limits, stop, keep_pairs);
}

BestPairs CodesignContext::search(std::span<const std::size_t> on, const Limits& limits, Rng& rng,
                                  const std::string& label) {
  return search_pairs(archive, on, limits, find_search_method(search_config.method), search_config,
                      rng, label, log, stop);
}

std::vector<std::size_t> designs_inside(const CodesignProblem& problem) {
  const auto& designs = problem.designs.designs();
  std::vector<std::size_t> inside;
  std::size_t smallest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const double area = area_of(designs[i]).total() / kUm2PerMm2;
    if (area <= problem.limits.area_mm2) inside.push_back(i);
    if (area < least) {
      least = area;
      smallest = i;
    }
  }
  if (inside.empty()) {
    throw Error(ErrorKind::Infeasible,
                fmt::format("no design meets codesign.max_area_mm2 {:.6g}: the smallest, {}, takes "
                            "{:.6g} mm^2",
                            problem.limits.area_mm2, designs[smallest].name, least));
  }
  return inside;
}

std::size_t searched_pairs(const SearchConfig& search) {
  return static_cast<std::size_t>(find_search_method(search.method).evaluations(search));
}

}  // namespace hsconas
