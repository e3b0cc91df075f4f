#include "hsconas/config/groups.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/config/config_file.hpp"
#include "support/spaces.hpp"
#include "support/thread_group.hpp"

using namespace hsconas;
using nlohmann::json;

namespace {

Config read(const json& settings) {
  json source = {{"space", to_json(tiny_description(2))}};
  source.update(settings);
  return read_config(source);
}

}  // namespace

TEST_CASE("groups must divide the batch", "[config]") {
  CHECK(read(json::object()).supernet.groups == 1);
  CHECK(read({{"supernet", {{"batch", 64}, {"groups", 4}}}}).supernet.groups == 4);
  CHECK_THROWS_WITH(read({{"supernet", {{"batch", 64}, {"groups", 3}}}}),
                    "supernet.groups must divide supernet.batch (64), got 3");
  CHECK_THROWS_WITH(read({{"retrain", {{"batch", 8}, {"groups", 16}}}}),
                    "retrain.groups must divide retrain.batch (8), got 16");
  CHECK_THROWS_WITH(read({{"supernet", {{"groups", 0}}}}),
                    "supernet.groups must be in [1, 1024], got 0");
}

TEST_CASE("more processes than groups are told how many groups to set", "[config]") {
  const SupernetConfig one{.batch = 1024};
  CHECK_NOTHROW(check_processes("supernet", one, 1));
  CHECK_THROWS_WITH(check_processes("supernet", one, 8),
                    "8 processes but supernet.groups is 1: set supernet.groups=8 (128 images "
                    "each); the result then no longer depends on the number of processes");
  // The number of groups has to divide the batch, so it may exceed the number of processes.
  CHECK_THROWS_WITH(check_processes("retrain", {.batch = 96, .groups = 3}, 5),
                    "5 processes but retrain.groups is 3: set retrain.groups=6 (16 images each); "
                    "the result then no longer depends on the number of processes");
  CHECK_NOTHROW(check_processes("retrain", {.batch = 96, .groups = 6}, 5));
  CHECK_THROWS_WITH(check_processes("supernet", {.batch = 4}, 5),
                    "5 processes but supernet.batch is 4: start at most one process per image");
}

TEST_CASE("several processes do not share one GPU that is named", "[config]") {
  CHECK_NOTHROW(check_device("cuda:1", 1));
  CHECK_NOTHROW(check_device("cuda", 2));
  CHECK_NOTHROW(check_device("cpu", 2));
  CHECK_THROWS_WITH(check_device("cuda:1", 2),
                    "device.type is cuda:1, but 2 processes were started: set device.type=cuda, so "
                    "that each process takes a GPU of its own");
}

TEST_CASE("processes on different kinds of devices are refused, unless they may be mixed",
          "[config]") {
  const auto ends_on = [](const std::vector<std::string>& devices, bool may_differ) {
    std::vector<int> differ(devices.size(), -1);
    auto ends = run_ranks(static_cast<int>(devices.size()), [&](const auto& group) {
      const auto rank = static_cast<std::size_t>(group->rank());
      differ[rank] = check_equal_devices(*group, devices[rank], may_differ) ? 1 : 0;
    });
    for (const int each : differ) ends.push_back(std::to_string(each));
    return ends;
  };
  CHECK(ends_on({"cpu: A", "cpu: A"}, false) ==
        std::vector<std::string>{"nothing", "nothing", "0", "0"});
  CHECK(ends_on({"cpu: A", "cpu: B"}, true) ==
        std::vector<std::string>{"nothing", "nothing", "1", "1"});
  const auto ends = ends_on({"cpu: A", "cpu: B", "cpu: A"}, false);
  const std::string rest =
      ", and each kind of device rounds differently: start all processes on equal machines, or set "
      "cluster.mixed=true to do without equal bits";
  for (const std::size_t rank : {0U, 2U}) {
    CHECK(ends[rank] == "usage: rank 0 computes on \"cpu: A\" and rank 1 on another device" + rest);
  }
  CHECK(ends[1] == "usage: rank 0 computes on \"cpu: A\" and rank 1 on \"cpu: B\"" + rest);
}

TEST_CASE("each group of a batch belongs to one process, and no process is without", "[config]") {
  for (int groups = 1; groups <= 9; ++groups) {
    const SupernetConfig training{.batch = 7 * groups, .groups = groups};
    for (int processes = 1; processes <= groups; ++processes) {
      CAPTURE(groups, processes);
      int next = 0;
      int next_image = 0;
      for (int rank = 0; rank < processes; ++rank) {
        const GroupShare share = share_of(training, rank, processes);
        CHECK(share.first == next);
        CHECK(share.first_image() == next_image);
        CHECK(share.images() == 7 * share.count);
        CHECK(share.count >= groups / processes);
        CHECK(share.count <= groups / processes + 1);
        next += share.count;
        next_image += share.images();
      }
      CHECK(next == groups);
      CHECK(next_image == training.batch);
    }
  }
}
