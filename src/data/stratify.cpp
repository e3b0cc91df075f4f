#include "hsconas/data/stratify.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "hsconas/base/rng.hpp"

namespace hsconas {

std::vector<std::vector<std::int64_t>> shuffle_by_class(const ImageSource& source,
                                                        std::size_t classes, std::uint64_t seed,
                                                        std::string_view stream) {
  std::vector<std::vector<std::int64_t>> by_class(classes);
  for (std::int64_t i = 0; i < source.size(); ++i) {
    by_class[static_cast<std::size_t>(source.label(i))].push_back(i);
  }
  for (std::size_t c = 0; c < classes; ++c) {
    Rng rng(seed, stream, c);
    rng.shuffle(std::span<std::int64_t>(by_class[c]));
  }
  return by_class;
}

std::vector<std::int64_t> proportional_quotas(std::span<const std::int64_t> sizes,
                                              std::int64_t total) {
  const std::int64_t all = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  std::vector<std::int64_t> quotas(sizes.size(), 0);
  if (all == 0) return quotas;
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t c = 0; c < sizes.size(); ++c) quotas[c] = sizes[c] * total / all;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sizes[a] * total % all > sizes[b] * total % all;
  });
  std::int64_t left = total - std::accumulate(quotas.begin(), quotas.end(), std::int64_t{0});
  for (const std::size_t c : order) {
    if (left == 0) break;
    ++quotas[c];
    --left;
  }
  return quotas;
}

std::vector<std::int64_t> take_from_classes(const std::vector<std::vector<std::int64_t>>& by_class,
                                            std::span<const std::int64_t> begin,
                                            std::span<const std::int64_t> count) {
  std::vector<std::int64_t> taken;
  for (std::size_t c = 0; c < by_class.size(); ++c) {
    const auto from = by_class[c].begin() + begin[c];
    taken.insert(taken.end(), from, from + count[c]);
  }
  std::sort(taken.begin(), taken.end());
  return taken;
}

}  // namespace hsconas
