#include "hsconas/report/tensorboard.hpp"

#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

#include "catch.hpp"
#include "hsconas/base/files.hpp"
#include "support/errors.hpp"
#include "support/event_reader.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

namespace {

MetricsLine line_of(const std::string& stage, std::int64_t step, double loss) {
  return {.stage = stage,
          .step = step,
          .time = 1.5 * static_cast<double>(step),
          .values = {{"loss", loss}, {"lr", 0.25}}};
}

MetricsHistory history_of(const std::vector<MetricsLine>& lines) {
  MetricsHistory history;
  for (const MetricsLine& line : lines) history.add(line);
  return history;
}

/// The scalars of the only event file in `folder` as "a/loss 20", ...
std::vector<std::string> scalars_in(const fs::path& folder) {
  std::vector<std::string> texts;
  for (const test::Scalar& scalar : test::scalars_of(test::only_event_file(folder))) {
    texts.push_back(scalar.tag + " " + std::to_string(scalar.step));
  }
  return texts;
}

}  // namespace

TEST_CASE("the tests' reader refuses a record with any flipped bit", "[report]") {
  const std::string record = tfrecord("payload");
  CHECK(test::payloads_of(record) == std::vector<std::string>{"payload"});
  for (std::size_t bit = 0; bit < 8 * record.size(); ++bit) {
    std::string damaged = record;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    CHECK_THROWS_AS(test::payloads_of(damaged), std::runtime_error);
  }
  CHECK_THROWS_AS(test::payloads_of(record.substr(0, record.size() - 1)), std::runtime_error);
}

TEST_CASE("an event file begins like TensorFlow's own files", "[report]") {
  const TemporaryFolder folder;
  const EventFile file(folder / "", {}, 1'700'000'000);
  const std::string contents = read_file(file.path());
  CHECK(file.path().filename() == "events.out.tfevents.1700000000.0.hsconas");
  // The length, 24 bytes, and its checksum are the same in every event file.
  CHECK(contents.substr(0, 12) == std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  const auto events = test::events_of(contents);
  REQUIRE(events.size() == 1);
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[0].wall_time == 1.7e9);
}

TEST_CASE("a line of metrics becomes an event with its time, step, tags and values", "[report]") {
  const auto events =
      test::events_of(tfrecord(event_message({.stage = "shrink-1",
                                              .step = 300,
                                              .time = 1.7e9 + 0.125,
                                              .values = {{"loss", 0.1}, {"lr", 2}}})));
  REQUIRE(events.size() == 1);
  CHECK(events[0].wall_time == 1.7e9 + 0.125);
  CHECK(events[0].step == 300);
  CHECK(events[0].values ==
        std::map<std::string, float>{{"shrink-1/loss", 0.1F}, {"shrink-1/lr", 2.0F}});
  const auto large = test::events_of(tfrecord(event_message({.stage = std::string(300, 'x'),
                                                             .step = std::int64_t{1} << 40,
                                                             .time = 0,
                                                             .values = {{"v", -1e30}}})));
  CHECK(large[0].step == std::int64_t{1} << 40);
  CHECK(large[0].values.begin()->first == std::string(300, 'x') + "/v");
  CHECK(large[0].values.begin()->second == -1e30F);
}

TEST_CASE("added lines are appended to the same event file", "[report]") {
  const TemporaryFolder folder;
  EventFile file(folder / "", history_of({line_of("a", 20, 2)}), 5);
  const fs::path path = file.path();
  const std::string before = read_file(path);
  file.add(line_of("a", 40, 1));
  CHECK(read_file(path) == before);
  file.flush();
  file.flush();
  CHECK(file.path() == path);
  CHECK(read_file(path).starts_with(before));
  CHECK(scalars_in(folder / "") ==
        std::vector<std::string>{"a/loss 20", "a/lr 20", "a/loss 40", "a/lr 40"});
}

TEST_CASE("a continued run starts a new event file without incomplete or repeated records",
          "[report]") {
  const TemporaryFolder folder;
  const auto before = EventFile(folder / "", history_of({line_of("a", 20, 2)}), 5).path();
  // A kill leaves an incomplete record.
  append_file(before, tfrecord(event_message(line_of("a", 40, 1))).substr(0, 30));
  CHECK_THROWS_AS(test::scalars_of(before), std::runtime_error);
  EventFile file(folder / "", history_of({line_of("a", 20, 2)}), 6);
  CHECK_FALSE(fs::exists(before));
  file.add(line_of("a", 40, 1));
  file.flush();
  CHECK(scalars_in(folder / "") ==
        std::vector<std::string>{"a/loss 20", "a/lr 20", "a/loss 40", "a/lr 40"});
}

TEST_CASE("repeated steps supersede the earlier ones, in a file with another name", "[report]") {
  const TemporaryFolder folder;
  EventFile file(folder / "",
                 history_of({line_of("a", 20, 3), line_of("a", 40, 2), line_of("b", 20, 1)}), 5);
  const fs::path before = file.path();
  file.add(line_of("a", 35, 9));
  file.add(line_of("a", 55, 8));
  file.flush();
  CHECK(file.path() != before);
  CHECK(scalars_in(folder / "") == std::vector<std::string>{"a/loss 20", "a/lr 20", "a/loss 35",
                                                            "a/lr 35", "a/loss 55", "a/lr 55"});
  file.add(line_of("b", 20, 7));
  file.flush();
  CHECK(scalars_in(folder / "").size() == 8);
}

TEST_CASE("only event files are removed", "[report]") {
  const TemporaryFolder folder;
  write_file(folder / "events.out.tfevents.1.other", "");
  write_file(folder / "events.txt", "");
  remove_event_files(folder / "");
  CHECK_FALSE(fs::exists(folder / "events.out.tfevents.1.other"));
  CHECK(fs::exists(folder / "events.txt"));
  remove_event_files(folder / "none");
  CHECK(contains(error_of([&] { EventFile(folder / "none", {}, 5); }), "cannot write"));
}
