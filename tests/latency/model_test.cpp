#include "hsconas/latency/model.hpp"

#include <algorithm>

#include "catch.hpp"
#include "support/fake_latency.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("the latency range is the true minimum and maximum of any subspace", "[latency]") {
  const SearchSpace space = tiny_space();
  const FakeLatency model(space);
  Rng rng(1, "test");
  for (int trial = 0; trial < 30; ++trial) {
    // A random subspace: some operators and widths are removed.
    Subspace subspace = Subspace::full(space);
    for (std::size_t layer = 0; layer < subspace.ops.size(); ++layer) {
      for (auto* allowed : {&subspace.ops[layer], &subspace.widths[layer]}) {
        if (allowed->size() > 1 && rng.chance(0.4)) {
          allowed->erase(allowed->begin() +
                         static_cast<std::ptrdiff_t>(rng.index(allowed->size())));
        }
      }
    }
    const auto all = enumerate(subspace);
    const auto [fastest, slowest] = std::minmax_element(
        all.begin(), all.end(),
        [&](const auto& a, const auto& b) { return model.predict_ms(a) < model.predict_ms(b); });
    const LatencyRange range = latency_range(model, subspace);
    CHECK(range.fastest_ms == Approx(model.predict_ms(*fastest)).epsilon(1e-12));
    CHECK(range.slowest_ms == Approx(model.predict_ms(*slowest)).epsilon(1e-12));
    CHECK(subspace.contains(range.fastest));
    CHECK(subspace.contains(range.slowest));
    CHECK(model.predict_ms(range.fastest) == range.fastest_ms);
    CHECK(model.predict_ms(range.slowest) == range.slowest_ms);
  }
}

TEST_CASE("a subspace of one architecture is its own fastest and slowest", "[latency]") {
  const SearchSpace space = tiny_space();
  const Architecture arch{{1, 0}, {2, 1}, {0, 0}};
  const LatencyRange range = latency_range(FakeLatency(space), Subspace::only(arch));
  CHECK(range.fastest == arch);
  CHECK(range.slowest == arch);
}
