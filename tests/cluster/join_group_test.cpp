#include "hsconas/cluster/join_group.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <limits>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "catch.hpp"
#include "support/errors.hpp"
#include "support/free_port.hpp"
#include "support/local_ranks.hpp"

using namespace hsconas;

#ifdef HSCONAS_HAVE_GLOO

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Joins a group of `size` ranks, each in a thread, and lets them work. Returns how each ended, as
/// error_of() says it; "exception: ..." for another exception.
std::vector<std::string> run_joined(int size, const GroupWork& work,
                                    const JoinOptions& options = quick_options()) {
  const int port = free_port();
  const StopToken stop;
  std::vector<std::string> ends(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      std::string& end = ends[static_cast<std::size_t>(rank)];
      std::shared_ptr<ProcessGroup> group;
      try {
        end = error_of([&] {
          group = join_group(local_launch(rank, size, port), stop, options);
          try {
            work(*group);
            group->leave();
          } catch (const Error& error) {
            group->fail(error);
            throw;
          }
        });
      } catch (const std::exception& error) {
        end = std::string("exception: ") + error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return ends;
}

std::vector<std::string> all_end(int size, const std::string& how) {
  return std::vector<std::string>(static_cast<std::size_t>(size), how);
}

bool all_contain(const std::vector<std::string>& ends, const std::string& part) {
  return std::all_of(ends.begin(), ends.end(),
                     [&](const std::string& end) { return contains(end, part); });
}

std::string own_host() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

template <typename T>
std::string as_text(const std::vector<T>& values) {
  std::string text;
  for (const T value : values) text += std::to_string(value) + " ";
  return text;
}

/// Throws if a rank did not see what it should. Catch's assertions are for one thread.
void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void check_places(ProcessGroup& group, int size) {
  require(group.size() == size, "size");
  require(group.local_size() == size, "local_size");
  require(group.local_rank() == group.rank(), "local_rank");
}

/// Lengths below and above the limit of the small exchange.
void check_reductions(ProcessGroup& group) {
  for (const std::size_t length : {0U, 1U, 5U, 62U, 63U, 5000U}) {
    std::vector<std::int32_t> most(length);
    std::vector<std::int64_t> sums(length);
    std::vector<std::int32_t> small_sums(length);
    std::vector<std::int32_t> expected_small_sums(length, 0);
    std::vector<std::int32_t> expected_most(length, std::numeric_limits<std::int32_t>::min());
    std::vector<std::int64_t> expected_sums(length, 0);
    for (int rank = 0; rank < group.size(); ++rank) {
      for (std::size_t i = 0; i < length; ++i) {
        const auto at = static_cast<std::int64_t>(i);
        const auto small = static_cast<std::int32_t>((at * 37 + rank * 101) % 997 - 990);
        const std::int64_t large = (at + 1) * (rank - 1) * 1'000'000'007'000LL;
        expected_most[i] = std::max(expected_most[i], small);
        expected_sums[i] += large;
        expected_small_sums[i] += small;
        if (rank != group.rank()) continue;
        most[i] = small;
        sums[i] = large;
        small_sums[i] = small;
      }
    }
    group.max(most);
    group.sum(sums);
    group.sum(small_sums);
    require(most == expected_most, "max of " + std::to_string(length) + ": " + as_text(most));
    require(sums == expected_sums, "sum of " + std::to_string(length) + ": " + as_text(sums));
    require(small_sums == expected_small_sums,
            "32-bit sum of " + std::to_string(length) + ": " + as_text(small_sums));
  }
}

void check_extremes(ProcessGroup& group) {
  using Limits = std::numeric_limits<std::int32_t>;
  std::vector<std::int32_t> values{group.rank() == 0 ? Limits::max() : Limits::min(),
                                   Limits::min()};
  group.max(values);
  require(values == std::vector<std::int32_t>{Limits::max(), Limits::min()}, as_text(values));
}

/// Texts below and above the limit of the small exchange, with all bytes.
void check_broadcasts(ProcessGroup& group) {
  for (const std::size_t length : {0U, 1U, 235U, 236U, 237U, 3'000'000U}) {
    std::string expected(length, ' ');
    for (std::size_t i = 0; i < length; ++i)
      expected[i] = static_cast<char>((i * 7 + length) % 256);
    std::string text = group.rank() == 0 ? expected : "of rank " + std::to_string(group.rank());
    group.broadcast(text);
    require(text == expected, "broadcast of " + std::to_string(length));
  }
}

void check_root(ProcessGroup& group, std::atomic<int>& calls) {
  for (int i = 0; i < 3; ++i) {
    const std::string text = group.on_root([&] {
      std::this_thread::sleep_for(i * 10ms);
      ++calls;
      return "call " + std::to_string(i) + " by rank " + std::to_string(group.rank());
    });
    require(text == "call " + std::to_string(i) + " by rank 0", text);
  }
  const std::string error = error_of([&] {
    group.on_root([]() -> std::string { throw Error(ErrorKind::Data, "the disk is full"); });
  });
  require(error == "data: the disk is full", error);
}

void check_nested(ProcessGroup& group) {
  std::string error;
  try {
    group.on_root([&] { return group.on_root([] { return std::string(); }); });
  } catch (const Error& thrown) {
    error = thrown.what();
  }
  require(error == "on_root inside on_root", error);
}

}  // namespace

TEST_CASE("ranks that joined exchange numbers and texts and take work once", "[cluster]") {
  for (const int size : {2, 3}) {
    CAPTURE(size);
    constexpr std::int64_t kUnits = 50;
    std::atomic<int> root_calls = 0;
    std::mutex mutex;
    std::vector<std::int64_t> taken;
    std::vector<std::int64_t> other;
    const auto ends = run_joined(size, [&](ProcessGroup& group) {
      check_places(group, size);
      check_reductions(group);
      check_extremes(group);
      check_broadcasts(group);
      for (std::int64_t unit = group.next("units"); unit < kUnits; unit = group.next("units")) {
        const std::lock_guard lock(mutex);
        taken.push_back(unit);
      }
      const std::int64_t first = group.next("another queue");
      {
        const std::lock_guard lock(mutex);
        other.push_back(first);
      }
      check_root(group, root_calls);
      check_nested(group);
      check_reductions(group);  // The group goes on after an Error of rank 0.
    });
    CHECK(ends == all_end(size, "nothing"));
    CHECK(root_calls == 3);
    std::sort(taken.begin(), taken.end());
    std::vector<std::int64_t> expected(kUnits);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(taken == expected);
    std::sort(other.begin(), other.end());
    expected.resize(static_cast<std::size_t>(size));
    CHECK(other == expected);
  }
}

TEST_CASE("another exception of rank 0 stays what it is there and is a bug elsewhere",
          "[cluster]") {
  const auto ends = run_joined(2, [](ProcessGroup& group) {
    group.on_root([]() -> std::string { throw std::runtime_error("oh"); });
  });
  CHECK(ends == std::vector<std::string>{"exception: oh", "internal: oh"});
}

TEST_CASE("a rank that fails releases the others, in whatever they wait", "[cluster]") {
  const std::vector<GroupWork> waits{
      max_of_one,
      [](ProcessGroup& group) {
        std::int64_t value = 0;
        group.sum(std::span(&value, 1));
      },
      [](ProcessGroup& group) {
        std::int32_t value = 0;
        group.sum(std::span(&value, 1));
      },
      [](ProcessGroup& group) {
        std::string text;
        group.broadcast(text);
      },
      [](ProcessGroup& group) { group.on_root([] { return std::string(); }); },
      [](ProcessGroup& group) { group.leave(); },
      [](ProcessGroup& group) {
        while (group.next("units") >= 0) {
        }
      }};
  for (std::size_t i = 0; i < waits.size(); ++i) {
    CAPTURE(i);
    const int failing = i % 2 == 0 ? 1 : 0;  // Rank 0 serves the store, which must last.
    const int size = i == 0 ? 3 : 2;
    const auto begin = Clock::now();
    const auto ends = run_joined(size, [&](ProcessGroup& group) {
      if (group.rank() == failing) throw Error(ErrorKind::Data, "a bad image");
      waits[i](group);
    });
    auto expected = all_end(
        size, "data: rank " + std::to_string(failing) + " on " + own_host() + ": a bad image");
    expected[static_cast<std::size_t>(failing)] = "data: a bad image";
    CHECK(ends == expected);
    CHECK(Clock::now() - begin < 10s);
  }
}

TEST_CASE("a failure is the answer of every later call, too", "[cluster]") {
  std::vector<std::string> errors;
  run_joined(2, [&](ProcessGroup& group) {
    if (group.rank() == 1) throw Error(ErrorKind::Infeasible, "no network fits");
    for (int i = 0; i < 2; ++i) errors.push_back(error_of([&] { max_of_one(group); }));
    errors.push_back(error_of([&] { group.next("units"); }));
    errors.push_back(error_of([&] { group.leave(); }));
  });
  CHECK(errors == all_end(4, "infeasible: rank 1 on " + own_host() + ": no network fits"));
}

TEST_CASE("what interrupts one rank interrupts the others, without a rank's name", "[cluster]") {
  const auto ends = run_joined(2, [](ProcessGroup& group) {
    if (group.rank() == 1) throw StopToken::stopped();
    max_of_one(group);
  });
  CHECK(ends == all_end(2, "interrupted: stopped on request; --resume continues"));
}

TEST_CASE("a rank that is stopped alone can take the others along", "[cluster]") {
  const auto ends = run_joined(2, [](ProcessGroup& group) {
    if (group.rank() == 0) return max_of_one(group);
    const std::string early = error_of([&] { group.leave(); });
    require(contains(early, "the ranks diverged"), early);
    throw StopToken::stopped();
  });
  CHECK(ends == all_end(2, "interrupted: stopped on request; --resume continues"));
}

TEST_CASE("ranks that call differently are told so", "[cluster]") {
  CHECK(all_contain(run_joined(2,
                               [](ProcessGroup& group) {
                                 std::vector<std::int64_t> values(group.rank() == 0 ? 1 : 2000);
                                 group.sum(values);
                               }),
                    "the ranks diverged"));
  CHECK(all_contain(run_joined(3,
                               [](ProcessGroup& group) {
                                 if (group.rank() != 2) max_of_one(group);
                               }),
                    "the ranks diverged"));
}

TEST_CASE("a rank that does not come to a collective is lost after the timeout", "[cluster]") {
  JoinOptions options = quick_options();
  options.timeout = 300ms;
  std::atomic<bool> is_over = false;
  const auto begin = Clock::now();
  const auto ends = run_joined(
      2,
      [&](ProcessGroup& group) {
        if (group.rank() == 0) {
          const std::string error = error_of([&] { max_of_one(group); });
          is_over = true;
          throw Error(ErrorKind::Usage, error);
        }
        while (!is_over && Clock::now() - begin < 10s) std::this_thread::sleep_for(10ms);
        max_of_one(group);
      },
      options);
  CHECK(ends[0].starts_with("usage: lost: another process of this run is gone or does not answer"));
  CHECK_FALSE(contains(ends[0], "\n"));
  CHECK(Clock::now() - begin < 10s);
}

TEST_CASE("rank 0 may take longer over its own work than a collective may wait", "[cluster]") {
  JoinOptions options = quick_options();
  options.timeout = 300ms;
  const auto ends = run_joined(
      2,
      [](ProcessGroup& group) {
        group.on_root([] {
          std::this_thread::sleep_for(700ms);
          return std::string();
        });
        max_of_one(group);
      },
      options);
  CHECK(ends == all_end(2, "nothing"));
}

TEST_CASE("a group that is destroyed before leave() has failed", "[cluster]") {
  const int port = free_port();
  const StopToken stop;
  std::string end;
  std::thread other([&] {
    end = error_of([&] {
      const auto group = join_group(local_launch(1, 2, port), stop, quick_options());
      max_of_one(*group);
    });
  });
  join_group(local_launch(0, 2, port), stop, quick_options());
  other.join();
  CHECK(end == "internal: rank 0 on " + own_host() + ": this rank ended before the others");
}

TEST_CASE("a process that never comes is named", "[cluster]") {
  JoinOptions options = quick_options();
  options.join_timeout = 1s;
  const int port = free_port();
  const StopToken stop;
  std::string other_end;
  std::thread other([&] {
    other_end = error_of([&] { join_group(local_launch(2, 3, port), stop, quick_options()); });
  });
  const std::string missing = "lost: only 2 of 3 processes came within 1 s; missing: 1";
  CHECK(error_of([&] { join_group(local_launch(0, 3, port), stop, options); }) == missing);
  other.join();
  CHECK(other_end == missing);
}

TEST_CASE("a rank whose rank 0 never comes says where it looked", "[cluster]") {
  JoinOptions options = quick_options();
  options.join_timeout = 100ms;
  const int port = free_port();
  CHECK(error_of([&] { join_group(local_launch(1, 2, port), StopToken(), options); }) ==
        "lost: rank 1 on " + own_host() + " found nobody at 127.0.0.1:" + std::to_string(port) +
            " within 0 s: check MASTER_ADDR and MASTER_PORT, and whether rank 0 runs");
}

TEST_CASE("waiting for the others ends when a stop is requested", "[cluster]") {
  StopToken stop;
  stop.request();
  const std::string stopped = "interrupted: stopped on request; --resume continues";
  const int port = free_port();
  CHECK(error_of([&] { join_group(local_launch(0, 2, port), stop, quick_options()); }) == stopped);
  CHECK(error_of([&] { join_group(local_launch(1, 2, port), stop, quick_options()); }) == stopped);
}

TEST_CASE("a port in use is refused by name", "[cluster]") {
  ::setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0);  // LibTorch would print the error, too.
  const Listener busy;
  CHECK(error_of([&] {
          join_group(local_launch(0, 2, busy.port()), StopToken(), quick_options());
        }) == "usage: port " + std::to_string(busy.port()) + " on " + own_host() +
                  " is in use: set MASTER_PORT");
}

TEST_CASE("processes that do not fit together are refused", "[cluster]") {
  const auto joined_by = [](const ProcessLaunch& first, const JoinOptions& options,
                            ProcessLaunch second, const JoinOptions& others) {
    const StopToken stop;
    std::array<std::string, 2> ends;
    std::thread other([&] { ends[1] = error_of([&] { join_group(second, stop, others); }); });
    ends[0] = error_of([&] { join_group(first, stop, options); });
    other.join();
    return ends;
  };
  JoinOptions older = quick_options();
  older.program = "hsconas 0.0.9";
  int port = free_port();
  const std::string version = "usage: rank 1 on " + own_host() +
                              " runs hsconas 0.0.9 with 2 processes, but rank 0 on " + own_host() +
                              " runs test with 2 processes: start the same program, command and "
                              "number of processes everywhere";
  const auto versions =
      joined_by(local_launch(0, 2, port), quick_options(), local_launch(1, 2, port), older);
  CHECK(versions[0] == version);
  CHECK(versions[1] == "usage: rank 0 on " + own_host() + ": " + version.substr(7));
  port = free_port();
  ProcessLaunch twin = local_launch(0, 2, port);
  twin.serves_store = false;
  const auto twins = joined_by(local_launch(0, 2, port), quick_options(), twin, quick_options());
  CHECK(contains(twins[0] + twins[1],
                 "two processes are rank 0 of this run: give each another rank"));
  CHECK(error_of([&] { join_group(local_launch(0, 129, port), StopToken(), quick_options()); }) ==
        "usage: 129 processes are too many for one run: start at most 128");
}

TEST_CASE("an unknown network interface is refused by name", "[cluster]") {
  const int port = free_port();
  const StopToken stop;
  std::array<std::string, 2> ends;
  std::vector<std::thread> ranks;
  for (const int rank : {0, 1}) {
    ranks.emplace_back([&, rank] {
      ProcessLaunch launch = local_launch(rank, 2, port);
      if (rank == 1) launch.interfaces = {"nosuch0"};
      ends[static_cast<std::size_t>(rank)] =
          error_of([&] { join_group(launch, stop, quick_options()); });
    });
  }
  for (std::thread& rank : ranks) rank.join();
  for (const std::string& end : ends) {
    CHECK(contains(end, "GLOO_SOCKET_IFNAME: no such network interface on " + own_host()));
  }
}

TEST_CASE("the processes can meet in a store that an agent serves, once per restart", "[cluster]") {
  const int port = free_port();
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(port);
  options.isServer = true;
  options.waitWorkers = false;
  const auto agent = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  const StopToken stop;
  const std::string bad = "a bad image";
  for (const int restart : {0, 1}) {
    CAPTURE(restart);
    std::array<std::string, 2> ends;
    std::vector<std::thread> ranks;
    for (const int rank : {0, 1}) {
      ranks.emplace_back([&, rank] {
        ProcessLaunch launch = local_launch(rank, 2, port);
        launch.serves_store = false;
        launch.prefix = "hsconas/test/" + std::to_string(restart);
        ends[static_cast<std::size_t>(rank)] = error_of([&] {
          const auto group = join_group(launch, stop, quick_options());
          max_of_one(*group);
          if (restart == 1) return group->leave();
          if (rank == 1) group->fail({ErrorKind::Data, bad});
          max_of_one(*group);
        });
      });
    }
    for (std::thread& rank : ranks) rank.join();
    CHECK(ends[0] == (restart == 1 ? "nothing" : "data: rank 1 on " + own_host() + ": " + bad));
    CHECK(ends[1] == (restart == 1 ? "nothing" : "data: " + bad));
  }
}

TEST_CASE("a launch of one process is a group of one", "[cluster]") {
  const auto group = join_group(ProcessLaunch(), StopToken(), quick_options());
  CHECK(group->size() == 1);
  CHECK(group->description().empty());
}

#else

TEST_CASE("without Gloo several processes are refused with the remedy", "[cluster]") {
  ProcessLaunch launch;
  launch.size = 2;
  CHECK(error_of([&] { join_group(launch, StopToken(), {}); }) ==
        "usage: 2 processes were started, but this build has no Gloo: install libgloo-dev and "
        "configure again, or start one process");
  CHECK(join_group(ProcessLaunch(), StopToken(), {}).group->size() == 1);
}

#endif
