#include "hsconas/base/process_group.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/group_files.hpp"
#include "hsconas/base/rng.hpp"
#include "hsconas/base/stop_token.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;

namespace {

constexpr int kMostRanks = 4;

/// Something of each rank.
template <typename T>
using PerRank = std::array<T, kMostRanks>;

std::vector<std::string> all_end(int size, const std::string& how) {
  return std::vector<std::string>(static_cast<std::size_t>(size), how);
}

std::size_t at(const std::shared_ptr<ProcessGroup>& group) {
  return static_cast<std::size_t>(group->rank());
}

/// Runs `check` for groups of one, as a process of its own and as a thread, up to kMostRanks.
template <typename Check>
void for_all_sizes(const Check& check) {
  for (int size = 1; size <= kMostRanks; ++size) {
    CAPTURE(size);
    check(size);
  }
}

}  // namespace

TEST_CASE("the largest and the sum are over all ranks, place by place", "[process_group]") {
  for_all_sizes([](int size) {
    constexpr std::size_t kValues = 5;
    PerRank<std::vector<std::int32_t>> most;
    PerRank<std::vector<std::int64_t>> sums;
    PerRank<std::vector<std::int32_t>> small_sums;
    const auto ends = run_ranks(size, [&](const auto& group) {
      // Several rounds: a fast rank must not disturb what a slow one still reads.
      for (std::uint64_t round = 0; round < 50; ++round) {
        Rng rng(round, "values", static_cast<std::uint64_t>(group->rank()));
        std::vector<std::int32_t> small;
        std::vector<std::int64_t> large;
        for (std::size_t i = 0; i < kValues; ++i) {
          small.push_back(static_cast<std::int32_t>(rng.below(2000)) - 1000);
          large.push_back(static_cast<std::int64_t>(rng.below(1ULL << 60U)) - (1LL << 59));
        }
        std::vector<std::int32_t> terms = small;
        group->max(small);
        group->sum(large);
        group->sum(terms);
        small_sums[at(group)].insert(small_sums[at(group)].end(), terms.begin(), terms.end());
        most[at(group)].insert(most[at(group)].end(), small.begin(), small.end());
        sums[at(group)].insert(sums[at(group)].end(), large.begin(), large.end());
      }
    });
    CHECK(ends == all_end(size, "nothing"));
    std::vector<std::int32_t> expected_most;
    std::vector<std::int64_t> expected_sums;
    std::vector<std::int32_t> expected_small_sums;
    for (std::uint64_t round = 0; round < 50; ++round) {
      std::vector<std::int32_t> small(kValues, -1000);
      std::vector<std::int64_t> large(kValues, 0);
      std::vector<std::int32_t> small_sum(kValues, 0);
      for (int rank = 0; rank < size; ++rank) {
        Rng rng(round, "values", static_cast<std::uint64_t>(rank));
        for (std::size_t i = 0; i < kValues; ++i) {
          const auto value = static_cast<std::int32_t>(rng.below(2000)) - 1000;
          small[i] = std::max(small[i], value);
          small_sum[i] += value;
          large[i] += static_cast<std::int64_t>(rng.below(1ULL << 60U)) - (1LL << 59);
        }
      }
      expected_most.insert(expected_most.end(), small.begin(), small.end());
      expected_sums.insert(expected_sums.end(), large.begin(), large.end());
      expected_small_sums.insert(expected_small_sums.end(), small_sum.begin(), small_sum.end());
    }
    for (int rank = 0; rank < size; ++rank) {
      CHECK(most[static_cast<std::size_t>(rank)] == expected_most);
      CHECK(sums[static_cast<std::size_t>(rank)] == expected_sums);
      CHECK(small_sums[static_cast<std::size_t>(rank)] == expected_small_sums);
    }
  });
}

TEST_CASE("all ranks get the text of rank 0", "[process_group]") {
  for_all_sizes([](int size) {
    PerRank<std::string> texts;
    const auto ends = run_ranks(size, [&](const auto& group) {
      std::string text = "rank " + std::to_string(group->rank());
      group->broadcast(text);
      texts[at(group)] = text;
    });
    CHECK(ends == all_end(size, "nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(texts[static_cast<std::size_t>(rank)] == "rank 0");
    }
  });
}

TEST_CASE("a queue hands out each number once, whichever rank takes it", "[process_group]") {
  for_all_sizes([](int size) {
    constexpr std::int64_t kUnits = 200;
    std::mutex mutex;
    std::vector<std::int64_t> taken;
    std::vector<std::int64_t> other;
    const auto ends = run_ranks(size, [&](const auto& group) {
      for (std::int64_t unit = group->next("units"); unit < kUnits; unit = group->next("units")) {
        const std::lock_guard lock(mutex);
        taken.push_back(unit);
      }
      const std::int64_t first = group->next("another queue");
      const std::lock_guard lock(mutex);
      other.push_back(first);
    });
    CHECK(ends == all_end(size, "nothing"));
    std::sort(taken.begin(), taken.end());
    std::vector<std::int64_t> expected(kUnits);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(taken == expected);
    std::sort(other.begin(), other.end());
    expected.resize(static_cast<std::size_t>(size));
    CHECK(other == expected);
  });
}

TEST_CASE("what rank 0 does for all is done once, and all get its text", "[process_group]") {
  for_all_sizes([](int size) {
    std::atomic<int> calls = 0;
    PerRank<std::string> texts;
    const auto ends = run_ranks(size, [&](const auto& group) {
      texts[at(group)] = group->on_root([&] {
        ++calls;
        return "by rank " + std::to_string(group->rank());
      });
    });
    CHECK(ends == all_end(size, "nothing"));
    CHECK(calls == 1);
    for (int rank = 0; rank < size; ++rank) {
      CHECK(texts[static_cast<std::size_t>(rank)] == "by rank 0");
    }
  });
}

TEST_CASE("an Error of what rank 0 does for all reaches all, and the group goes on",
          "[process_group]") {
  for_all_sizes([](int size) {
    PerRank<std::string> errors;
    PerRank<std::int32_t> after{};
    const auto ends = run_ranks(size, [&](const auto& group) {
      errors[at(group)] = error_of([&] {
        group->on_root([]() -> std::string { throw Error(ErrorKind::Data, "the disk is full"); });
      });
      std::int32_t most = group->rank();
      group->max(std::span(&most, 1));
      after[at(group)] = most;
    });
    CHECK(ends == all_end(size, "nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(errors[static_cast<std::size_t>(rank)] == "data: the disk is full");
      CHECK(after[static_cast<std::size_t>(rank)] == size - 1);
    }
  });
}

TEST_CASE("another exception of rank 0 stays what it is there and is a bug elsewhere",
          "[process_group]") {
  const auto ends = run_ranks(2, [](const auto& group) {
    group->on_root([]() -> std::string { throw std::runtime_error("oh"); });
  });
  CHECK(ends == std::vector<std::string>{"exception: oh", "internal: oh"});
}

TEST_CASE("a rank that fails releases the others, in whatever they wait", "[process_group]") {
  const std::vector<std::function<void(ProcessGroup&)>> waits{
      [](ProcessGroup& group) {
        std::int32_t value = 0;
        group.max(std::span(&value, 1));
      },
      [](ProcessGroup& group) {
        std::int64_t value = 0;
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
  for (int size = 2; size <= kMostRanks; ++size) {
    for (std::size_t i = 0; i < waits.size(); ++i) {
      CAPTURE(size, i);
      const auto ends = run_ranks(size, [&](const auto& group) {
        if (group->rank() == 1) throw Error(ErrorKind::Data, "a bad image");
        waits[i](*group);
      });
      std::vector<std::string> expected = all_end(size, "released: data: a bad image");
      expected[1] = "data: a bad image";
      CHECK(ends == expected);
    }
  }
}

TEST_CASE("ranks that call differently are told so, and do not wait for ever", "[process_group]") {
  const auto is_divergence = [](const std::string& end) {
    return contains(end, "internal: the ranks diverged");
  };
  const auto lengths = run_ranks(2, [](const auto& group) {
    std::vector<std::int32_t> values(group->rank() == 0 ? 1 : 2);
    group->max(values);
  });
  CHECK(std::all_of(lengths.begin(), lengths.end(), is_divergence));
  const auto early = run_ranks(3, [](const auto& group) {
    std::int32_t value = 0;
    if (group->rank() != 2) group->max(std::span(&value, 1));
  });
  CHECK(std::all_of(early.begin(), early.end(), is_divergence));
  const auto nested = run_ranks(2, [](const auto& group) {
    group->on_root([&] { return group->on_root([] { return std::string(); }); });
  });
  CHECK(nested == all_end(2, "internal: on_root inside on_root"));
}

TEST_CASE("one process is a group of one", "[process_group]") {
  SingleGroup group;
  CHECK(group.rank() == 0);
  CHECK(group.size() == 1);
  CHECK(group.local_rank() == 0);
  CHECK(group.local_size() == 1);
  std::vector<std::int32_t> most{3, -1};
  group.max(most);
  CHECK(most == std::vector<std::int32_t>{3, -1});
  std::vector<std::int64_t> sums{7};
  group.sum(sums);
  CHECK(sums == std::vector<std::int64_t>{7});
  std::vector<std::int32_t> small_sums{-7};
  group.sum(small_sums);
  CHECK(small_sums == std::vector<std::int32_t>{-7});
  std::string text = "x";
  group.broadcast(text);
  CHECK(text == "x");
  CHECK(group.next("a") == 0);
  CHECK(group.next("a") == 1);
  CHECK(group.next("b") == 0);
  CHECK(group.on_root([] { return std::string("y"); }) == "y");
  CHECK_THROWS_AS(group.on_root([]() -> std::string { throw std::runtime_error("oh"); }),
                  std::runtime_error);
  group.fail({ErrorKind::Data, "a bad image"});
  group.leave();
}

TEST_CASE("all ranks stop where one of them was asked to", "[process_group]") {
  for_all_sizes([](int size) {
    PerRank<int> steps{};
    const auto ends = run_ranks(size, [&](const auto& group) {
      StopToken token;
      const GroupStop stop(token, group);
      for (int step = 0; step < 10; ++step) {
        if (step == 4 && group->rank() == size - 1) token.request();
        stop.check();
        ++steps[at(group)];
      }
    });
    CHECK(ends == all_end(size, "interrupted: stopped on request; --resume continues"));
    for (int rank = 0; rank < size; ++rank) CHECK(steps[static_cast<std::size_t>(rank)] == 4);
  });
}

TEST_CASE("in the middle of its own work only a process that is alone stops", "[process_group]") {
  StopToken token;
  token.request();
  CHECK(error_of([&] { GroupStop(token).check_if_alone(); }) ==
        "interrupted: stopped on request; --resume continues");
  const auto ends = run_ranks(2, [](const auto& group) {
    StopToken requested;
    if (group->rank() == 1) requested.request();
    GroupStop(requested, group).check_if_alone();
  });
  CHECK(ends == all_end(2, "nothing"));
}

TEST_CASE("files are those of rank 0's disk, for all ranks", "[process_group]") {
  for_all_sizes([](int size) {
    const TemporaryFolder folder;
    PerRank<std::string> texts;
    PerRank<std::string> errors;
    const auto ends = run_ranks(size, [&](const auto& group) {
      const GroupFiles files(group);
      const auto root = group->rank() == 0 ? folder / "" : std::filesystem::path("/not there");
      GrowingFile file(root / "lines", false, files);
      if (files.exists(root / "lines")) throw Error(ErrorKind::Internal, "too early");
      file.append("rank " + std::to_string(group->rank()));
      file.flush();
      if (!files.exists(root / "lines")) throw Error(ErrorKind::Internal, "not written");
      GrowingFile again(root / "lines", true, files);
      again.append("more");
      again.flush();
      texts[at(group)] = files.read(root / "lines");
      errors[at(group)] = error_of([&] { files.read(root / "missing"); });
    });
    CHECK(ends == all_end(size, "nothing"));
    for (int rank = 0; rank < size; ++rank) {
      CHECK(texts[static_cast<std::size_t>(rank)] == "rank 0\nmore\n");
      CHECK(errors[static_cast<std::size_t>(rank)].starts_with(
          "data: " + (folder / "missing").string() + ": cannot read"));
    }
    CHECK_FALSE(std::filesystem::exists("/not there"));
  });
}
