#pragma once

#include <cstdint>
#include <memory>

namespace hsconas {

/// Memory that is kept from use to use and only grows, aligned for vectors, not initialised.
class Workspace {
 public:
  float* at_least(std::int64_t floats);
  template <typename T>
  T* at_least_of(std::int64_t values) {
    constexpr auto kValue = static_cast<std::int64_t>(sizeof(T));
    constexpr auto kFloat = static_cast<std::int64_t>(sizeof(float));
    return reinterpret_cast<T*>(at_least((values * kValue + kFloat - 1) / kFloat));
  }
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::unique_ptr<float[], Free> data_;
  std::int64_t floats_ = 0;
};

}  // namespace hsconas
