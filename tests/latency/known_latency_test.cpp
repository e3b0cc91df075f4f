#include "hsconas/latency/known_latency.hpp"

#include <cmath>
#include <string>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/space/network_region.hpp"
#include "hsconas/space/subspace.hpp"
#include "support/errors.hpp"
#include "support/known_table.hpp"
#include "support/spaces.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;

TEST_CASE("a known latency is looked up, and one that was not measured is infinite", "[latency]") {
  const TemporaryFolder folder;
  const SearchSpace cell(read_space(small_cell()));
  write_known_table(folder / "table.csv");
  const KnownLatency all(cell, folder / "table.csv", "ms");
  CHECK(all.networks().size() == 81);
  CHECK(all.predict_ms(cell.decode("0120")) == Approx(1.0 + 0.5 + 2.0));
  CHECK(all.unit() == "ms");
  const KnownLatency some(cell, folder / "table.csv", "some", "apples");
  CHECK(some.networks().size() == 54);
  CHECK(std::isinf(some.predict_ms(cell.decode("0120"))));
  CHECK(some.predict_ms(cell.decode("1120")) == Approx(1.0 + 0.5 + 0.5 + 2.0));
  CHECK(some.unit() == "apples");
}

TEST_CASE(
    "the extremes of known latencies are those of the networks in the region, although they "
    "do not add up",
    "[latency]") {
  const TemporaryFolder folder;
  const SearchSpace cell(read_space(small_cell()));
  // The fastest network is not made of the choices that are the fastest alone.
  write_file(folder / "odd.csv", "arch,ms\n0000,5\n1000,4\n0100,4\n1100,9\n2222,1\n");
  const KnownLatency odd(cell, folder / "odd.csv", "ms");
  const LatencyRange whole = latency_range(odd, Subspace::full(cell));
  CHECK(cell.encode(whole.fastest) == "2222");
  CHECK(whole.fastest_ms == 1.0);
  CHECK(cell.encode(whole.slowest) == "1100");
  CHECK(whole.slowest_ms == 9.0);
  Subspace part = Subspace::full(cell);
  part.ops[0] = {0, 1};
  CHECK(latency_range(odd, part).fastest_ms == 4.0);
  part.ops[3] = {1};
  CHECK(contains(error_of([&] { latency_range(odd, part); }),
                 "has a value for no network of the region"));
}

TEST_CASE("a wrong table of known latencies is an error that names the line", "[latency]") {
  const TemporaryFolder folder;
  const SearchSpace cell(read_space(small_cell()));
  const auto refused = [&](const std::string& text) {
    write_file(folder / "table.csv", text);
    return error_of([&] { KnownLatency(cell, folder / "table.csv", "ms"); });
  };
  CHECK(contains(refused("arch,ms\n0000,0\n"), "table.csv:2: ms must be above 0, got 0"));
  CHECK(contains(refused("arch,ms\n0000,x\n"), "table.csv:2: ms must be a number"));
  CHECK(contains(refused("arch,ms\n0003,1\n"), "table.csv:2: arch"));
  CHECK(contains(refused("arch,ms\n0000,1\n0000,1\n"), "an earlier row has: leave out one"));
  CHECK(contains(refused("arch,ms\n0000,\n"), "has no value"));
  CHECK(contains(refused("arch,time\n0000,1\n"), "has no column 'ms'"));
}
