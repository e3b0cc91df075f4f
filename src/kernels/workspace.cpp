#include "hsconas/kernels/workspace.hpp"

#include <cstdlib>
#include <new>

namespace hsconas {

namespace {

constexpr std::size_t kAlignment = 64;

}  // namespace

void Workspace::Free::operator()(float* p) const {
  std::free(p);
}

float* Workspace::at_least(std::int64_t floats) {
  if (floats > floats_) {
    data_.reset();
    floats_ = 0;
    const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
    data_.reset(static_cast<float*>(
        std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment)));
    if (!data_) throw std::bad_alloc();
    floats_ = floats;
  }
  return data_.get();
}

}  // namespace hsconas
