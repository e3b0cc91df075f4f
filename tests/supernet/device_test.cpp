#include "hsconas/supernet/device.hpp"

#include <torch/torch.h>

#include "catch.hpp"
#include "support/errors.hpp"

using namespace hsconas;

TEST_CASE("a device is cpu, cuda or cuda:N and nothing else", "[supernet]") {
  CHECK(open_device("cpu") == torch::Device(torch::kCPU));
  for (const std::string name : {"gpu", "", "CPU", "cuda0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x",
                                 "cuda:99999999999", "cpu:0"}) {
    CHECK(error_of([&] { open_device(name); }) ==
          "usage: device.type must be cpu, cuda or cuda:N, got \"" + name + "\"");
  }
}

TEST_CASE("a GPU that is not there is a device error that names it", "[supernet]") {
  const std::string error = error_of([] { open_device("cuda:4096"); });
  CHECK(contains(error, "device: device.type is \"cuda:4096\" but "));
  if (!torch::cuda::is_available()) {
    CHECK(contains(error_of([] { open_device("cuda"); }), "has no CUDA; use cpu"));
  }
}

TEST_CASE("the CPU's description names it", "[supernet]") {
  CHECK(describe_device(torch::kCPU).starts_with("cpu: "));
  CHECK(describe_device(torch::kCPU).size() > 5);
}

TEST_CASE("threads are set for torch, 0 meaning one per core", "[supernet]") {
  const int before = at::get_num_threads();
  CHECK(set_threads(2) == 2);
  CHECK(at::get_num_threads() == 2);
  CHECK(set_threads(0) >= 1);
  CHECK(set_threads(before) == before);
}
