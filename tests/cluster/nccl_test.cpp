// Sums between GPUs; run with hsconas_gpu_tests "[gpu]".
#ifdef HSCONAS_HAVE_GLOO
#include "cluster/nccl.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/types.h>
#include <torch/utils.h>

#include "catch.hpp"
#include "support/skip.hpp"

using namespace hsconas;

TEST_CASE("one rank's sum over NCCL is its own values", "[.gpu]") {
  if (!can_connect_gpus(1)) return skip_test("this build has no NCCL, or there is no GPU");
  const auto store = c10::make_intrusive<c10d::HashStore>();
  const auto collectives = connect_gpus(store, 0, 1, std::chrono::seconds(60));
  const torch::Tensor values = torch::arange(1'000'000, torch::kInt).to(torch::kCUDA);
  const torch::Tensor expected = values.clone();
  std::vector<at::Tensor> tensors{gpu_tensor(values.data_ptr<std::int32_t>(), 1'000'000)};
  const auto work = collectives->allreduce(tensors);
  work->wait();
  CHECK(torch::equal(values, expected));
}

TEST_CASE("ranks that outnumber the GPUs of a machine are not connected over NCCL", "[.gpu]") {
  CHECK_FALSE(can_connect_gpus(1000));
}
#endif
