#include "hsconas/config/groups.hpp"

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/config/config_file.hpp"
#include "support/spaces.hpp"

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

TEST_CASE("several groups are refused on a GPU", "[config]") {
  json settings = {{"supernet", {{"batch", 64}, {"groups", 4}}}, {"device", {{"type", "cuda:1"}}}};
  CHECK_THROWS_WITH(read(settings),
                    "supernet.groups is 4, but training on a GPU supports only one group: set "
                    "supernet.groups=1, or device.type=cpu");
  settings["supernet"]["groups"] = 1;
  CHECK_NOTHROW(read(settings));
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
