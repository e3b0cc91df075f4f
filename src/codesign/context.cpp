#include "context.hpp"

#include <fmt/format.h>

#include "hsconas/search/methods.hpp"
#include "pair_search.hpp"

namespace hsconas {

Rng codesign_rng(std::uint64_t seed, const SearchConfig& search, std::uint64_t index) {
  const std::uint64_t own = search.seed;
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

std::size_t searched_pairs(const SearchConfig& search) {
  return static_cast<std::size_t>(find_search_method(search.method).evaluations(search));
}

}  // namespace hsconas
