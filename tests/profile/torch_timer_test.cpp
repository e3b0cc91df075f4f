#include "hsconas/profile/torch_timer.hpp"

#include <cmath>
#include <set>

#include <torch/torch.h>

#include "catch.hpp"
#include "support/spaces.hpp"

using namespace hsconas;

TEST_CASE("times of every block and of a whole network are positive and finite", "[profile]") {
  const SearchSpace space = tiny_space(2);
  TorchTimer timer(torch::kCPU, 1, 2);
  std::vector<std::vector<Block>> chains{
      space.network(space.uniform(1)), {space.stem()}, {space.head()}};
  for (int op = 0; op < space.ops(); ++op) chains.push_back({space.block(0, {op, 0})});
  std::vector<int> ids;
  for (const auto& chain : chains) ids.push_back(timer.prepare(chain));
  CHECK(std::set<int>(ids.begin(), ids.end()).size() == chains.size());
  for (const int id : ids) {
    for (const int runs : {1, 3}) {
      const double time = timer.time_ms(id, runs);
      CHECK(time > 0.0);
      CHECK(std::isfinite(time));
    }
  }
}

TEST_CASE("a released chain is gone, the others stay", "[profile]") {
  const SearchSpace space = tiny_space(2);
  TorchTimer timer(torch::kCPU, 1, 1);
  const std::vector<Block> chain{space.stem()};
  const int first = timer.prepare(chain);
  const int second = timer.prepare(chain);
  timer.release(first);
  CHECK_THROWS(timer.time_ms(first, 1));
  CHECK(timer.time_ms(second, 1) > 0.0);
  CHECK(timer.prepare(chain) != second);
}

TEST_CASE("a timer tells what it measures on", "[profile]") {
  const DeviceInfo info = TorchTimer(torch::kCPU, 2, 16).info();
  CHECK(info.device.starts_with("cpu: "));
  CHECK(info.threads == 2);
  CHECK(info.batch == 16);
  CHECK(info.precision == "fp32");
  CHECK(info.versions == std::string("LibTorch ") + TORCH_VERSION);
}

TEST_CASE("torch's thread count is the timer's while it lives", "[profile]") {
  const int before = at::get_num_threads();
  {
    const TorchTimer timer(torch::kCPU, before + 1, 1);
    CHECK(at::get_num_threads() == before + 1);
  }
  CHECK(at::get_num_threads() == before);
}
