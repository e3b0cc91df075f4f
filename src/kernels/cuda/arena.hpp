#pragma once

#include <algorithm>
#include <cstdint>

namespace hsconas::cuda {

/// Hands out consecutive pieces of one block of memory. Without memory it only counts bytes.
class Arena {
 public:
  explicit Arena(unsigned char* base = nullptr) : base_(base) {}

  template <typename T>
  T* take(std::int64_t count) {
    constexpr std::int64_t kAlignment = 256;
    unsigned char* piece = base_ == nullptr ? nullptr : base_ + used_;
    const std::int64_t bytes = count * static_cast<std::int64_t>(sizeof(T));
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    most_ = std::max(most_, used_);
    return reinterpret_cast<T*>(piece);
  }
  std::int64_t used() const { return used_; }
  /// Frees everything that was taken since used() returned `used`.
  void back_to(std::int64_t used) { used_ = used; }
  /// Largest number of bytes in use at any time.
  std::int64_t most() const { return most_; }

 private:
  unsigned char* base_;
  std::int64_t used_ = 0;
  std::int64_t most_ = 0;
};

}  // namespace hsconas::cuda
