#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "c10d_version.hpp"
#include "hang_watch.hpp"
#include "hsconas/base/process_group.hpp"
#include "run_store.hpp"

namespace hsconas {

/// Where a rank stands in its group.
struct Seat {
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  std::string host;
  std::string group;  ///< See ProcessGroup::description().
  bool serves_store = false;
};

/// A ProcessGroup over LibTorch's collectives and store.
///
/// Gloo ends the process if the ranks of a collective pass buffers of different sizes. Therefore
/// each call begins with a small exchange of fixed size that compares what the ranks are about to
/// do, and carries the data if they are few. Sums of values in the memory of GPUs go over NCCL,
/// with the same small exchange before them.
class C10dGroup final : public ProcessGroup {
 public:
  /// A call that takes longer than `call_limit` hangs.
  C10dGroup(Seat seat, std::unique_ptr<RunStore> store, std::unique_ptr<HangWatch> watch,
            std::chrono::milliseconds call_limit, c10::intrusive_ptr<Collectives> collectives);
  ~C10dGroup() override;

  int rank() const override { return seat_.rank; }
  int size() const override { return seat_.size; }
  int local_rank() const override { return seat_.local_rank; }
  int local_size() const override { return seat_.local_size; }
  std::string description() const override { return seat_.group; }

  void max(std::span<std::int32_t> values) override;
  void sum(std::span<std::int32_t> values) override;
  void sum(std::span<std::int64_t> values) override;
  bool sum_on_device(std::int32_t* values, std::size_t count) override;
  void broadcast(std::string& text) override;
  std::int64_t next(const std::string& queue) override;
  std::string on_root(const std::function<std::string()>& f) override;
  void fail(const Error& error) override;
  void leave() override;

  /// The first collective: connects nothing new, but finds ranks that cannot be reached.
  void meet() { agree("the first call", {}); }

 private:
  static constexpr std::size_t kHashes = 2;
  static constexpr std::size_t kWords = 64;  ///< Of the small exchange: 256 bytes.
  static constexpr std::size_t kFew = kWords - kHashes;

  /// Compares `call` with the calls of the other ranks, and replaces each of up to kFew values by
  /// the largest of all ranks.
  void agree(const std::string& call, std::span<std::int32_t> values);
  /// Gives the text of rank 0, and a number that goes with it, to all.
  void share(const std::string& call, std::string& text, std::int32_t& number);
  void wait_for_root(const std::string& call);
  /// Connects the GPUs of all ranks at the first call. Returns whether they are connected.
  bool connect_devices();
  template <typename T>
  void sum_up(const std::string& call, std::span<T> values);

  /// Runs `action` of the library for `call`. An exception of it becomes the Error of the rank that
  /// has failed, or Error(Lost).
  template <typename Action>
  auto guarded(const std::string& call, Action&& action);
  Error lost(const std::string& call, const std::string& what) const;
  /// Throws the failure that another rank has announced, or `otherwise`.
  [[noreturn]] void give_up_for(const Error& otherwise);
  void throw_if_failed();
  /// throw_if_failed() for a while.
  void await_failure();
  [[noreturn]] void give_up(const Error& error);
  void refuse_on_root(const std::string& call) const;
  void wait_until_all_have(const std::string& counter, std::chrono::milliseconds patience);
  std::chrono::milliseconds last_limit() const;
  void close_collectives();

  const Seat seat_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<HangWatch> watch_;
  const std::chrono::milliseconds call_limit_;
  c10::intrusive_ptr<Collectives> collectives_;
  c10::intrusive_ptr<Collectives> device_collectives_;  ///< Null: not possible, or not yet.
  bool knows_devices_ = false;                          ///< Whether connect_devices() was called.
  std::uint64_t calls_ = 0;                             ///< Collective ones so far.
  std::int64_t root_calls_ = 0;                         ///< Calls of on_root() so far.
  bool is_on_root_ = false;
  bool has_left_ = false;         ///< By leave() or fail().
  std::optional<Error> failure_;  ///< Thrown by every later call.
};

}  // namespace hsconas
