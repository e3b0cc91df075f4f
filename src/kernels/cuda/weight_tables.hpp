#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "arena.hpp"
#include "weights.hpp"

namespace hsconas::cuda {

/// The rows of all weights of a pass, and the chunks into which their kernels divide them. The
/// tables are made on the host and uploaded.
class WeightTables {
 public:
  void clear() {
    rows_.clear();
    packed_chunks_.clear();
    value_chunks_.clear();
    value_count_ = 0;
  }

  void add(const WeightRow& row) {
    const int index = static_cast<int>(rows_.size());
    for (int first = 0; first < row.packed_count(); first += WeightTable::kChunk) {
      packed_chunks_.push_back({index, first});
    }
    rows_.push_back(row);
    if (row.constant != 0.0F) return;
    for (int first = 0; first < row.count(); first += WeightTable::kChunk) {
      value_chunks_.push_back({index, first});
    }
    rows_.back().first_value = value_count_;
    value_count_ += row.count();
  }

  void allocate(Arena& arena) {
    rows_on_device_ = arena.take<WeightRow>(static_cast<std::int64_t>(rows_.size()));
    packed_chunks_on_device_ =
        arena.take<WeightChunk>(static_cast<std::int64_t>(packed_chunks_.size()));
    value_chunks_on_device_ =
        arena.take<WeightChunk>(static_cast<std::int64_t>(value_chunks_.size()));
  }

  /// Uploads all tables in one copy, since they are consecutive in device memory.
  template <typename Queue>
  void upload(Queue& queue) {
    auto* const begin = reinterpret_cast<unsigned char*>(rows_on_device_);
    const auto put = [&](const void* to, const auto& table) {
      using Row = typename std::decay_t<decltype(table)>::value_type;
      const auto at = static_cast<std::size_t>(static_cast<const unsigned char*>(to) - begin);
      const std::size_t bytes = table.size() * sizeof(Row);
      if (tables_.size() < at + bytes) tables_.resize(at + bytes);
      std::memcpy(tables_.data() + at, table.data(), bytes);
    };
    tables_.clear();
    put(rows_on_device_, rows_);
    put(packed_chunks_on_device_, packed_chunks_);
    put(value_chunks_on_device_, value_chunks_);
    queue.upload(begin, tables_.data(), static_cast<std::int64_t>(tables_.size()));
  }

  /// The table for kernels over packed values, and the grid of their blocks.
  WeightTable packed() const { return {rows_on_device_, packed_chunks_on_device_}; }
  Grid packed_grid() const { return {static_cast<int>(packed_chunks_.size()), 1}; }
  /// The same for kernels over the values that are learned.
  WeightTable values() const { return {rows_on_device_, value_chunks_on_device_}; }
  Grid values_grid() const { return {static_cast<int>(value_chunks_.size()), 1}; }
  /// The number of values that are learned.
  std::int64_t value_count() const { return value_count_; }

 private:
  std::vector<WeightRow> rows_;
  std::vector<WeightChunk> packed_chunks_;
  std::vector<WeightChunk> value_chunks_;
  std::int64_t value_count_ = 0;
  std::vector<unsigned char> tables_;  ///< Copy of the three tables for the upload.
  WeightRow* rows_on_device_ = nullptr;
  WeightChunk* packed_chunks_on_device_ = nullptr;
  WeightChunk* value_chunks_on_device_ = nullptr;
};

}  // namespace hsconas::cuda
