#include "hsconas/space/subspace.hpp"

#include <cmath>
#include <map>
#include <set>

#include "catch.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

namespace {

Architecture mutate(const Architecture& arch, const Subspace& subspace, double probability,
                    Rng& rng) {
  return architecture_of(subspace.mutate(genes_of(arch), probability, rng));
}

Architecture cross(const Architecture& a, const Architecture& b, const Subspace& subspace,
                   Rng& rng) {
  return architecture_of(subspace.cross(genes_of(a), genes_of(b), rng));
}

}  // namespace

TEST_CASE("the size of a space is that of the paper, before and after shrinking", "[space]") {
  const SearchSpace space = shipped_space("hsconas-a");
  Subspace subspace = Subspace::full(space);
  CHECK(format_power(subspace.log10_size()) == "9.54e33");
  for (int layer = 12; layer < 20; ++layer) subspace.ops[static_cast<std::size_t>(layer)] = {0};
  CHECK(format_power(subspace.log10_size()) == "2.44e28");
  CHECK(format_power(Subspace::full(shipped_space("spos")).log10_size()) == "1.10e12");
  CHECK(format_power(Subspace::full(shipped_space("nas-bench-macro")).log10_size()) == "6561");
}

TEST_CASE("powers print with the right number of digits", "[space]") {
  CHECK(format_power(0.0) == "1");
  CHECK(format_power(std::log10(994000.0)) == "994000");
  CHECK(format_power(std::log10(999999.0)) == "1.00e6");
  CHECK(format_power(6.0) == "1.00e6");
  CHECK(format_power(std::log10(9.999e40)) == "1.00e41");
  CHECK(format_power(400.0) == "1.00e400");
}

TEST_CASE("the number of different networks is the number of canonical forms", "[space]") {
  SpaceDescription description = tiny_description();
  description.widths = {0.25, 0.3, 0.5, 1.0};
  description.channel_divisor = 4;
  const SearchSpace space(description);
  const Subspace full = Subspace::full(space);
  std::set<Architecture> forms;
  for (const Architecture& arch : enumerate(full)) forms.insert(space.canonical(arch));
  CHECK(std::pow(10.0, log10_distinct(space, full)) == Approx(static_cast<double>(forms.size())));
  CHECK(enumerate(full).size() == 12 * 12 * 12);
}

TEST_CASE("a subspace of one architecture holds it alone", "[space]") {
  const Architecture arch{{2, 1}, {0, 0}, {1, 1}};
  const Subspace one = Subspace::only(arch);
  CHECK(one.log10_size() == 0.0);
  CHECK(one.contains(arch));
  CHECK_FALSE(one.contains({{2, 1}, {0, 0}, {1, 0}}));
  CHECK_FALSE(one.contains({{2, 1}, {0, 0}}));
  Rng rng(1, "test");
  CHECK(sample(one, rng) == arch);
  CHECK(mutate(arch, one, 1.0, rng) == arch);
}

TEST_CASE("samples and mutants stay inside the subspace", "[space]") {
  const SearchSpace space = shipped_space("fashion-28");
  Subspace subspace = Subspace::full(space);
  subspace.ops[0] = {1, 3};
  subspace.widths[2] = {0, 4, 9};
  subspace.ops[7] = {4};
  Rng rng(1, "test");
  for (int i = 0; i < 500; ++i) {
    const Architecture arch = sample(subspace, rng);
    CHECK(subspace.contains(arch));
    CHECK(subspace.contains(mutate(arch, subspace, 0.5, rng)));
  }
}

TEST_CASE("sampling is uniform over operators and widths", "[space]") {
  const SearchSpace space = tiny_space(1);
  Rng rng(1, "test");
  std::map<Architecture, int> counts;
  for (int i = 0; i < 6000; ++i) ++counts[sample(Subspace::full(space), rng)];
  CHECK(counts.size() == 6);
  for (const auto& [arch, count] : counts) CHECK(std::abs(count - 1000) < 150);
}

TEST_CASE("mutation keeps everything at probability 0 and redraws the share asked for", "[space]") {
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace full = Subspace::full(space);
  Rng rng(1, "test");
  int changed_ops = 0;
  const int trials = 500;
  for (int i = 0; i < trials; ++i) {
    const Architecture arch = sample(full, rng);
    CHECK(mutate(arch, full, 0.0, rng) == arch);
    const Architecture mutant = mutate(arch, full, 0.1, rng);
    for (std::size_t layer = 0; layer < arch.size(); ++layer) {
      changed_ops += mutant[layer].op != arch[layer].op ? 1 : 0;
    }
  }
  // Redrawn with 0.1, and then another one in four cases of five.
  CHECK(changed_ops == Approx(trials * 20 * 0.1 * 0.8).epsilon(0.15));
}

TEST_CASE("a crossover takes every gene from one of its parents", "[space]") {
  const SearchSpace space = shipped_space("hsconas-a");
  const Subspace full = Subspace::full(space);
  Rng rng(1, "test");
  int from_a = 0;
  int decided = 0;
  for (int i = 0; i < 200; ++i) {
    const Architecture a = sample(full, rng);
    const Architecture b = sample(full, rng);
    const Architecture child = cross(a, b, full, rng);
    for (std::size_t layer = 0; layer < a.size(); ++layer) {
      CHECK((child[layer].op == a[layer].op || child[layer].op == b[layer].op));
      CHECK((child[layer].width == a[layer].width || child[layer].width == b[layer].width));
      if (a[layer].width == b[layer].width) continue;
      ++decided;
      from_a += child[layer].width == a[layer].width ? 1 : 0;
    }
    CHECK(cross(a, a, full, rng) == a);
  }
  CHECK(from_a == Approx(decided / 2.0).epsilon(0.05));
}
