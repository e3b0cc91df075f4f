#include "hsconas/base/files.hpp"

#include <fstream>
#include <sys/stat.h>
#include <thread>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "hsconas/base/input_file.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
namespace fs = std::filesystem;

TEST_CASE("a written file reads back, byte by byte", "[base]") {
  const TemporaryFolder folder;
  const std::string contents("a\0b\r\n\xff", 6);
  write_file(folder / "x", contents);
  CHECK(read_file(folder / "x") == contents);
  write_file(folder / "x", "");
  CHECK(read_file(folder / "x").empty());
  CHECK_FALSE(fs::exists(folder / "x.tmp"));
}

TEST_CASE("JSON files end with a newline and read back", "[base]") {
  const TemporaryFolder folder;
  const nlohmann::json value{{"a", {1, 2.5}}};
  write_json(folder / "x.json", value);
  CHECK(read_file(folder / "x.json").back() == '\n');
  CHECK(read_json(folder / "x.json") == value);
}

TEST_CASE("a sealed JSON file reads back, and no digit of it can change unnoticed", "[base]") {
  const TemporaryFolder folder;
  const nlohmann::json value{{"a", {1, 2.5, -0.0, 1e300}}, {"b", nullptr}, {"c", "x\u00e9"}};
  const fs::path file = folder / "x.json";
  write_sealed_json(file, value);
  CHECK(read_sealed_json(file) == value);
  CHECK(read_json(file) == value);
  std::string text = read_file(file);
  text[text.find("2.5")] = '3';
  write_file(file, text);
  for (const auto read : {read_sealed_json, read_json}) {
    CHECK(error_of([&] {
            read(file);
          }).starts_with("data: " + file.string() + ": does not match its checksum"));
  }
  write_json(file, value);
  CHECK(read_json(file) == value);
  CHECK(error_of([&] {
          read_sealed_json(file);
        }).starts_with("data: " + file.string() + ": has no checksum"));
}

TEST_CASE("a file that cannot be read is a data error that names it", "[base]") {
  const TemporaryFolder folder;
  const auto message = [](const fs::path& path) { return error_of([&] { read_file(path, 10); }); };
  CHECK(message(folder / "none") ==
        "data: " + (folder / "none").string() + ": cannot read: No such file or directory");
  CHECK(message(folder / "") ==
        "data: " + (folder / "").string() + ": cannot read: Is a directory");
  const auto too_long = folder / std::string(300, 'x');
  CHECK(message(too_long) == "data: " + too_long.string() + ": cannot read: File name too long");
  write_file(folder / "big", std::string(11, 'x'));
  CHECK(contains(message(folder / "big"), "11 bytes are more than the 10 expected"));
  write_file(folder / "x.json", "{");
  CHECK(contains(error_of([&] { read_json(folder / "x.json"); }), "x.json is not valid JSON"));
}

TEST_CASE("a failed write leaves the old file and no temporary file", "[base]") {
  const TemporaryFolder folder;
  fs::create_directory(folder / "x");  // A folder stands where the file should go.
  write_file(folder / "x" / "old", "old");
  CHECK(contains(error_of([&] { write_file(folder / "x", "new"); }), "cannot write"));
  CHECK(read_file(folder / "x" / "old") == "old");
  CHECK_FALSE(fs::exists(folder / "x.tmp"));
  CHECK(contains(error_of([&] { write_file(folder / "no" / "where", ""); }), "No such file"));
  CHECK(contains(error_of([&] { make_folder(folder / "x" / "old" / "sub"); }),
                 "cannot make this folder"));
}

TEST_CASE("a device is written to and not replaced", "[base]") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/dev/null", folder / "null");
  write_file(folder / "null", "lost");
  CHECK(std::filesystem::is_character_file(folder / "null"));
  std::filesystem::create_symlink("/dev/full", folder / "full");
  CHECK(contains(error_of([&] { write_file(folder / "full", "too much"); }), "No space left"));
  CHECK(std::filesystem::is_character_file(folder / "full"));
}

TEST_CASE("appending creates the file, extends it and reports errors", "[base]") {
  const TemporaryFolder folder;
  append_file(folder / "x", std::string("a\0", 2));
  append_file(folder / "x", "b");
  CHECK(read_file(folder / "x") == std::string("a\0b", 3));
  CHECK(error_of([&] { append_file(folder / "no" / "x", ""); }) ==
        "data: " + (folder / "no" / "x").string() + ": cannot write: No such file or directory");
}

TEST_CASE("folders are made with their parents, and twice without harm", "[base]") {
  const TemporaryFolder folder;
  make_folder(folder / "a" / "b");
  make_folder(folder / "a" / "b");
  CHECK(fs::is_directory(folder / "a" / "b"));
}

TEST_CASE("a growing file drops the lines it is asked to", "[base]") {
  const TemporaryFolder folder;
  write_file(folder / "x", "one\ntwo\n\nthree");  // The last line is incomplete.
  GrowingFile file(folder / "x", true);
  file.drop_if([](std::string_view line) { return line.starts_with("t"); });
  file.append("four");
  file.flush();
  CHECK(read_file(folder / "x") == "one\n\nfour\n");
}

TEST_CASE("a growing file appears at flush, and keeps its lines only when told so", "[base]") {
  const TemporaryFolder folder;
  GrowingFile file(folder / "x.csv", true);
  CHECK(file.empty());
  file.append("one");
  CHECK_FALSE(fs::exists(folder / "x.csv"));
  file.flush();
  CHECK(read_file(folder / "x.csv") == "one\n");

  GrowingFile kept(folder / "x.csv", true);
  kept.append("two");
  kept.flush();
  CHECK(read_file(folder / "x.csv") == "one\ntwo\n");

  GrowingFile fresh(folder / "x.csv", false);
  fresh.flush();  // Nothing new: the file stays.
  CHECK(read_file(folder / "x.csv") == "one\ntwo\n");
  fresh.append("three");
  fresh.flush();
  CHECK(read_file(folder / "x.csv") == "three\n");
}

TEST_CASE("stdin-pipe: a pipe is read to its end, whatever its size", "[base]") {
  const TemporaryFolder folder;
  const fs::path pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const std::string contents(300000, 'x');
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << contents; });
  CHECK(read_file(pipe) == contents);
  writer.join();
  CHECK(error_of([] { read_file("/dev/zero", 100000); }).find("more than the 100000 expected") !=
        std::string::npos);
  CHECK_FALSE(read_file("/proc/self/stat").empty());
}

TEST_CASE("fifo: a pipe or a device is refused where a regular file is asked for", "[base]") {
  const TemporaryFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  write_file(folder / "file", "0123456789");
  using Kind = InputFile::Kind;
  CHECK(InputFile(folder / "pipe", Kind::Regular).problem() == "Not a regular file");
  CHECK(InputFile("/dev/zero", Kind::Regular).problem() == "Not a regular file");
  CHECK(InputFile(folder / "", Kind::Any).problem() == "Is a directory");
  CHECK(InputFile(folder / "none", Kind::Any).problem() == "No such file or directory");
  const InputFile file(folder / "file", Kind::Regular);
  CHECK(file.problem().empty());
  CHECK(file.size() == 10);
  std::string part(4, ' ');
  CHECK(file.read_at(8, part.data(), part.size()) == 2);
  CHECK(part == "89  ");
}
