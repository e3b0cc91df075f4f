// Every reader of files meets files of every other kind: each error must name the file, and either
// what it is or what was expected, and never a kind that it is not.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>
#include <zlib.h>

#include "catch.hpp"
#include "hsconas/accel/accelerator.hpp"
#include "hsconas/accel/layer.hpp"
#include "hsconas/base/csv.hpp"
#include "hsconas/base/files.hpp"
#include "hsconas/base/log.hpp"
#include "hsconas/codesign/design_space.hpp"
#include "hsconas/config/config_file.hpp"
#include "hsconas/data/binary_sets.hpp"
#include "hsconas/data/folder_source.hpp"
#include "hsconas/latency/table.hpp"
#include "support/errors.hpp"
#include "support/temporary_folder.hpp"

using namespace hsconas;
using namespace std::string_literals;
namespace fs = std::filesystem;

namespace {

std::string gzipped(const fs::path& file, const std::string& bytes) {
  const gzFile out = gzopen(file.c_str(), "wb");
  gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(out);
  return read_file(file);
}

/// 300 bytes without a byte 0 that hold many brackets, as a program's code does.
std::string code_bytes() {
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += "[{\x90";
  return bytes;
}

/// A file of some kind, and the words by which an error may name the kind.
struct Sample {
  std::string bytes;
  std::vector<std::string> words;
};

std::map<std::string, Sample> samples(const fs::path& scratch) {
  std::string wide = "\xFF\xFE";
  for (const char c : "{\"seed\": 3}"s) wide += {c, '\0'};
  const std::string json = "{\"seed\": 3, \"name\": \"x\"}\n";
  return {{"elf", {"\x7F\x45LF\x02\x01\x01\0"s + code_bytes(), {"(ELF)"}}},
          {"gzip", {gzipped(scratch, json), {"gzip-compressed"}}},
          {"zip", {"PK\x03\x04\x14\0"s + code_bytes(), {"ZIP"}}},
          {"png", {"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"s, {"PNG image"}}},
          {"pdf", {"%PDF-1.7\n1 0 obj <</Kids [3 0 R]>>\n", {"PDF"}}},
          {"utf16", {wide, {"UTF-16"}}},
          {"tab", {"arch\tms\n0:0\t4.25\n", {"tabs"}}},
          {"empty", {"", {"empty"}}},
          {"yaml", {"space: a.json\nseed: 3\n", {"YAML"}}},
          {"toml", {"[data]\npath = \"x\"\n", {"TOML"}}},
          {"html", {"<!DOCTYPE html>\n<p>404\n", {"HTML"}}},
          {"json", {json, {"JSON"}}},
          {"csv", {"arch,ms\n0:0,4.25\n", {"CSV"}}},
          {"noise", {code_bytes(), {"binary", "UTF-8"}}},
          {"words", {"no format at all\n", {}}}};
}

/// A reader: what it expects, the kind of sample that it accepts, and the place of its file.
struct Reader {
  const char* name;
  std::vector<std::string> expected;  ///< Words by which its errors may name what it takes.
  std::string accepts;
  fs::path file;
  std::function<void()> read;
};

}  // namespace

TEST_CASE("every reader names a file of another kind, and what it is or should be", "[stages]") {
  const TemporaryFolder folder;
  Log log(Verbosity::Quiet, false);
  const fs::path plain = folder / "input";
  const std::vector<Reader> readers{
      {"config", {"JSON"}, "json", plain, [&] { load_config(plain, {}); }},
      {"space",
       {"JSON"},
       "json",
       folder / "space.json",
       [&] {
         write_file(folder / "config.json", "{\"space\": \"space.json\"}");
         load_config(folder / "config.json", {});
       }},
      {"accelerator", {"JSON"}, "json", plain, [&] { load_accelerator(plain); }},
      {"designs", {"JSON"}, "json", plain, [&] { load_design_space(plain); }},
      {"latency table", {"JSON"}, "json", plain, [&] { load_table(plain); }},
      {"result", {"JSON"}, "json", plain, [&] { read_sealed_json(plain); }},
      {"csv",
       {"CSV", "header", "column"},
       "csv",
       plain,
       [&] { CsvTable::load(plain).column("accuracy"); }},
      {"idx",
       {"IDX file"},
       "",
       folder / "idx/train-images-idx3-ubyte",
       [&] {
         for (const char* other :
              {"train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}) {
           write_file(folder / "idx" / other, "");
         }
         read_idx(folder / "idx");
       }},
      {"cifar",
       {"CIFAR-10", "cifar10"},
       "",
       folder / "cifar/data_batch_1.bin",
       [&] { read_cifar(folder / "cifar", CifarKind::Cifar10); }},
      {"image", {"JPEG"}, "png", folder / "images/a/1.jpg", [&] {
         FolderSplit split = index_folder(folder / "images", 1, log);
         const std::string* problem = split.damage.first_in((folder / "images").string());
         if (problem != nullptr) throw Error(ErrorKind::Data, *problem);
       }}};
  const auto kinds = samples(folder / "scratch.gz");
  std::set<std::string> all_words;
  for (const auto& [name, sample] : kinds)
    all_words.insert(sample.words.begin(), sample.words.end());
  for (const Reader& reader : readers) {
    make_folder(reader.file.parent_path());
    for (const auto& [kind, sample] : kinds) {
      write_file(reader.file, sample.bytes);
      const std::string error = error_of(reader.read);
      CAPTURE(reader.name, kind, error);
      CHECK(contains(error, reader.file.string()));
      if (kind == reader.accepts) continue;  // It is an error of the content.
      const auto is_in = [&](const std::string& word) { return contains(error, word); };
      const bool names_kind = std::any_of(sample.words.begin(), sample.words.end(), is_in);
      const bool names_expected =
          std::any_of(reader.expected.begin(), reader.expected.end(), is_in);
      CHECK((names_kind || names_expected));
      CHECK_FALSE(contains(error, "nested"));
      for (const std::string& word : all_words) {
        const bool is_own =
            std::find(sample.words.begin(), sample.words.end(), word) != sample.words.end();
        const bool is_wanted =
            std::any_of(reader.expected.begin(), reader.expected.end(),
                        [&](const std::string& expected) { return contains(expected, word); });
        // Remedies name the format to write, and the gzip sample holds JSON.
        const bool is_remedy = contains(error, "; save it as " + word) ||
                               contains(error, "; write it as " + word) ||
                               (kind == "gzip" && word == "JSON") ||
                               (word == "PNG image" && contains(error, "JPEG or PNG image"));
        if (!is_own && !is_wanted && !is_remedy) CHECK_FALSE(contains(error, word));
      }
    }
    // A folder in place of the file.
    fs::remove(reader.file);
    make_folder(reader.file);
    if (std::string(reader.name) != "image") {
      const std::string error = error_of(reader.read);
      CAPTURE(reader.name, error);
      CHECK(contains(error, reader.file.parent_path().string()));
      CHECK((contains(error, "Is a directory") || contains(error, "no *.bin file") ||
             contains(error, "holds no")));
    }
    fs::remove_all(reader.file);
  }
}

TEST_CASE("a compressed CSV file whose content is no CSV is named as both", "[stages]") {
  const TemporaryFolder folder;
  const fs::path file = folder / "accuracies.csv.gz";
  gzipped(file, "{\"a\": 1}");
  CHECK(error_of([&] { CsvTable::load(file); }) ==
        "data: " + file.string() + ": is gzip-compressed and, unpacked, is JSON, not CSV");
  gzipped(file, "a,b\n1,2\n");
  CHECK(error_of([&] { CsvTable::load(file); }) == "nothing");
}
