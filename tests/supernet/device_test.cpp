#include "hsconas/supernet/device.hpp"

#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>

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

TEST_CASE("a GPU that does not exist is a device error that names it", "[supernet]") {
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

TEST_CASE("the CPU comes first among the devices, and its libraries are LibTorch", "[supernet]") {
  REQUIRE_FALSE(all_devices().empty());
  CHECK(all_devices().front().is_cpu());
  CHECK(describe_libraries(torch::kCPU) == std::string("LibTorch ") + TORCH_VERSION);
}

TEST_CASE("allow_tf32() applies to convolutions and matrix products alike", "[supernet]") {
  for (const bool is_allowed : {true, false}) {
    allow_tf32(is_allowed);
    CHECK(at::globalContext().allowTF32CuDNN() == is_allowed);
    CHECK(at::globalContext().allowTF32CuBLAS() == is_allowed);
  }
}

// Hidden tests: on a machine with a GPU, run them by their tag.
TEST_CASE("an opened GPU computes fp32 in full precision and reproducibly", "[.gpu]") {
  const torch::Device device = open_device("cuda");
  CHECK(at::globalContext().deterministicCuDNN());
  CHECK_FALSE(at::globalContext().benchmarkCuDNN());
  CHECK(contains(describe_device(device), " SMs"));
  CHECK(contains(describe_libraries(device), "CUDA "));
  const torch::Tensor x = torch::rand({4, 64, 28, 28});
  const torch::Tensor weight = torch::rand({32, 64, 3, 3});
  const torch::Tensor exact = torch::conv2d(x.to(torch::kDouble), weight.to(torch::kDouble));
  const auto error = [&] {
    const torch::Tensor y = torch::conv2d(x.to(device), weight.to(device));
    return ((y.cpu() - exact).abs() / exact).max().item<double>();
  };
  CHECK(error() < 1e-5);  // TF32 has an error of about 1e-4.
  CHECK(error() == error());
}

TEST_CASE("set_threads() sets torch's threads, and 0 means one per core", "[supernet]") {
  const int before = at::get_num_threads();
  CHECK(set_threads(2) == 2);
  CHECK(at::get_num_threads() == 2);
  CHECK(set_threads(0) >= 1);
  CHECK(set_threads(before) == before);
}
