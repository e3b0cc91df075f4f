#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "hsconas/base/error.hpp"

namespace hsconas {

/// The processes that work on one run together, and what they tell each other. A process is a rank,
/// 0 to size() - 1; rank 0 alone touches the work directory (see GroupFiles). One process is a
/// group of one, SingleGroup, and takes the same path through the program.
///
/// All ranks run the same program on the same config with the same random streams, so they take the
/// same decisions. What only one of them can know (a signal, a clock, a loss that is not finite)
/// becomes a decision of all through max().
///
/// max(), sum(), sum_on_device(), broadcast(), on_root() and leave() are collective: every rank
/// makes the same calls in the same order with spans of the same length, and each returns once all
/// ranks have called. Each of them throws, on every rank, when the ranks' calls differ
/// (Error(Internal)) or when a rank has failed (its Error); the group is of no use after that. A
/// group that is destroyed before leave() counts as failed. A rank calls its group from one thread
/// at a time.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// The same among the ranks on this machine: they share its devices and cores.
  virtual int local_rank() const = 0;
  virtual int local_size() const = 0;
  /// The number of ranks, their hosts and what started them, for people: "2 processes on 1 host
  /// (srun): node7". Empty for a process that works alone.
  virtual std::string description() const = 0;

  /// Replaces each value by the largest that any rank has at that place.
  virtual void max(std::span<std::int32_t> values) = 0;
  /// Replaces each value by the sum over all ranks, which does not depend on their order. The sum
  /// must fit the type. 32 bits are for the gradients of every training step: they are the largest
  /// data that ranks exchange, and take half the time of 64 bits.
  virtual void sum(std::span<std::int32_t> values) = 0;
  virtual void sum(std::span<std::int64_t> values) = 0;
  /// Like sum(), for `count` values in the memory of this process' GPU, after the work that its
  /// current stream holds. Returns false, on all ranks, if the ranks cannot exchange such memory;
  /// the values have not changed then.
  virtual bool sum_on_device(std::int32_t* values, std::size_t count) = 0;
  /// Replaces `text` by that of rank 0.
  virtual void broadcast(std::string& text) = 0;

  /// A number that no other call for `queue` gets, on any rank: 0, 1, 2, ... Not collective: ranks
  /// take work from a queue as fast as they do it.
  virtual std::int64_t next(const std::string& queue) = 0;

  /// Rank 0 runs `f`, however long that takes, and all ranks get its text. When `f` throws, rank 0
  /// passes that on and the others throw the same Error (Error(Internal) for another exception).
  /// `f` must not call the group.
  virtual std::string on_root(const std::function<std::string()>& f) = 0;

  /// Says that this rank cannot go on because of `error`: the calls of the others throw it, so that
  /// nobody waits for this rank. An error that all ranks have may be said by each of them.
  virtual void fail(const Error& error) = 0;
  /// The end of the common work: waits until all ranks have come to it. There is no call after it.
  virtual void leave() = 0;
};

/// The group of a process that works alone.
class SingleGroup final : public ProcessGroup {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int local_rank() const override { return 0; }
  int local_size() const override { return 1; }
  std::string description() const override { return ""; }

  void max(std::span<std::int32_t> /*values*/) override {}
  void sum(std::span<std::int32_t> /*values*/) override {}
  void sum(std::span<std::int64_t> /*values*/) override {}
  bool sum_on_device(std::int32_t* /*values*/, std::size_t /*count*/) override { return true; }
  void broadcast(std::string& /*text*/) override {}
  std::int64_t next(const std::string& queue) override { return taken_[queue]++; }
  std::string on_root(const std::function<std::string()>& f) override { return f(); }
  void fail(const Error& /*error*/) override {}
  void leave() override {}

 private:
  std::map<std::string, std::int64_t> taken_;  ///< By queue.
};

}  // namespace hsconas
